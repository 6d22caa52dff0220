//! Waiting for their time: later → ready, or to the door of their limit.

use jiff::Timestamp;

use crate::db::{DbError, Link};

/// What was moved.
#[derive(Debug, Default)]
pub struct Promoted {
    /// How many.
    pub moved: usize,
    /// The numbers of the queues in which something is ready now.
    pub queues: Vec<i16>,
    /// The doors at which something waits now.
    pub doors: Vec<i64>,
}

/// Moves up to `limit` jobs due at `now` into their queues.
///
/// `now` is the application's clock, so that tests can move it; see `jobs/mod.rs` for what that means for skew.
pub async fn promote(link: &Link, now: Timestamp, limit: usize) -> Result<Promoted, DbError> {
    const PROMOTE: &str = "-- jobs.due.promote
        WITH c AS MATERIALIZED (
            SELECT ctid AS place, queue_id, lane, rank, id, attempt, crashes, key_hash, kind_key FROM job.later
            WHERE run_at <= $1 ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM job.later WHERE ctid = ANY (ARRAY(SELECT place FROM c))
        ), ready AS (
            INSERT INTO job.ready (queue_id, lane, rank, id, attempt, crashes)
            SELECT queue_id, lane, rank, id, attempt, crashes FROM c WHERE key_hash IS NULL AND kind_key IS NULL
        ), parked AS (
            INSERT INTO job.parked (door, lane, rank, id, queue_id, attempt, crashes, key_hash, kind_key)
            SELECT coalesce(key_hash, kind_key), lane, rank, id, queue_id, attempt, crashes, key_hash, kind_key
            FROM c WHERE key_hash IS NOT NULL OR kind_key IS NOT NULL
        )
        SELECT queue_id, coalesce(key_hash, kind_key) AS door, count(*) FROM c GROUP BY 1, 2";
    let rows = link.query(PROMOTE, &[&now, &(limit as i64)]).await?;
    let mut promoted = Promoted::default();
    for row in rows {
        promoted.moved += row.get::<_, i64>(2) as usize;
        match row.get(1) {
            Some(door) => promoted.doors.push(door),
            None => promoted.queues.push(row.get(0)),
        }
    }
    Ok(promoted)
}

/// When the next job is due.
pub async fn next(link: &Link) -> Result<Option<Timestamp>, DbError> {
    const NEXT: &str = "-- jobs.due.next\nSELECT run_at FROM job.later ORDER BY run_at, id LIMIT 1";
    Ok(link.query(NEXT, &[]).await?.first().map(|row| row.get(0)))
}
