//! The second factor of a log-in: enrolled, confirmed by a first code, asked for, taken away.
//!
//! Invariants
//! - The secret is stored sealed (AES-256-GCM) and bound to its owner: in another row it does not open. The keys are those
//!   of `jobs.seal_keys`; behind them stands one made from `accounts.secret`, which seals when none is configured.
//! - A code is good once: its step must be later than that of the last one, compared by the statement that stores it.
//! - A factor that was not confirmed asks nobody for anything, and is forgotten after [`ENROLMENT`].

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{
    recovery::{self, RecoveryCode},
    totp::Secret,
};
use crate::{
    db::{Db, DbError, Tx},
    ids::UserId,
    key,
    sealing::{KeyRing, OpenError},
};

/// How long a new secret waits for its first code.
pub const ENROLMENT: SignedDuration = SignedDuration::from_mins(15);
/// The key that is always there. It has a colon: no configured key is called so.
const OWN_KEY: &str = "accounts:totp";

/// Adds to the configured keys one made from the server's own secret.
pub fn key_ring(configured: KeyRing, secret: &[u8]) -> KeyRing {
    configured.and_own(OWN_KEY, b"sportello: seals second factors", secret)
}

/// What somebody offers as the second factor.
#[derive(Clone)]
pub enum Proof {
    /// The code that an authenticator shows.
    Code(String),
    /// One of the codes for the day it is lost.
    Recovery(String),
}

impl Proof {
    /// Its name in answers and in the audit log.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Code(_) => METHODS[0],
            Self::Recovery(_) => METHODS[1],
        }
    }
}

/// The names of all methods.
pub const METHODS: [&str; 2] = ["totp", "recovery_code"];

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [redacted]", self.method())
    }
}

/// A person's second factor, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = SecondFactor)]
pub struct Status {
    /// Since when log-ins ask for it; `null`: they do not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub enabled_at: Option<Timestamp>,
    /// Recovery codes that were not used yet.
    pub recovery_codes_left: i64,
}

/// Why a second factor could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    /// It was sealed with a key that is gone, or changed by hand.
    #[error("a second factor does not open: {0}")]
    Sealed(#[from] OpenError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What became of a first code.
#[derive(Debug)]
pub enum Confirming {
    /// Log-ins ask for it from now on. Shown once.
    Enabled(Vec<RecoveryCode>),
    /// The code is not the one that is shown.
    WrongCode,
    /// Nothing waits for a code: enrol first.
    NotEnrolling,
}

/// What the person has.
pub async fn status(db: &Db, user: UserId) -> Result<Status, DbError> {
    const STATUS: &str = "-- accounts.second_factor.status
        SELECT k.n, t.confirmed_at, (SELECT count(*) FROM recovery_code r
            WHERE r.user_id = k.user_id AND r.used_at IS NULL) AS left
        FROM unnest($1::uuid[]) WITH ORDINALITY AS k (user_id, n) LEFT JOIN totp t ON t.user_id = k.user_id";
    let rows = db.lookup(STATUS, key![user]).await?;
    let row = rows.first();
    Ok(Status {
        enabled_at: row.and_then(|row| row.get("confirmed_at")),
        recovery_codes_left: row.map_or(0, |row| row.get("left")),
    })
}

/// Whether log-ins ask for it.
pub async fn is_enabled(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    const ENABLED: &str = "-- accounts.second_factor.is_enabled
        SELECT FROM totp WHERE user_id = $1 AND confirmed_at IS NOT NULL";
    Ok(tx.query_opt(ENABLED, &[&user]).await?.is_some())
}

/// Makes a secret that waits for its first code; one that waited before is forgotten. `None` when there is one already
/// that is asked for.
///
/// # Panics
/// When the ring has no key: [`key_ring`] gives it one.
pub async fn enrol(
    tx: &mut Tx,
    ring: &KeyRing,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Secret>, DbError> {
    const ENROL: &str = "-- accounts.second_factor.enrol
        INSERT INTO totp AS t (user_id, secret, last_step, created_at) VALUES ($1, $2, 0, $3)
        ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, last_step = 0, created_at = excluded.created_at
        WHERE t.confirmed_at IS NULL";
    let secret = Secret::generate();
    let sealed = ring.seal_bytes(&about(user), secret.bytes()).expect("the ring has a key of its own");
    let enrolled = tx.execute(ENROL, &[&user, &sealed, &now]).await?;
    Ok((enrolled == 1).then_some(secret))
}

/// Turns the second factor on when `code` is what the authenticator shows.
pub async fn confirm(
    tx: &mut Tx,
    ring: &KeyRing,
    user: UserId,
    code: &str,
    now: Timestamp,
) -> Result<Confirming, SecondFactorError> {
    const WAITING: &str = "-- accounts.second_factor.waiting
        SELECT secret FROM totp WHERE user_id = $1 AND confirmed_at IS NULL AND created_at > $2 FOR UPDATE";
    const CONFIRM: &str = "-- accounts.second_factor.confirm
        UPDATE totp SET confirmed_at = $3, last_step = $2 WHERE user_id = $1 AND confirmed_at IS NULL";
    let since = now.checked_sub(ENROLMENT).unwrap_or(Timestamp::MIN);
    let Some(row) = tx.query_opt(WAITING, &[&user, &since]).await? else {
        return Ok(Confirming::NotEnrolling);
    };
    let Some(step) = open(ring, user, row.get("secret"))?.step(code, now) else {
        return Ok(Confirming::WrongCode);
    };
    tx.execute(CONFIRM, &[&user, &step, &now]).await?;
    Ok(Confirming::Enabled(recovery::replace(tx, user).await?))
}

/// Whether the proof is right. A right one is used up: it is never right again, once the transaction is committed.
pub async fn prove(
    tx: &mut Tx,
    ring: &KeyRing,
    user: UserId,
    proof: &Proof,
    now: Timestamp,
) -> Result<bool, SecondFactorError> {
    const SECRET: &str = "-- accounts.second_factor.secret
        SELECT secret FROM totp WHERE user_id = $1 AND confirmed_at IS NOT NULL";
    const ACCEPT: &str = "-- accounts.second_factor.accept
        UPDATE totp SET last_step = $2
        WHERE user_id = $1 AND last_step < $2 AND secret = $3 AND confirmed_at IS NOT NULL";
    let code = match proof {
        Proof::Code(code) => code,
        Proof::Recovery(code) => return Ok(recovery::redeem(tx, user, code, now).await?),
    };
    let Some(row) = tx.query_opt(SECRET, &[&user]).await? else { return Ok(false) };
    let sealed: &[u8] = row.get("secret");
    let Some(step) = open(ring, user, sealed)?.step(code, now) else { return Ok(false) };
    Ok(tx.execute(ACCEPT, &[&user, &step, &sealed]).await? == 1)
}

/// Takes it away, with its recovery codes; `false` when there was none that is asked for.
pub async fn remove(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    const REMOVE: &str = "-- accounts.second_factor.remove
        DELETE FROM totp WHERE user_id = $1 AND confirmed_at IS NOT NULL";
    recovery::remove(tx, user).await?;
    Ok(tx.execute(REMOVE, &[&user]).await? == 1)
}

fn open(ring: &KeyRing, user: UserId, sealed: &[u8]) -> Result<Secret, OpenError> {
    Secret::from_bytes(&ring.open_bytes(&about(user), sealed)?).ok_or(OpenError::Damaged)
}

/// What a secret belongs to.
fn about(user: UserId) -> Vec<u8> {
    [b"totp:".as_slice(), user.0.as_bytes()].concat()
}
