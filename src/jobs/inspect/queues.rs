//! Queues: what is in them, their limits, their pace.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::{
    explain::{Rate, next_token},
    snapshot::pace,
};
use crate::{
    db::DbError,
    jobs::store::{Ask, lists_look},
};

/// Counting stops here: what is longer is only said to be that long.
const COUNT_MAX: i64 = 10_000;

/// How many jobs a queue has, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = QueueDepth)]
pub struct Depth {
    /// They may run.
    pub ready: i64,
    /// They wait for their time.
    pub scheduled: i64,
    /// They failed and wait for their next attempt.
    pub retrying: i64,
    /// They are to be run later.
    pub snoozed: i64,
    /// They wait for a limit.
    pub parked: i64,
    /// They wait for other jobs.
    pub waiting: i64,
    /// They run.
    pub running: i64,
    /// Those, and what processes have taken ahead of a free worker.
    pub taken: i64,
    /// Whether all of these are exact: counting stops at 10,000, and what waits for its time is counted over all queues.
    pub exact: bool,
}

/// A queue.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = JobQueue)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Since when it is paused.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_at: Option<Timestamp>,
    /// Who paused it: an address, or who it was at the machine.
    pub paused_by: Option<String>,
    /// Why.
    pub paused_reason: Option<String>,
    /// How many of its jobs may run at once, in all processes.
    pub max_running: Option<i32>,
    /// How many of them may start in a second.
    pub rate_per_s: Option<f32>,
    /// And how many at once after a pause.
    pub rate_burst: Option<i32>,
    /// When the rate lets the next job start, if that is later than now.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_token_at: Option<Timestamp>,
    /// How many of them each process runs at once; `null`: as it is configured.
    pub workers: Option<i32>,
    /// Counts its changes.
    pub revision: i64,
    /// One step of priority is worth this much waiting; `null` when priority is strict.
    pub aging_ms: Option<i32>,
    /// Whether tenants take turns.
    pub fair: bool,
    /// What is in it.
    pub depth: Depth,
    /// When the oldest of what is ready was due: of the first of each priority.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest_due_at: Option<Timestamp>,
    /// For how many seconds it has been ready.
    pub oldest_age_s: Option<f64>,
    /// Jobs that ended in a second, in the last minutes, of those that the history keeps.
    pub pace_per_s: Option<f64>,
}

impl Queue {
    fn of(row: &Row, now: Timestamp) -> Self {
        let depth = Depth {
            ready: row.get("ready"),
            scheduled: row.get("scheduled"),
            retrying: row.get("retrying"),
            snoozed: row.get("snoozed"),
            parked: row.get("parked"),
            waiting: row.get("waiting"),
            running: row.get("running"),
            taken: row.get("taken"),
            exact: row.get::<_, i64>("ready") < COUNT_MAX
                && !["later_is_cut", "parked_is_cut", "gate_is_cut"].into_iter().any(|it| row.get(it)),
        };
        let rate_per_s = row.get::<_, Option<f32>>("rate_per_s");
        let rate = rate_per_s.zip(row.get::<_, Option<f64>>("tokens"));
        let rate = rate.map(|(per_s, tokens)| Rate { per_s, tokens, at: row.get("tokens_at") });
        let oldest: Option<Timestamp> = row.get("oldest_due_at");
        Self {
            name: row.get("name"),
            paused_at: row.get("paused_at"),
            paused_by: row.get("paused_by"),
            paused_reason: row.get("paused_why"),
            max_running: row.get("max_running"),
            rate_per_s,
            rate_burst: row.get("rate_burst"),
            next_token_at: rate.and_then(|rate| next_token(rate, 0, row.get("seen_at"))),
            workers: row.get("workers"),
            revision: row.get("revision"),
            aging_ms: row.get("aging_ms"),
            fair: row.get("fair"),
            depth,
            oldest_due_at: oldest,
            oldest_age_s: oldest.map(|at| now.duration_since(at).as_secs_f64().max(0.0)),
            pace_per_s: pace(row),
        }
    }
}

/// Every queue, or the one of this name.
pub async fn queues(at: &mut impl Ask, name: Option<&str>, now: Timestamp) -> Result<Vec<Queue>, DbError> {
    let rows = lists_look::queues(at, name, COUNT_MAX).await?;
    Ok(rows.iter().map(|row| Queue::of(row, now)).collect())
}
