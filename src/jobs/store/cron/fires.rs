//! Decisions, as they are read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::super::Ask;
use crate::{db::DbError, jobs::JobId};

/// What became of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CronOutcome)]
pub enum FireOutcome {
    /// It enqueued a job.
    Fired,
    /// It did not.
    Skipped,
    /// No tick: somebody wanted a run.
    RunNow,
}

impl FireOutcome {
    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Skipped => "skipped",
            Self::RunNow => "run_now",
        }
    }
}

/// A decision about a tick.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CronFire)]
pub struct Fire {
    /// The tick; of a run that somebody wanted, when.
    #[schema(value_type = String, format = DateTime)]
    pub fire_at: Timestamp,
    /// When it was decided, by the database's clock.
    #[schema(value_type = String, format = DateTime)]
    pub decided_at: Timestamp,
    /// What became of it.
    pub outcome: FireOutcome,
    /// Why: begins with `missed`, `overlap`, `gap`, `fold`, `paused` or `unreadable`; of a run that somebody wanted, what
    /// they said.
    pub reason: Option<String>,
    /// The job it has enqueued.
    #[schema(value_type = Option<String>)]
    pub job: Option<JobId>,
    /// Who wanted it; `null` for the scheduler.
    pub by: Option<String>,
}

impl Fire {
    /// From six columns: `fire_at`, `at`, `outcome`, `reason`, `job_id`, `decided_by`.
    pub(super) fn of(row: &Row, first: usize) -> Option<Self> {
        let fire_at: Option<Timestamp> = row.get(first);
        let outcome: Option<&str> = row.get(first + 2);
        let (fire_at, outcome) = (fire_at?, outcome?);
        let (word, rest) =
            outcome.split_once(": ").map_or((outcome, None), |(word, rest)| (word, Some(rest)));
        Some(Self {
            fire_at,
            decided_at: row.get(first + 1),
            outcome: match word {
                "fired" => FireOutcome::Fired,
                "run_now" => FireOutcome::RunNow,
                _ => FireOutcome::Skipped,
            },
            reason: row.get::<_, Option<String>>(first + 3).or_else(|| rest.map(str::to_owned)),
            job: row.get(first + 4),
            by: row.get(first + 5),
        })
    }
}

/// Decisions about a schedule, the newest first, from before `before` on.
pub async fn fires(
    at: &mut impl Ask,
    key: &str,
    outcome: Option<FireOutcome>,
    before: Option<Timestamp>,
    limit: i64,
) -> Result<Vec<Fire>, DbError> {
    const FIRES: &str = "-- jobs.cron.fires
        SELECT fire_at, at, outcome, reason, job_id, decided_by FROM job.cron_fire
        WHERE key = $1 AND fire_at < coalesce($2::timestamptz, 'infinity')
          AND ($3::text IS NULL OR split_part(outcome, ':', 1) = $3)
        ORDER BY fire_at DESC LIMIT $4";
    let rows = at.ask(FIRES, &[&key, &before, &outcome.map(FireOutcome::as_str), &limit]).await?;
    Ok(rows.iter().filter_map(|row| Fire::of(row, 0)).collect())
}
