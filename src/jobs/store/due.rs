//! Waiting for their time: later → ready.

use jiff::Timestamp;

use crate::db::{DbError, Link};

/// Moves up to `limit` jobs due at `now` into their queues; the numbers of these queues, and how many were moved.
///
/// `now` is the application's clock, so that tests can move it; see `jobs/mod.rs` for what that means for skew.
pub async fn promote(link: &Link, now: Timestamp, limit: usize) -> Result<(Vec<i16>, usize), DbError> {
    const PROMOTE: &str = "-- jobs.due.promote
        WITH c AS MATERIALIZED (
            SELECT ctid AS place, queue_id, lane, rank, id, attempt, crashes, key_hash FROM job.later
            WHERE run_at <= $1 ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM job.later WHERE ctid = ANY (ARRAY(SELECT place FROM c))
        ), ready AS (
            INSERT INTO job.ready (queue_id, lane, rank, id, attempt, crashes, key_hash)
            SELECT queue_id, lane, rank, id, attempt, crashes, key_hash FROM c
        )
        SELECT queue_id, count(*) FROM c GROUP BY queue_id";
    let rows = link.query(PROMOTE, &[&now, &(limit as i64)]).await?;
    let moved: i64 = rows.iter().map(|row| row.get::<_, i64>(1)).sum();
    Ok((rows.iter().map(|row| row.get(0)).collect(), moved as usize))
}

/// When the next job is due.
pub async fn next(link: &Link) -> Result<Option<Timestamp>, DbError> {
    const NEXT: &str = "-- jobs.due.next\nSELECT run_at FROM job.later ORDER BY run_at, id LIMIT 1";
    Ok(link.query(NEXT, &[]).await?.first().map(|row| row.get(0)))
}
