//! The cron table: written from code at start, fired by compare-and-swap, every decision recorded.

use std::time::Duration;

use jiff::Timestamp;

use super::{Ask, Catalog, micros};
use crate::{
    db::{DbError, Link, Tx},
    jobs::{JobId, schedules::Schedule},
};

/// A schedule that is due.
#[derive(Debug)]
pub struct Due {
    /// Its name.
    pub key: String,
    /// The kind's number.
    pub kind: i16,
    /// Five fields.
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
    /// The job's arguments.
    pub args: serde_json::Value,
    /// The tick that has come.
    pub next_at: Timestamp,
}

/// Writes one schedule of the code into the table. Its `next_at` stays unless the timing has changed.
pub async fn save(
    at: &mut impl Ask,
    catalog: &Catalog,
    it: &Schedule,
    next_at: Timestamp,
) -> Result<(), DbError> {
    const SAVE: &str = "-- jobs.cron.save
        INSERT INTO job.cron AS c (key, kind_id, spec, tz, missed, missed_within, missed_max, gap, fold, overlap,
            splay, template, source, next_at)
        VALUES ($1, $2, $3, $4, $5, $6 * interval '1 microsecond', $7, $8, $9, $10,
            $11 * interval '1 microsecond', $12, 'code', $13)
        ON CONFLICT (key) DO UPDATE SET kind_id = EXCLUDED.kind_id, spec = EXCLUDED.spec, tz = EXCLUDED.tz,
            missed = EXCLUDED.missed, missed_within = EXCLUDED.missed_within, missed_max = EXCLUDED.missed_max,
            gap = EXCLUDED.gap, fold = EXCLUDED.fold, overlap = EXCLUDED.overlap, splay = EXCLUDED.splay,
            template = EXCLUDED.template,
            next_at = CASE WHEN (c.spec, c.tz, c.gap, c.fold)
                = (EXCLUDED.spec, EXCLUDED.tz, EXCLUDED.gap, EXCLUDED.fold) THEN c.next_at ELSE EXCLUDED.next_at END
        WHERE c.source = 'code'";
    let template = serde_json::json!({ "args": it.args });
    let (kind, within, splay) = (catalog.kind(it.kind), micros(it.missed_within), micros(it.splay));
    let (missed, gap, fold, overlap) =
        (it.missed.as_str(), it.gap.as_str(), it.fold.as_str(), it.overlap.as_str());
    let args: [&(dyn postgres_types::ToSql + Sync); 13] = [
        &it.key,
        &kind,
        &it.spec,
        &it.tz,
        &missed,
        &within,
        &it.missed_max,
        &gap,
        &fold,
        &overlap,
        &splay,
        &template,
        &next_at,
    ];
    at.ask(SAVE, &args).await.map(|_| ())
}

/// Schedules with a tick that has come.
pub async fn due(link: &Link, now: Timestamp) -> Result<Vec<Due>, DbError> {
    const DUE: &str = "-- jobs.cron.due
        SELECT key, kind_id, spec, tz, missed, gap, fold, overlap,
            (extract(epoch FROM missed_within))::float8, missed_max, (extract(epoch FROM splay))::float8,
            coalesce(template -> 'args', 'null'), next_at
        FROM job.cron WHERE paused_at IS NULL AND next_at <= $1 ORDER BY next_at, key";
    let seconds = |seconds: f64| Duration::from_secs_f64(seconds.max(0.0));
    let rows = link.query(DUE, &[&now]).await?;
    let due = rows.iter().map(|row| Due {
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
        args: row.get(11),
        next_at: row.get(12),
    });
    Ok(due.collect())
}

/// When the next tick comes.
pub async fn next(link: &Link) -> Result<Option<Timestamp>, DbError> {
    const NEXT: &str = "-- jobs.cron.next
        SELECT next_at FROM job.cron WHERE paused_at IS NULL ORDER BY next_at LIMIT 1";
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

/// Records what was decided about ticks of one schedule.
pub async fn record(
    tx: &mut Tx,
    key: &str,
    ticks: &[(Timestamp, Option<JobId>, &'static str)],
) -> Result<(), DbError> {
    const RECORD: &str = "-- jobs.cron.record
        INSERT INTO job.cron_fire (key, fire_at, job_id, outcome)
        SELECT $1, fire_at, job_id, outcome FROM unnest($2::timestamptz[], $3::bigint[], $4::text[])
        AS t (fire_at, job_id, outcome)
        ON CONFLICT (key, fire_at) DO NOTHING";
    let fires: Vec<_> = ticks.iter().map(|(at, _, _)| *at).collect();
    let jobs: Vec<_> = ticks.iter().map(|(_, job, _)| job.map(|job| job.0)).collect();
    let outcomes: Vec<_> = ticks.iter().map(|(_, _, outcome)| *outcome).collect();
    tx.execute(RECORD, &[&key, &fires, &jobs, &outcomes]).await.map(|_| ())
}
