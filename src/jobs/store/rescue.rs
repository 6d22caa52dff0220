//! Rescue: leases that nobody will acknowledge any more → later, ready, or done as quarantined.
//!
//! Row locks make rescue and acknowledgement exclude each other: an acknowledgement in flight wins.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    acks::{settled, summary},
    micros,
};
use crate::{
    db::{DbError, Link},
    jobs::JobId,
};

/// What a rescue did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Rescued {
    /// Jobs that will run again.
    pub again: i64,
    /// Jobs set aside because they crashed too often.
    pub quarantined: Vec<JobId>,
    /// Doors at which places have become free.
    pub doors: Vec<i64>,
}

/// Whether a job that was in so many crashes is set aside with the next one. Such jobs run one at a time in each process
/// and are announced before they start: see [`super::workers::announce`].
pub fn is_last_chance(crashes: i16, max_crashes: usize) -> bool {
    crashes > 0 && crashes.unsigned_abs() as usize + 1 >= max_crashes
}

/// Takes the leases of dead workers: their jobs run again after a pause that grows with the crashes, or are set aside
/// after `max_crashes`. The attempt does not count: the crash does. Whoever would be set aside but was not announced is
/// left to [`not_started`].
///
/// Who left in order is not dead (`workers::give_back`), and what is to be cancelled is not rescued (`steering`).
/// Dead is who was declared dead or has not beaten for `dead_after`. After a restart of PostgreSQL nobody could beat, so
/// the age of a beat means nothing until the server has been up for that long.
pub async fn dead_workers(
    link: &Link,
    now: Timestamp,
    dead_after: Duration,
    max_crashes: usize,
    limit: usize,
) -> Result<Rescued, DbError> {
    const RESCUE: &str = concat!(
        "-- jobs.rescue.dead_workers
        WITH found AS MATERIALIZED (
            SELECT l.id FROM job.lease AS l LEFT JOIN job.worker AS w ON w.id = l.worker_id
            WHERE l.cancel_at IS NULL AND (w.id IS NULL OR (w.left_at IS NULL AND (w.beat_at = '-infinity'
                OR (w.beat_at < clock_timestamp() - $2 * interval '1 microsecond'
                    AND pg_postmaster_start_time() < clock_timestamp() - $2 * interval '1 microsecond'))))
              AND (w.id IS NULL OR l.crashes = 0 OR l.crashes + 1 < $3 OR w.alone = l.token)
            ORDER BY l.id LIMIT $4 FOR UPDATE OF l SKIP LOCKED
        ), gone AS (
            DELETE FROM job.lease WHERE id = ANY (ARRAY(SELECT id FROM found)) RETURNING *
        ), lease AS MATERIALIZED (
            SELECT id, token, worker_id, queue_id, lane, rank, attempt, crashes + 1 AS crashes, key_hash, kind_key,
                started_at FROM gone
        ), story AS (
            INSERT INTO job.attempt (job_id, attempt, token, worker_id, started_at, outcome, error_kind, error)
            SELECT id, attempt, token, worker_id, started_at, 7, 'worker lost',
                'the process that ran this attempt is gone' FROM lease
        ), later AS (
            INSERT INTO job.later (run_at, id, queue_id, lane, rank, attempt, crashes, key_hash, kind_key, why)
            SELECT $1::timestamptz + (crashes - 1) * interval '2 s', id, queue_id, lane, rank, attempt - 1, crashes,
                key_hash, kind_key, 3
            FROM lease WHERE crashes < $3 RETURNING id
        ), body AS (
            DELETE FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM lease WHERE crashes >= $3)) RETURNING *
        ), ended AS (SELECT id, 3 AS state FROM body), ",
        summary!(
            "3",
            "true",
            "'the process that ran it died too often'",
            "NULL::bigint",
            "NULL::jsonb"
        ),
        ", ",
        settled!("gate"),
        "
        SELECT (SELECT count(*) FROM later), ARRAY(SELECT id FROM body ORDER BY id),
            ARRAY(SELECT door FROM lease CROSS JOIN LATERAL (VALUES (key_hash), (kind_key)) AS t (door)
                WHERE door IS NOT NULL)"
    );
    let args: [&(dyn postgres_types::ToSql + Sync); 4] =
        [&now, &micros(dead_after), &(max_crashes as i32), &(limit as i64)];
    let rows = link.query(RESCUE, &args).await?;
    Ok(Rescued { again: rows[0].get(0), quarantined: rows[0].get(1), doors: rows[0].get(2) })
}

/// Gives back the leases of dead workers whose jobs would be set aside with the next crash, but had not started in this
/// one: neither the attempt nor the crash counts. The queues they are ready in.
pub async fn not_started(
    link: &Link,
    dead_after: Duration,
    max_crashes: usize,
    limit: usize,
) -> Result<Vec<i16>, DbError> {
    const NOT_STARTED: &str = "-- jobs.rescue.not_started
        WITH found AS MATERIALIZED (
            SELECT l.id FROM job.lease AS l JOIN job.worker AS w ON w.id = l.worker_id
            WHERE l.cancel_at IS NULL AND w.left_at IS NULL AND (w.beat_at = '-infinity'
                OR (w.beat_at < clock_timestamp() - $1 * interval '1 microsecond'
                    AND pg_postmaster_start_time() < clock_timestamp() - $1 * interval '1 microsecond'))
              AND l.crashes > 0 AND l.crashes + 1 >= $2 AND w.alone IS DISTINCT FROM l.token
            ORDER BY l.id LIMIT $3 FOR UPDATE OF l SKIP LOCKED
        ), lease AS (
            DELETE FROM job.lease WHERE id = ANY (ARRAY(SELECT id FROM found)) RETURNING *
        ), ready AS (
            INSERT INTO job.ready (queue_id, lane, rank, id, attempt, crashes, key_hash, kind_key)
            SELECT queue_id, lane, rank, id, attempt - 1, crashes, key_hash, kind_key FROM lease
        )
        SELECT queue_id FROM lease";
    let args: [&(dyn postgres_types::ToSql + Sync); 3] =
        [&micros(dead_after), &(max_crashes as i32), &(limit as i64)];
    Ok(link.query(NOT_STARTED, &args).await?.iter().map(|row| row.get(0)).collect())
}

/// Gives back leases of `worker` whose tokens it does not know: a claim or a commit whose answer never arrived. Only those
/// older than `age`, so that an answer still on its way is not overtaken. Costs no attempt.
pub async fn unknown_leases(
    link: &Link,
    worker: i64,
    known: &[i64],
    age: Duration,
) -> Result<Vec<i16>, DbError> {
    const GIVE_BACK: &str = "-- jobs.rescue.unknown_leases
        WITH lease AS (
            DELETE FROM job.lease WHERE worker_id = $1 AND token <> ALL ($2::bigint[]) AND cancel_at IS NULL
              AND started_at < clock_timestamp() - $3 * interval '1 microsecond' RETURNING *
        ), ready AS (
            INSERT INTO job.ready (queue_id, lane, rank, id, attempt, crashes, key_hash, kind_key)
            SELECT queue_id, lane, rank, id, attempt - 1, crashes, key_hash, kind_key FROM lease
        )
        SELECT queue_id FROM lease";
    let rows = link.query(GIVE_BACK, &[&worker, &known, &micros(age)]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
