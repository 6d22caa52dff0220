//! The journal: what administrators did and what crashed. Append-only.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::UserId,
};

/// Longer causes and reasons are cut: a journal is read by people.
pub const TEXT_CHARS: usize = 2_000;

/// Something worth remembering.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The administrator; `None` for the system itself.
    pub who: Option<UserId>,
    /// What, for example `actor.restart`.
    pub action: &'static str,
    /// What it was done to.
    pub target: String,
    /// Why.
    pub reason: Option<String>,
    /// How it ended.
    pub result: Option<String>,
    /// Whatever else belongs to it.
    pub details: serde_json::Value,
}

/// An entry as it stands in the journal.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct Recorded {
    /// Its number.
    pub id: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The administrator; `null` for the system itself.
    pub who: Option<Uuid>,
    /// What, for example `actor.restart`.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// Why.
    pub reason: Option<String>,
    /// How it ended; `requested` before it was tried.
    pub result: Option<String>,
    /// Whatever else belongs to it.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
}

/// Appends entries, in their order; returns their numbers.
pub async fn append(tx: &mut Tx, entries: &[Entry]) -> Result<Vec<i64>, DbError> {
    const APPEND: &str = "-- journal.append
        INSERT INTO journal (at, actor_id, action, target, reason, result, details)
        SELECT at, who, action, target, reason, result, details
        FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[])
            WITH ORDINALITY AS e (at, who, action, target, reason, result, details, n)
        ORDER BY n RETURNING id";
    let cut = |text: &Option<String>| text.as_ref().map(|text| text.chars().take(TEXT_CHARS).collect());
    let at: Vec<_> = entries.iter().map(|entry| entry.at).collect();
    let who: Vec<_> = entries.iter().map(|entry| entry.who).collect();
    let action: Vec<_> = entries.iter().map(|entry| entry.action).collect();
    let target: Vec<_> = entries.iter().map(|entry| entry.target.as_str()).collect();
    let reason: Vec<Option<String>> = entries.iter().map(|entry| cut(&entry.reason)).collect();
    let result: Vec<Option<String>> = entries.iter().map(|entry| cut(&entry.result)).collect();
    let details: Vec<_> = entries.iter().map(|entry| &entry.details).collect();
    let rows = tx.query(APPEND, &[&at, &who, &action, &target, &reason, &result, &details]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The journal, newest first, from before `before` on.
pub async fn list(db: &Db, before: Option<i64>, limit: i64) -> Result<Vec<Recorded>, DbError> {
    const LIST: &str = "-- journal.list
        SELECT id, at, actor_id, action, target, reason, result, details FROM journal
        WHERE id < coalesce($1, 9223372036854775807) ORDER BY id DESC LIMIT $2";
    let rows = db.read(LIST, args![before, limit]).await?;
    Ok(rows
        .iter()
        .map(|row| Recorded {
            id: row.get("id"),
            at: row.get("at"),
            who: row.get("actor_id"),
            action: row.get("action"),
            target: row.get("target"),
            reason: row.get("reason"),
            result: row.get("result"),
            details: row.get("details"),
        })
        .collect())
}
