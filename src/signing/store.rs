//! Authorities and people's certificates in PostgreSQL, so that all servers sign with the same.
//!
//! Invariants
//! - A private key is sealed for its serial number (AES-256-GCM): in another row it does not open.
//! - A person has one certificate with a key at most. A key is gone from the row when its certificate was replaced or revoked:
//!   nobody signs with it any more, whoever reads the database.
//! - Two servers that make an authority or a certificate at once end with the same one.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    authority::{Keyed, Made},
    providers::Signer,
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::UserId,
    key,
    sealing::{KeyRing, OpenError},
};

/// Keys wrapped again by one transaction.
pub const BATCH: i64 = 200;
/// The key that is always there. It has a colon: no configured key is called so.
const OWN_KEY: &str = "signing:keys";
/// Revoked certificates that one list names; there are as many as people whose accounts were closed within a year.
const REVOKED_MAX: i64 = 100_000;

/// Why a key is not there.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not open.
    #[error("a signing key: {0}")]
    Key(#[from] OpenError),
    /// There is no key to seal with.
    #[error("there is no key to seal signing keys with")]
    NoRing,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Adds to the configured keys one made from the server's own secret.
pub fn key_ring(configured: KeyRing, secret: &[u8]) -> KeyRing {
    configured.and_own(OWN_KEY, b"sportello: seals signing keys", secret)
}

/// An authority as it is stored.
#[derive(Debug, Clone)]
pub struct Authority {
    /// 1, 2, 3 …
    pub generation: i32,
    /// Its keys and certificates.
    pub made: Made,
}

fn about(serial: &[u8]) -> Vec<u8> {
    [b"signing key\0", serial].concat()
}

/// A private key as it is stored, and the name of the key that seals it.
fn sealed(ring: &KeyRing, keyed: &Keyed) -> Result<(String, Vec<u8>), StoreError> {
    let name = ring.newest().ok_or(StoreError::NoRing)?.to_owned();
    let sealed = ring.seal_bytes(&about(&keyed.serial), &keyed.key).ok_or(StoreError::NoRing)?;
    Ok((name, sealed))
}

fn opened(ring: &KeyRing, serial: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    ring.open_bytes(&about(serial), sealed)
}

impl Authority {
    fn from_row(ring: &KeyRing, row: &Row) -> Result<Self, StoreError> {
        let keyed = |certificate: &str, serial: &str, key: &str| -> Result<Keyed, StoreError> {
            let serial: Vec<u8> = row.get(serial);
            Ok(Keyed {
                certificate: row.get(certificate),
                key: opened(ring, &serial, row.get(key))?,
                serial,
                not_before: row.get("not_before"),
                not_after: row.get("not_after"),
            })
        };
        Ok(Self {
            generation: row.get("generation"),
            made: Made {
                label: row.get("label"),
                root: row.get("root"),
                issuing: keyed("issuing", "issuing_serial", "issuing_key")?,
                time_stamp: keyed("time_stamp", "time_stamp_serial", "time_stamp_key")?,
            },
        })
    }
}

macro_rules! authority_columns {
    () => {
        "generation, label, root, issuing, issuing_serial, issuing_key, time_stamp, time_stamp_serial, time_stamp_key, \
         not_before, not_after"
    };
}

/// The newest authority that is good now and until then.
pub async fn authority(
    db: &Db,
    ring: &KeyRing,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Authority>, StoreError> {
    const NEWEST: &str = concat!(
        "-- signing.authority.newest\nSELECT ",
        authority_columns!(),
        " FROM signing_authority WHERE not_before <= $1 AND not_after >= $2 ORDER BY generation DESC LIMIT 1"
    );
    let rows = db.read(NEWEST, args![now, until]).await?;
    rows.first().map(|row| Authority::from_row(ring, row)).transpose()
}

/// Keeps a new authority as the next generation, unless somebody was faster: then theirs is the next.
pub async fn keep_authority(
    tx: &mut Tx,
    ring: &KeyRing,
    made: &Made,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    // First the lock alone: what is read below is what the one before has left.
    const LOCK: &str = "-- signing.authority.lock\nLOCK TABLE signing_authority IN SHARE ROW EXCLUSIVE MODE";
    const KEEP: &str = "-- signing.authority.keep
        INSERT INTO signing_authority (generation, label, root, issuing, issuing_serial, issuing_key, time_stamp,
            time_stamp_serial, time_stamp_key, key_id, not_before, not_after, created_at)
        SELECT coalesce(max(generation), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
        FROM signing_authority
        HAVING NOT coalesce(bool_or(not_before <= $12 AND not_after >= $13), false)";
    let Made { label, root, issuing, time_stamp } = made;
    let (key_id, issuing_key) = sealed(ring, issuing)?;
    let (_, time_stamp_key) = sealed(ring, time_stamp)?;
    tx.execute(LOCK, &[]).await?;
    tx.execute(
        KEEP,
        &[
            label,
            root,
            &issuing.certificate,
            &issuing.serial,
            &issuing_key,
            &time_stamp.certificate,
            &time_stamp.serial,
            &time_stamp_key,
            &key_id,
            &issuing.not_before,
            &issuing.not_after,
            &now,
            &until,
        ],
    )
    .await?;
    Ok(())
}

/// The roots of all authorities, the newest first.
pub async fn roots(db: &Db) -> Result<Vec<Vec<u8>>, DbError> {
    const ROOTS: &str = "-- signing.authority.roots
        SELECT root FROM signing_authority ORDER BY generation DESC LIMIT 100";
    Ok(db.read(ROOTS, args![]).await?.iter().map(|row| row.get("root")).collect())
}

/// A person's certificate, and who issued it.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// DER.
    pub certificate: Vec<u8>,
    /// Of the certificate.
    pub serial: Vec<u8>,
    /// Until when it is good.
    pub not_after: Timestamp,
    /// What it says of the person.
    pub names: String,
    /// DER of who issued it.
    pub issuing: Vec<u8>,
}

/// What a certificate says of a person, in one line: who is called otherwise gets another one.
pub fn names(signer: &Signer) -> String {
    let person = &signer.person;
    let code = person.fiscal_code.as_deref().unwrap_or_default();
    format!("{}|{}|{}|{code}", person.country, person.given_name, person.surname)
}

/// The certificate with which a person signs.
pub async fn current(db: &Db, user: UserId) -> Result<Option<Certificate>, DbError> {
    const CURRENT: &str = "-- signing.certificate.current
        SELECT k.n, c.certificate, c.serial, c.not_after, c.names, a.issuing
        FROM unnest($1::uuid[]) WITH ORDINALITY AS k (user_id, n)
        JOIN signing_certificate c ON c.user_id = k.user_id AND c.key IS NOT NULL
        JOIN signing_authority a ON a.generation = c.generation";
    let rows = db.lookup(CURRENT, key![user]).await?;
    Ok(rows.first().map(|row| Certificate {
        certificate: row.get("certificate"),
        serial: row.get("serial"),
        not_after: row.get("not_after"),
        names: row.get("names"),
        issuing: row.get("issuing"),
    }))
}

/// The private key of a certificate, if it is not gone.
pub async fn key_of(db: &Db, ring: &KeyRing, serial: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    const KEY: &str = "-- signing.certificate.key
        SELECT key FROM signing_certificate WHERE serial = $1 AND key IS NOT NULL";
    let rows = db.read(KEY, args![serial.to_vec()]).await?;
    Ok(rows.first().map(|row| opened(ring, serial, row.get("key"))).transpose()?)
}

/// Keeps a new certificate in the place of the person's last one, unless somebody else was faster: then theirs stays. `false`:
/// the account is closed.
pub async fn keep(
    tx: &mut Tx,
    ring: &KeyRing,
    (signer, generation): (&Signer, i32),
    (keyed, renew_before): (&Keyed, Timestamp),
    now: Timestamp,
) -> Result<bool, StoreError> {
    // The person's row is the lock: also against an account that is closed meanwhile, which revokes.
    const LOCK: &str = "-- signing.certificate.lock_owner
        SELECT FROM users WHERE id = $1 AND status = 'active' AND erased_at IS NULL FOR NO KEY UPDATE";
    const RETIRE: &str = "-- signing.certificate.retire
        UPDATE signing_certificate SET key = NULL, key_id = NULL
        WHERE user_id = $1 AND key IS NOT NULL AND (not_after < $2 OR names <> $3)";
    const KEEP: &str = "-- signing.certificate.keep
        INSERT INTO signing_certificate (serial, user_id, generation, names, certificate, key_id, key, not_before, not_after,
            created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (user_id) WHERE key IS NOT NULL DO NOTHING";
    if tx.query_opt(LOCK, &[&signer.user]).await?.is_none() {
        return Ok(false);
    }
    let names = names(signer);
    tx.execute(RETIRE, &[&signer.user, &renew_before, &names]).await?;
    let (key_id, key) = sealed(ring, keyed)?;
    let Keyed { certificate, serial, not_before, not_after, .. } = keyed;
    tx.execute(
        KEEP,
        &[serial, &signer.user, &generation, &names, certificate, &key_id, &key, not_before, not_after, &now],
    )
    .await?;
    Ok(true)
}

/// Revokes what a person signs with: the account is disabled or closed. The keys are gone with the commit.
pub async fn revoke(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), DbError> {
    const REVOKE: &str = "-- signing.certificate.revoke
        UPDATE signing_certificate SET revoked_at = $2, key = NULL, key_id = NULL
        WHERE user_id = $1 AND revoked_at IS NULL AND not_after > $2";
    tx.execute(REVOKE, &[&user, &now]).await?;
    Ok(())
}

/// Removes what certificates say of an erased person: what is signed holds its own copy. That a number is revoked stays.
pub async fn forget(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    const FORGET: &str = "-- signing.certificate.forget
        UPDATE signing_certificate SET names = '', certificate = NULL, key = NULL, key_id = NULL WHERE user_id = $1";
    tx.execute(FORGET, &[&user]).await?;
    Ok(())
}

/// The authorities that are good, with the numbers of what is revoked of theirs, and since when.
pub async fn revoked(
    db: &Db,
    ring: &KeyRing,
    now: Timestamp,
) -> Result<Vec<(Authority, Vec<(Vec<u8>, Timestamp)>)>, StoreError> {
    const GOOD: &str = concat!(
        "-- signing.authority.good\nSELECT ",
        authority_columns!(),
        " FROM signing_authority WHERE not_after > $1 ORDER BY generation DESC LIMIT 100"
    );
    const REVOKED: &str = "-- signing.certificate.revoked
        SELECT generation, serial, revoked_at FROM signing_certificate
        WHERE revoked_at IS NOT NULL AND not_after > $1 ORDER BY revoked_at LIMIT $2";
    let numbers = db.read(REVOKED, args![now, REVOKED_MAX]).await?;
    let of = |generation: i32| {
        let rows = numbers.iter().filter(|row| row.get::<_, i32>("generation") == generation);
        rows.map(|row| (row.get("serial"), row.get("revoked_at"))).collect()
    };
    let rows = db.read(GOOD, args![now]).await?;
    rows.iter()
        .map(|row| {
            let authority = Authority::from_row(ring, row)?;
            let numbers = of(authority.generation);
            Ok((authority, numbers))
        })
        .collect()
}

/// Seals keys again that another key than the newest has sealed; how many, and how many did not open.
pub async fn rewrap(tx: &mut Tx, ring: &KeyRing) -> Result<(u64, u64), StoreError> {
    const OUTDATED: &str = "-- signing.rewrap.certificates
        SELECT serial, key FROM signing_certificate WHERE key IS NOT NULL AND key_id <> $1
        ORDER BY serial LIMIT $2 FOR UPDATE";
    const REPLACE: &str = "-- signing.rewrap.replace
        UPDATE signing_certificate SET key = $2, key_id = $3 WHERE serial = $1";
    let newest = ring.newest().ok_or(StoreError::NoRing)?.to_owned();
    let (mut wrapped, mut unknown) = (0, 0);
    for row in tx.query(OUTDATED, &[&newest, &BATCH]).await? {
        let serial: Vec<u8> = row.get("serial");
        let Some(key) = again(ring, &serial, row.get("key")) else {
            unknown += 1;
            continue;
        };
        wrapped += tx.execute(REPLACE, &[&serial, &key, &newest]).await?;
    }
    let (more, lost) = rewrap_authorities(tx, ring, &newest).await?;
    Ok((wrapped + more, unknown + lost))
}

async fn rewrap_authorities(tx: &mut Tx, ring: &KeyRing, newest: &str) -> Result<(u64, u64), StoreError> {
    const OUTDATED: &str = "-- signing.rewrap.authorities
        SELECT generation, issuing_serial, issuing_key, time_stamp_serial, time_stamp_key FROM signing_authority
        WHERE key_id <> $1 ORDER BY generation LIMIT $2 FOR UPDATE";
    const REPLACE: &str = "-- signing.rewrap.replace_authority
        UPDATE signing_authority SET issuing_key = $2, time_stamp_key = $3, key_id = $4 WHERE generation = $1";
    let (mut wrapped, mut unknown) = (0, 0);
    for row in tx.query(OUTDATED, &[&newest, &BATCH]).await? {
        let generation: i32 = row.get("generation");
        let issuing = again(ring, row.get("issuing_serial"), row.get("issuing_key"));
        let stamping = again(ring, row.get("time_stamp_serial"), row.get("time_stamp_key"));
        let Some((issuing, stamping)) = issuing.zip(stamping) else {
            unknown += 1;
            continue;
        };
        wrapped += tx.execute(REPLACE, &[&generation, &issuing, &stamping, &newest]).await?;
    }
    Ok((wrapped, unknown))
}

fn again(ring: &KeyRing, serial: &[u8], old: &[u8]) -> Option<Vec<u8>> {
    let key = opened(ring, serial, old);
    let key = key.inspect_err(|error| tracing::error!(%error, "a signing key does not open")).ok()?;
    ring.seal_bytes(&about(serial), &key)
}
