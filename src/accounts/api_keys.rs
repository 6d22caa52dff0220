//! Keys for programs: made, seen, changed and revoked by their owner.
//!
//! Invariants
//! - The key itself is shown once and stored as its hash.
//! - A key never does more than its owner may at that moment, and no more than its scopes name ([`super::key_use`]).
//! - Every key ends: `accounts.key_life` after it was made at the latest. What has ended does not begin again.
//! - Who changes the password keeps the keys: programs go on working, and no key is made without its owner hearing of it by
//!   mail. Who *resets* it by mail has lost control of the account: that revokes every key ([`revoke_all`]).
//! - Of a disabled account every key is refused at once; enabling it revokes them, unless it is said that they shall work.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    scopes::Scopes,
    tokens::{Token, Use},
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ApiKeyId, UserId},
    key,
};

/// Keys of one person that can be used.
pub const PER_PERSON: i64 = 50;
/// Characters of a key that its owner is shown later; 36 random bits of 256.
const HINT: usize = 10;

/// A key, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: String,
    /// How it begins.
    pub hint: String,
    /// What it is good for, as far as its owner may do it.
    pub scopes: Scopes,
    /// Requests with it in one hour of the clock.
    pub quota_per_hour: i32,
    /// It ends then.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked; `null`: it was not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

impl ApiKey {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            name: row.get("name"),
            hint: row.get("hint"),
            scopes: Scopes::stored(&row.get::<_, Vec<&str>>("scopes")),
            quota_per_hour: row.get("quota_per_hour"),
            expires_at: row.get("expires_at"),
            last_used_at: row.get("last_used_at"),
            revoked_at: row.get("revoked_at"),
            created_at: row.get("created_at"),
            version: row.get("version"),
        }
    }

    /// Whether it can be used no more.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|end| end <= now)
    }
}

macro_rules! key_columns {
    () => {
        "a.id, a.name, a.hint, a.scopes, a.quota_per_hour, a.expires_at, a.last_used_at, a.revoked_at, a.created_at, \
         a.version"
    };
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// 1 to 100 characters.
    pub name: String,
    /// At least one.
    pub scopes: Scopes,
    /// Above zero.
    pub quota_per_hour: i32,
    /// Later than now.
    pub expires_at: Timestamp,
}

/// Makes a key. `None` when the person has [`PER_PERSON`] already.
pub async fn create(
    tx: &mut Tx,
    user: UserId,
    new: &NewApiKey,
    now: Timestamp,
) -> Result<Option<(ApiKey, Token)>, DbError> {
    // One after the other for each person: none slips past the bound.
    const LOCK: &str = "-- accounts.api_keys.lock
        SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE";
    const CREATE: &str = concat!(
        "-- accounts.api_keys.create
        INSERT INTO api_key AS a (id, user_id, name, hash, hint, scopes, quota_per_hour, expires_at, created_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE $10 > (SELECT count(*) FROM api_key k
            WHERE k.user_id = $2 AND k.revoked_at IS NULL AND k.expires_at > $9)
        RETURNING ",
        key_columns!()
    );
    let token = Token::generate(Use::ApiKey);
    let (id, hash, hint) = (ApiKeyId::new(now), token.hash().bytes(), &token.expose()[..HINT]);
    let NewApiKey { name, scopes, quota_per_hour, expires_at } = new;
    tx.query(LOCK, &[&user]).await?;
    let args: [&(dyn postgres_types::ToSql + Sync); 10] =
        [&id, &user, name, &hash, &hint, &scopes.names(), quota_per_hour, expires_at, &now, &PER_PERSON];
    let row = tx.query_opt(CREATE, &args).await?;
    Ok(row.map(|row| (ApiKey::from_row(&row), token)))
}

/// A person's keys, newest first, from below `before` on; also those that have ended, until they are forgotten.
pub async fn list(
    db: &Db,
    user: UserId,
    (before, limit): (Option<ApiKeyId>, i64),
) -> Result<Vec<ApiKey>, DbError> {
    const LIST: &str = concat!(
        "-- accounts.api_keys.list
        SELECT ",
        key_columns!(),
        " FROM api_key a WHERE a.user_id = $1 AND ($2::uuid IS NULL OR a.id < $2) ORDER BY a.id DESC LIMIT $3"
    );
    let rows = db.read(LIST, args![user, before.map(|before| before.0), limit]).await?;
    Ok(rows.iter().map(ApiKey::from_row).collect())
}

/// One of this person's keys.
pub async fn find(db: &Db, user: UserId, id: ApiKeyId) -> Result<Option<ApiKey>, DbError> {
    const FIND: &str = concat!(
        "-- accounts.api_keys.find
        SELECT k.n, ",
        key_columns!(),
        " FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS k (id, user_id, n)
        JOIN api_key a ON a.id = k.id AND a.user_id = k.user_id"
    );
    Ok(db.lookup(FIND, key![id, user]).await?.first().map(ApiKey::from_row))
}

/// Changes to a key; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// At least one.
    pub scopes: Option<Scopes>,
    /// Above zero.
    pub quota_per_hour: Option<i32>,
    /// Later than now.
    pub expires_at: Option<Timestamp>,
}

/// Changes a key of this person that still has this version and has not ended; `None` otherwise.
pub async fn change(
    tx: &mut Tx,
    user: UserId,
    (id, version): (ApiKeyId, i64),
    changes: &Changes,
    now: Timestamp,
) -> Result<Option<ApiKey>, DbError> {
    const CHANGE: &str = concat!(
        "-- accounts.api_keys.change
        UPDATE api_key AS a SET name = coalesce($4, a.name), scopes = coalesce($5, a.scopes),
            quota_per_hour = coalesce($6, a.quota_per_hour), expires_at = coalesce($7, a.expires_at),
            version = a.version + 1
        WHERE a.id = $1 AND a.user_id = $2 AND a.version = $3 AND a.revoked_at IS NULL
          AND (a.expires_at IS NULL OR a.expires_at > $8) RETURNING ",
        key_columns!()
    );
    let Changes { name, scopes, quota_per_hour, expires_at } = changes;
    let scopes = scopes.map(Scopes::names);
    let args: [&(dyn postgres_types::ToSql + Sync); 8] =
        [&id, &user, &version, name, &scopes, quota_per_hour, expires_at, &now];
    Ok(tx.query_opt(CHANGE, &args).await?.as_ref().map(ApiKey::from_row))
}

/// Revokes a key of this person: it is refused from the next request on. `false` when it was revoked before, or is not
/// there.
pub async fn revoke(tx: &mut Tx, user: UserId, id: ApiKeyId, now: Timestamp) -> Result<bool, DbError> {
    const REVOKE: &str = "-- accounts.api_keys.revoke
        UPDATE api_key SET revoked_at = $3, version = version + 1
        WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL";
    Ok(tx.execute(REVOKE, &[&id, &user, &now]).await? == 1)
}

/// Revokes all keys of a person; returns how many.
pub async fn revoke_all(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<u64, DbError> {
    const REVOKE_ALL: &str = "-- accounts.api_keys.revoke_all
        UPDATE api_key SET revoked_at = $2, version = version + 1 WHERE user_id = $1 AND revoked_at IS NULL";
    tx.execute(REVOKE_ALL, &[&user, &now]).await
}
