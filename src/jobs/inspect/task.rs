//! A job, as the person whose work it does may see it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use crate::{
    db::{Db, DbError},
    ids::UserId,
    jobs::{JobId, store::lists_look},
};

/// Background work for somebody.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Task {
    /// Its id.
    #[schema(value_type = String)]
    pub id: JobId,
    /// What it does.
    pub kind: String,
    /// Where it is in its life: `done`, `discarded` (it failed), `cancelled` and `quarantined` (it cannot be run) are ends.
    pub state: State,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub enqueued_at: Timestamp,
    /// Not before then; `null` when it has ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// When its last attempt began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// How far it is, if it says so.
    pub progress: Option<TaskProgress>,
    /// What it came to, when it is done and has a result.
    #[schema(value_type = serde_json::Value)]
    pub result: Option<serde_json::Value>,
    /// Why it has none, as the job or whoever has ended it said.
    #[serde(skip)]
    #[schema(ignore)]
    pub reason: Option<String>,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TaskProgress {
    /// From 0 to 100.
    pub pct: Option<f32>,
    /// In words.
    pub note: Option<String>,
    /// Whatever else it says.
    #[schema(value_type = serde_json::Value)]
    pub data: Option<serde_json::Value>,
}

/// The task `id` of `owner`; nobody else's.
pub async fn task(db: &Db, id: i64, owner: UserId) -> Result<Option<Task>, DbError> {
    let rows = lists_look::task(db, id, owner.0).await?;
    Ok(rows.first().map(|row| Task {
        id: row.get("id"),
        kind: row.get("kind"),
        state: State::stored(row.get("state")),
        enqueued_at: row.get("enqueued_at"),
        due_at: row.get("due_at"),
        started_at: row.get("started_at"),
        finished_at: row.get("finished_at"),
        progress: row.get::<_, Option<Timestamp>>("at").map(|_| TaskProgress {
            pct: row.get("pct"),
            note: row.get("note"),
            data: row.get("data"),
        }),
        result: row.get("result"),
        reason: row.get("reason"),
    }))
}
