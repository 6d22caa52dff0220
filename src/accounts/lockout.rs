//! Guessing is stopped: too many failed log-ins within a time lock the account, and many more the network address, for as
//! long. Behind one address may be a whole office: its bound is one of its own.
//!
//! The counters are rows, so a restart does not reset them, and a row is made for unknown accounts too, so that they
//! look alike. An attempt is judged when its outcome is recorded, not only when it begins: of a hundred guesses sent at
//! once, those recorded after the lock all hear the same, be they right or wrong.
//!
//! Attempts that are refused because of a lock are told to the audit log, too, once a minute for an account, an address and a
//! server.
//!
//! A success forgets the failures of the account but not those of the address: whoever owns one account could
//! otherwise go on guessing others.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::{
    config::sections,
    db::{Db, DbError, Tx},
    key,
};

/// When to lock, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Lockout {
    failures: i32,
    failures_of_address: i32,
    period: SignedDuration,
}

/// What is counted for one attempt: its account and its address.
#[derive(Debug, Clone)]
pub struct Keys {
    account: Vec<u8>,
    address: Option<Vec<u8>>,
}

impl Keys {
    /// Of a log-in; `address` is `None` on the command line and for local sockets.
    pub fn of(email: &str, address: Option<IpAddr>) -> Self {
        let account = digest(&format!("account:{}", email.to_lowercase()));
        Self { account, address: address.map(|address| digest(&format!("address:{}", network(address)))) }
    }

    pub(super) fn all(&self) -> Vec<&[u8]> {
        std::iter::once(&self.account).chain(&self.address).map(Vec::as_slice).collect()
    }
}

fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

/// An IPv6 network of 64 bits belongs to one customer: its addresses count as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Lockout {
    /// As the configuration says.
    pub fn new(config: &sections::Accounts) -> Self {
        let bound = |failures| i32::try_from(failures).unwrap_or(i32::MAX);
        let failures = bound(config.lockout_failures);
        let failures_of_address = bound(config.lockout_failures_address);
        Self {
            failures,
            failures_of_address,
            period: SignedDuration::try_from(*config.lockout).unwrap_or(SignedDuration::MAX),
        }
    }

    /// Until when an attempt is refused; asked before the password is looked at.
    pub async fn locked_until(
        &self,
        db: &Db,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, DbError> {
        const LOCKED: &str = "-- accounts.lockout.until
            SELECT k.n, f.locked_until FROM unnest($1::bytea[]) WITH ORDINALITY AS k (key, n)
            JOIN login_failure f ON f.key = k.key AND f.locked_until IS NOT NULL";
        let asked = keys.all().into_iter().map(|key| db.lookup(LOCKED, key![key.to_vec()]));
        let answers = futures_util::future::try_join_all(asked).await?;
        let until = answers.iter().filter_map(|rows| Some(rows.first()?.get::<_, Timestamp>(1))).max();
        Ok(until.filter(|until| *until > now))
    }

    /// Counts a failure. `Some` when account or address had been locked meanwhile.
    pub async fn failed(
        &self,
        tx: &mut Tx,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, DbError> {
        // In the order of their keys: two attempts that share a row cannot deadlock.
        const FAIL: &str = "-- accounts.lockout.fail
            INSERT INTO login_failure AS f (key, failures, locked_until, last_at)
            SELECT key, 1, CASE WHEN CASE key WHEN $6 THEN $7::int ELSE $3::int END <= 1 THEN $5::timestamptz END, $2
            FROM unnest($1::bytea[]) AS key ORDER BY key
            ON CONFLICT (key) DO UPDATE SET last_at = $2,
                failures = CASE WHEN f.last_at <= $4 OR f.locked_until IS NOT NULL THEN 1 ELSE f.failures + 1 END,
                locked_until = CASE WHEN CASE f.key WHEN $6 THEN $7 ELSE $3 END <= CASE WHEN f.last_at <= $4 OR f.locked_until IS NOT NULL
                    THEN 1 ELSE f.failures + 1 END THEN $5::timestamptz END
            WHERE f.locked_until IS NULL OR f.locked_until <= $2";
        let all = keys.all();
        let (since, until) = (self.before(now), self.after(now));
        let (most, of_address) = (&self.failures, &self.failures_of_address);
        let args: [&(dyn postgres_types::ToSql + Sync); 7] =
            [&all, &now, most, &since, &until, &keys.address, of_address];
        let counted = tx.execute(FAIL, &args).await?;
        if counted == all.len() as u64 { Ok(None) } else { self.locked(tx, keys, now).await }
    }

    /// Forgets the failures of the account. `Some` when account or address had been locked meanwhile: the attempt came
    /// too late, whatever its password.
    pub async fn succeeded(
        &self,
        tx: &mut Tx,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, DbError> {
        const CLEAR: &str = "-- accounts.lockout.clear
            DELETE FROM login_failure WHERE key = $1";
        let locked = self.locked(tx, keys, now).await?;
        if locked.is_none() {
            tx.execute(CLEAR, &[&keys.account]).await?;
        }
        Ok(locked)
    }

    /// `Some` when account or address are locked: for what is no success yet, and forgets nothing.
    pub async fn locked(
        &self,
        tx: &mut Tx,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, DbError> {
        const LOCK: &str = "-- accounts.lockout.lock
            SELECT max(locked_until) FROM login_failure WHERE key = ANY($1::bytea[]) AND locked_until > $2";
        Ok(tx.query_one(LOCK, &[&keys.all(), &now]).await?.get(0))
    }

    fn before(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.period).unwrap_or(Timestamp::MIN)
    }

    fn after(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.period).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn spellings_of_one_account_and_addresses_of_one_network_count_together() {
        let keys = |email: &str, address: &str| {
            let keys = Keys::of(email, Some(address.parse().unwrap()));
            (keys.account, keys.address)
        };
        let one = keys("Anna@Example.org", "2001:db8::1");
        assert_eq!(one, keys("anna@example.org", "2001:db8::ffff"));
        assert_ne!(one.1, keys("anna@example.org", "2001:db8:0:1::1").1);
        assert_eq!(keys("a@b.it", "10.0.0.1").1, keys("a@b.it", "::ffff:10.0.0.1").1);
    }
}
