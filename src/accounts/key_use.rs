//! A request with a key: whose it is, whether it is still good, and counted against its quota.
//!
//! Invariants
//! - Nothing about a key is believed from an earlier request: its row and its owner's are read for each. Revoked, expired,
//!   its owner disabled or erased: it is dead with the next request, on every server.
//! - The quota is exact over all servers: one row per key and hour of the clock, counted up by one statement that does not
//!   go past the quota. A server that has seen it spent asks no more in that hour, and a
//!   busy key takes no more than one of a server's connections.
//! - Keys that are good for something at the clinic desk make no more requests, all those of a clinic's members together, than
//!   the clinic has ([`Tier`]): a row per clinic and hour is counted up by the same statement, and before that of the key, so that
//!   two who count never wait for each other. What one of the two refuses counts in neither.
//! - When it was last used is written at most once a minute and server, after the answer has gone its way.
//! - Refused keys are told to the audit log at most once a minute per key, reason and server; garbage that is no key never.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    policy::{Principal, Roles, Via},
    scopes::Scopes,
    seldom::{SELDOM, Said},
    sessions::Origin,
    tokens::TokenHash,
    trail::tell_later,
};
use crate::{
    args,
    audit::{Entry, Outcome, Who},
    clinic::tiers::Tier,
    clock::Clock,
    db::{Db, DbError, Tx},
    ids::{ApiKeyId, ClinicId, UserId},
    key,
};

/// What a quota is of.
pub const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Keys remembered by each of the tables below: some tens of bytes each.
const REMEMBERED_MAX: u64 = 100_000;
/// How long a key is known to be one, which is only asked when its address is under suspicion.
const FAMILIAR: Duration = Duration::from_secs(600);

/// Whose a key is, and what it may.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// The key.
    pub key: ApiKeyId,
    /// Who makes the request.
    pub principal: Principal,
    /// What it is good for.
    pub scopes: Scopes,
    quota: i32,
    /// Whose quota it shares, and how much that is.
    clinic: Option<(ClinicId, i32)>,
    last_used_at: Option<Timestamp>,
}

impl Holder {
    /// Who is counted, with the quotas of each.
    fn counted(&self) -> impl Iterator<Item = (Uuid, i32)> {
        let of_clinic = self.clinic.map(|(clinic, quota)| (clinic.0, quota));
        of_clinic.into_iter().chain([(self.key.0, self.quota)])
    }
}

/// What is left of a quota: of its own, or of that of its clinic, whichever is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The quota.
    pub quota: i32,
    /// What is left of it; `None`: this request was one too many.
    pub left: Option<i32>,
    /// Until the next hour begins.
    pub reset: Duration,
}

/// As [`KeyUse::find`] says, without its hash.
const IS_GOOD: &str = "-- accounts.key_use.is_good
    SELECT FROM api_key AS a JOIN users AS u ON u.id = a.user_id
    WHERE a.id = $1 AND a.revoked_at IS NULL AND (a.expires_at IS NULL OR a.expires_at > $2)
      AND u.status = 'active' AND u.erased_at IS NULL";

/// Whether a key is good still: for who goes on with something that was begun with it.
pub async fn is_good(db: &Db, key: ApiKeyId, now: Timestamp) -> Result<bool, DbError> {
    Ok(!db.read(IS_GOOD, args![key, now]).await?.is_empty())
}

/// The same in a transaction.
pub async fn is_good_in(tx: &mut Tx, key: ApiKeyId, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.query_opt(IS_GOOD, &[&key, &now]).await?.is_some())
}

/// Looks keys up and counts their requests. Cheap to clone.
#[derive(Clone)]
pub struct KeyUse(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    /// Keys that were good lately.
    familiar: moka::sync::Cache<TokenHash, ()>,
    /// Hours whose quota, of this size, is spent: of keys and of clinics.
    spent: moka::sync::Cache<Uuid, (Timestamp, i32)>,
    /// Requests of one key, and of the keys of one clinic, are counted one after the other: they would wait for its row, each
    /// with a connection.
    turns: moka::sync::Cache<Uuid, Arc<tokio::sync::Mutex<()>>>,
    /// What was told or written last.
    told: Said<(ApiKeyId, &'static str)>,
}

impl KeyUse {
    /// Keys in `db`.
    pub fn new(db: Db, clock: Clock) -> Self {
        let familiar =
            moka::sync::Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(FAMILIAR).build();
        let (spent, told) = (moka::sync::Cache::new(REMEMBERED_MAX), Said::default());
        let turns = moka::sync::Cache::builder().max_capacity(REMEMBERED_MAX).time_to_idle(FAMILIAR).build();
        Self(Arc::new(Inner { db, clock, familiar, spent, turns, told }))
    }

    /// Whether this was a good key a moment ago.
    pub fn is_familiar(&self, hash: &TokenHash) -> bool {
        self.0.familiar.contains_key(hash)
    }

    /// Whose this key is; `None` for every key that is not, or no longer, good.
    pub async fn find(&self, hash: TokenHash, origin: &Origin) -> Result<Option<Holder>, DbError> {
        const FIND: &str = "-- accounts.key_use.find
            SELECT k.n, a.id, a.user_id, a.scopes, a.quota_per_hour, a.expires_at, a.last_used_at, a.revoked_at, u.roles, c.id AS clinic_id, c.tier,
                u.status = 'active' AND u.erased_at IS NULL AS is_active
            FROM unnest($1::bytea[]) WITH ORDINALITY AS k (hash, n)
            JOIN api_key a ON a.hash = k.hash JOIN users u ON u.id = a.user_id
            LEFT JOIN clinic_member m ON m.user_id = a.user_id AND m.agreed_at IS NOT NULL
            LEFT JOIN clinic c ON c.id = m.clinic_id";
        let rows = self.0.db.lookup(FIND, key![hash.bytes()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (holder, now) = (holder(row), self.0.clock.now());
        let ends: Option<Timestamp> = row.get("expires_at");
        let reason = if row.get::<_, Option<Timestamp>>("revoked_at").is_some() {
            "revoked"
        } else if ends.is_some_and(|end| end <= now) {
            "expired"
        } else if !row.get::<_, bool>("is_active") {
            "owner_disabled"
        } else {
            self.0.familiar.insert(hash, ());
            return Ok(Some(holder));
        };
        self.0.familiar.invalidate(&hash);
        self.refused(&holder, reason, origin);
        Ok(None)
    }

    /// Counts a request against the quota of its key, and that of the clinic.
    pub async fn count(&self, holder: &Holder) -> Result<Count, DbError> {
        let now = self.0.clock.now();
        let (hour, reset) = hour_of(now);
        let spent = || holder.counted().find(|(of, quota)| self.0.spent.get(of) == Some((hour, *quota)));
        let none = |quota| Count { quota, left: None, reset };
        if let Some((_, quota)) = spent() {
            return Ok(none(quota));
        }
        let whose = holder.clinic.map_or(holder.key.0, |(clinic, _)| clinic.0);
        let turn = self.0.turns.get_with(whose, Arc::default);
        let _turn = turn.lock().await;
        if let Some((_, quota)) = spent() {
            return Ok(none(quota));
        }
        let mut tx = self.0.db.begin("accounts.count_key").await?;
        let counted = count(&mut tx, holder, hour).await?;
        let count = match counted {
            Counted::Left(quota, left) => {
                tx.commit().await?;
                Count { quota, left: Some(left), reset }
            }
            Counted::Spent(of, quota) => {
                tx.rollback().await?;
                self.0.spent.insert(of, (hour, quota));
                none(quota)
            }
        };
        self.used(holder, now);
        Ok(count)
    }

    /// Tells the audit log that a key was refused; seldom, and while the answer goes its way.
    pub fn refused(&self, holder: &Holder, reason: &'static str, origin: &Origin) {
        let now = self.0.clock.now();
        if !self.0.told.is_due((holder.key, reason), now) {
            return;
        }
        let who = Who::Key(holder.principal.user, holder.key.0);
        let entry = Entry {
            object: "api_key",
            id: Some(holder.key.to_string()),
            outcome: Outcome::Refused,
            details: serde_json::json!({ "reason": reason }),
            ..origin.entry(now, who, "api_key.use", None)
        };
        tell_later(&self.0.db, entry);
    }

    /// Writes down that it was used.
    fn used(&self, holder: &Holder, now: Timestamp) {
        const USED: &str = "-- accounts.key_use.used
            UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
        let since = now.checked_sub(SELDOM).unwrap_or(Timestamp::MIN);
        if holder.last_used_at.is_some_and(|last| last > since)
            || !self.0.told.is_due((holder.key, "used"), now)
        {
            return;
        }
        let (db, key) = (self.0.db.clone(), holder.key);
        self.0.db.pool().tasks().spawn(async move {
            let writing = async {
                let mut tx = db.begin("accounts.key_used").await?;
                tx.execute(USED, &[&key, &now]).await?;
                tx.commit().await
            };
            if let Err(error) = writing.await {
                tracing::debug!(%error, "when a key was used is not written down");
            }
        });
    }
}

/// What became of a request that was counted.
enum Counted {
    /// The quota that is nearest to its end, and what is left of it.
    Left(i32, i32),
    /// Whose quota is spent, and how much it was: nothing must be counted.
    Spent(Uuid, i32),
}

/// Counts a request in an hour, of the clinic first.
async fn count(tx: &mut Tx, holder: &Holder, hour: Timestamp) -> Result<Counted, DbError> {
    const COUNT: &str = "-- accounts.key_use.count
        INSERT INTO api_key_hour AS h (key_id, hour, used) VALUES ($1, $2, 1)
        ON CONFLICT (key_id, hour) DO UPDATE SET used = h.used + 1 WHERE h.used < $3
        RETURNING h.used AS of_key";
    const COUNT_BOTH: &str = "-- accounts.key_use.count_both
        WITH of_clinic AS (
            INSERT INTO clinic_key_hour AS c (clinic_id, hour, used) VALUES ($4, $2, 1)
            ON CONFLICT (clinic_id, hour) DO UPDATE SET used = c.used + 1 WHERE c.used < $5
            RETURNING c.used
        ), of_key AS (
            INSERT INTO api_key_hour AS h (key_id, hour, used) SELECT $1, $2, 1 FROM of_clinic
            ON CONFLICT (key_id, hour) DO UPDATE SET used = h.used + 1 WHERE h.used < $3
            RETURNING h.used
        )
        SELECT (SELECT used FROM of_clinic) AS of_clinic, (SELECT used FROM of_key) AS of_key";
    let Holder { key, quota, .. } = holder;
    let Some((clinic, most)) = holder.clinic else {
        let row = tx.query_opt(COUNT, &[key, &hour, quota]).await?;
        return Ok(row.map_or(Counted::Spent(key.0, *quota), |row| {
            Counted::Left(*quota, quota.saturating_sub(row.get("of_key")))
        }));
    };
    let row = tx.query_one(COUNT_BOTH, &[key, &hour, quota, &clinic, &most]).await?;
    let left = |quota: i32, name| row.get::<_, Option<i32>>(name).map(|used| quota.saturating_sub(used));
    Ok(match (left(most, "of_clinic"), left(*quota, "of_key")) {
        (None, _) => Counted::Spent(clinic.0, most),
        (Some(_), None) => Counted::Spent(key.0, *quota),
        (Some(of_clinic), Some(of_key)) if of_clinic < of_key => Counted::Left(most, of_clinic),
        (Some(_), Some(of_key)) => Counted::Left(*quota, of_key),
    })
}

fn holder(row: &Row) -> Holder {
    let (key, user): (ApiKeyId, UserId) = (row.get("id"), row.get("user_id"));
    let scopes = Scopes::stored(&row.get::<_, Vec<&str>>("scopes"));
    let roles = Roles::stored(&row.get::<_, Vec<&str>>("roles"));
    let quota: i32 = row.get("quota_per_hour");
    let clinic: Option<ClinicId> = row.get("clinic_id");
    let clinic = clinic.filter(|_| scopes.has_clinic()).map(|id| (id, Tier::of(row.get("tier")).quota()));
    Holder {
        key,
        principal: Principal { user, via: Via::Key(key, scopes), roles },
        scopes,
        quota: clinic.map_or(quota, |(_, most)| quota.min(most)),
        clinic,
        last_used_at: row.get("last_used_at"),
    }
}

/// When the hour of `now` began, and how long it still lasts.
fn hour_of(now: Timestamp) -> (Timestamp, Duration) {
    let seconds = now.as_second().rem_euclid(HOUR.as_secs());
    let began = Timestamp::from_second(now.as_second() - seconds).unwrap_or(Timestamp::MIN);
    let left = HOUR.saturating_sub(now.duration_since(began));
    (began, left.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::hour_of;

    #[test]
    fn an_hour_begins_when_the_clock_says_so() {
        let (began, left) = hour_of("2030-05-01T10:59:58.250Z".parse().unwrap());
        assert_eq!(
            (began.to_string().as_str(), left),
            ("2030-05-01T10:00:00Z", Duration::from_millis(1_750))
        );
        let (began, left) = hour_of(began);
        assert_eq!((began.to_string().as_str(), left), ("2030-05-01T10:00:00Z", Duration::from_secs(3_600)));
    }
}
