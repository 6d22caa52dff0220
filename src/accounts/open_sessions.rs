//! The sessions that a person has open, so that one that is not the person's own is noticed and ended.

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError},
    ids::{SessionId, UserId},
};

/// A session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
pub struct OpenSession {
    /// Its id.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub is_current: bool,
    /// Where the log-in came from.
    pub address: Option<String>,
    /// The browser's name for itself.
    pub user_agent: Option<String>,
    /// When the person logged in.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// It ends then, unless it is refreshed.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl OpenSession {
    fn from_row(row: &Row, current: Option<SessionId>) -> Self {
        let id = row.get("id");
        Self {
            id,
            is_current: current == Some(id),
            address: row.get("address"),
            user_agent: row.get("user_agent"),
            created_at: row.get("created_at"),
            expires_at: row.get("expires_at"),
        }
    }
}

/// A person's sessions that can still be used, newest first, from below `before` on.
pub async fn list(
    db: &Db,
    user: UserId,
    current: Option<SessionId>,
    now: Timestamp,
    (before, limit): (Option<SessionId>, i64),
) -> Result<Vec<OpenSession>, DbError> {
    const LIST: &str = "-- accounts.open_sessions.list
        SELECT s.id, s.address, s.user_agent, s.created_at,
            greatest(s.access_expires_at, r.expires_at) AS expires_at
        FROM sessions s LEFT JOIN LATERAL (
            SELECT max(expires_at) AS expires_at FROM session_refresh WHERE session_id = s.id AND used_at IS NULL) r ON true
        WHERE s.user_id = $1 AND s.revoked_at IS NULL AND ($2::uuid IS NULL OR s.id < $2)
          AND greatest(s.access_expires_at, r.expires_at) > $3
        ORDER BY s.id DESC LIMIT $4";
    let rows = db.read(LIST, args![user, before.map(|before| before.0), now, limit]).await?;
    Ok(rows.iter().map(|row| OpenSession::from_row(row, current)).collect())
}
