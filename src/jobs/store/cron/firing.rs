//! What the scheduler asks and writes, in the order in which it does.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Row;

use super::FireOutcome;
use crate::{
    db::{DbError, Link, Tx},
    jobs::{JobId, schedules::Template},
};

/// A schedule as the scheduler needs it.
#[derive(Debug, Clone)]
pub struct Due {
    /// Its name.
    pub key: String,
    /// The kind's number.
    pub kind: i16,
    /// Its fields.
    pub spec: String,
    /// Their time zone.
    pub tz: String,
    /// Policies, as words.
    pub missed: String,
    /// See above.
    pub gap: String,
    /// See above.
    pub fold: String,
    /// See above.
    pub overlap: String,
    /// Ticks missed longer ago are not made up for.
    pub missed_within: Duration,
    /// At most so many are made up for.
    pub missed_max: i16,
    /// Each tick is delayed by a part of this.
    pub splay: Duration,
    /// What the job is made of.
    pub template: Template,
    /// The tick that has come.
    pub next_at: Timestamp,
}

impl Due {
    fn of(row: &Row) -> Self {
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds.max(0.0));
        Self {
            key: row.get(0),
            kind: row.get(1),
            spec: row.get(2),
            tz: row.get(3),
            missed: row.get(4),
            gap: row.get(5),
            fold: row.get(6),
            overlap: row.get(7),
            missed_within: seconds(row.get(8)),
            missed_max: row.get(9),
            splay: seconds(row.get(10)),
            template: Template::of_json(&row.get(11)),
            next_at: row.get(12),
        }
    }
}

/// Schedules with a tick that has come. With `all`, also those that another node is just deciding: who asks for them
/// waits until it has.
pub async fn due(link: &Link, now: Timestamp, all: bool) -> Result<Vec<Due>, DbError> {
    const ALL: &str = "-- jobs.cron.due_all
        SELECT key, kind_id, spec, tz, missed, gap, fold, overlap,
            (extract(epoch FROM missed_within))::float8, missed_max, (extract(epoch FROM splay))::float8,
            template, next_at
        FROM job.cron WHERE paused_at IS NULL AND next_at <= $1 ORDER BY next_at, key";
    // Nobody queues behind a node that is deciding, or that hangs while it does.
    const FREE: &str = "-- jobs.cron.due
        SELECT key, kind_id, spec, tz, missed, gap, fold, overlap,
            (extract(epoch FROM missed_within))::float8, missed_max, (extract(epoch FROM splay))::float8,
            template, next_at
        FROM job.cron WHERE paused_at IS NULL AND next_at <= $1 ORDER BY next_at, key
        FOR NO KEY UPDATE SKIP LOCKED";
    let rows = link.query(if all { ALL } else { FREE }, &[&now]).await?;
    Ok(rows.iter().map(Due::of).collect())
}

/// When the next tick comes.
pub async fn next(link: &Link) -> Result<Option<Timestamp>, DbError> {
    const NEXT: &str = "-- jobs.cron.next
        SELECT next_at FROM job.cron WHERE paused_at IS NULL AND next_at < 'infinity' ORDER BY next_at LIMIT 1";
    Ok(link.query(NEXT, &[]).await?.first().map(|row| row.get(0)))
}

/// Takes the right to decide the ticks from `seen` on: moves `next_at` if nobody else has. `None` parks a schedule that
/// never ticks again.
pub async fn take(
    tx: &mut Tx,
    key: &str,
    seen: Timestamp,
    next_at: Option<Timestamp>,
) -> Result<bool, DbError> {
    const TAKE: &str = "-- jobs.cron.take
        UPDATE job.cron SET next_at = coalesce($3::timestamptz, 'infinity')
        WHERE key = $1 AND next_at = $2 AND paused_at IS NULL";
    Ok(tx.execute(TAKE, &[&key, &seen, &next_at]).await? == 1)
}

/// What was decided about one tick.
#[derive(Debug, Clone)]
pub struct Record {
    /// The tick.
    pub fire_at: Timestamp,
    /// The job it has started.
    pub job: Option<JobId>,
    /// What became of it.
    pub outcome: FireOutcome,
    /// Why.
    pub reason: Option<String>,
}

/// Records decisions about ticks of one schedule; `by` whom, if by people. How many were new: a tick has one decision.
pub async fn record(tx: &mut Tx, key: &str, by: Option<&str>, decided: &[Record]) -> Result<u64, DbError> {
    const RECORD: &str = "-- jobs.cron.record
        INSERT INTO job.cron_fire (key, fire_at, job_id, outcome, reason, decided_by, at)
        SELECT $1, fire_at, job_id, outcome, reason, $2, clock_timestamp()
        FROM unnest($3::timestamptz[], $4::bigint[], $5::text[], $6::text[]) AS t (fire_at, job_id, outcome, reason)
        ON CONFLICT (key, fire_at) DO NOTHING";
    if decided.is_empty() {
        return Ok(0);
    }
    let fires: Vec<_> = decided.iter().map(|it| it.fire_at).collect();
    let jobs: Vec<_> = decided.iter().map(|it| it.job.map(|job| job.0)).collect();
    let outcomes: Vec<_> = decided.iter().map(|it| it.outcome.as_str()).collect();
    let reasons: Vec<_> = decided.iter().map(|it| it.reason.as_deref()).collect();
    tx.execute(RECORD, &[&key, &by, &fires, &jobs, &outcomes, &reasons]).await
}
