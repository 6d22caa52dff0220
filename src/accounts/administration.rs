//! What an operator does to accounts from the command line. Every change is journalled; sessions that it ends are
//! announced to running servers, which forget them at the latest when their table of known tokens lets go.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::policy::{Role, Roles};
use crate::{
    db::{DbError, Tx},
    ids::UserId,
    signing,
};

/// An account, as an operator sees it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Summary {
    /// Its id.
    pub id: UserId,
    /// Where mails go.
    pub email: String,
    /// How the person wants to be addressed.
    pub name: String,
    /// What the person may do.
    pub roles: Roles,
    /// Whether the person may log in.
    pub active: bool,
    /// Log-ins that still work.
    pub sessions: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Summary {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            email: row.get("email"),
            name: row.get("name"),
            roles: Roles::stored(&row.get::<_, Vec<&str>>("roles")),
            active: row.get("active"),
            sessions: row.get("sessions"),
            created_at: row.get("created_at"),
        }
    }
}

/// The newest accounts, of one role if given.
pub async fn list(tx: &mut Tx, role: Option<Role>, limit: i64) -> Result<Vec<Summary>, DbError> {
    const LIST: &str = "-- accounts.administration.list
        SELECT u.id, u.email, u.name, u.roles, u.status = 'active' AS active, u.created_at,
            (SELECT count(*) FROM sessions s WHERE s.user_id = u.id AND s.revoked_at IS NULL) AS sessions
        FROM users u WHERE $1::text IS NULL OR $1 = ANY (u.roles) ORDER BY u.created_at DESC, u.id DESC LIMIT $2";
    let rows = tx.query(LIST, &[&role.map(Role::as_str), &limit]).await?;
    Ok(rows.iter().map(Summary::from_row).collect())
}

/// Replaces the password of an address; `false` when it has no account.
pub async fn set_password(tx: &mut Tx, email: &str, hash: &str, now: Timestamp) -> Result<bool, DbError> {
    const SET: &str = "-- accounts.administration.set_password
        WITH changed AS (
            UPDATE users SET password_hash = $2, version = version + 1, updated_at = $3
            WHERE lower(email) = lower($1) RETURNING id),
        ended AS (
            UPDATE sessions s SET revoked_at = $3, revoked_why = 'password_changed'
            FROM changed WHERE s.user_id = changed.id AND s.revoked_at IS NULL RETURNING s.access_hash),
        told AS (SELECT pg_notify('sportello_sessions', encode(access_hash, 'hex')) FROM ended),
        noted AS (
            INSERT INTO journal (at, action, target) SELECT $3, 'user.set_password', id::text FROM changed)
        SELECT id, (SELECT count(*) FROM told) AS told FROM changed";
    Ok(tx.query_opt(SET, &[&email, &hash, &now]).await?.is_some())
}

/// What disabling or enabling has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switched {
    /// Sessions that have ended.
    pub sessions: i64,
    /// Keys for programs: stopped while disabled, or, when enabled, working again or revoked, as it was said.
    pub keys: i64,
}

/// Lets an address log in or not; `None` when it has no account. Disabled, its sessions end and its keys are refused from
/// then on; enabled, the keys are revoked unless `keep_keys`: nobody finds out later that one has come back.
pub async fn set_active(
    tx: &mut Tx,
    email: &str,
    active: bool,
    keep_keys: bool,
    now: Timestamp,
) -> Result<Option<Switched>, DbError> {
    const SET: &str = "-- accounts.administration.set_active
        WITH changed AS (
            UPDATE users SET status = CASE WHEN $2 THEN 'active' ELSE 'disabled' END,
                version = version + 1, updated_at = $3
            WHERE id = (SELECT id FROM users WHERE lower(email) = lower($1) AND erased_at IS NULL FOR UPDATE)
            RETURNING id, (SELECT o.status FROM users o WHERE o.id = users.id) AS had),
        ended AS (
            UPDATE sessions s SET revoked_at = $3, revoked_why = 'disabled'
            FROM changed WHERE s.user_id = changed.id AND s.revoked_at IS NULL AND NOT $2 RETURNING s.access_hash),
        told AS (SELECT pg_notify('sportello_sessions', encode(access_hash, 'hex')) FROM ended),
        live AS (
            SELECT k.id, k.user_id FROM changed JOIN api_key k ON k.user_id = changed.id
            WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)),
        revoked AS (
            UPDATE api_key k SET revoked_at = $3, version = k.version + 1
            FROM live, changed WHERE k.id = live.id AND changed.had = 'disabled' AND $2 AND NOT $4),
        noted AS (
            INSERT INTO journal (at, action, target, details)
            SELECT $3, CASE WHEN $2 THEN 'user.enable' ELSE 'user.disable' END, id::text,
                jsonb_build_object('keep_api_keys', $4::boolean) FROM changed)
        SELECT id, (SELECT count(*) FROM told) AS sessions, (SELECT count(*) FROM live) AS keys FROM changed";
    let row = tx.query_opt(SET, &[&email, &active, &now, &keep_keys]).await?;
    if let Some(row) = row.as_ref().filter(|_| !active) {
        signing::store::revoke(tx, row.get("id"), now).await?;
    }
    Ok(row.map(|row| Switched { sessions: row.get("sessions"), keys: row.get("keys") }))
}
