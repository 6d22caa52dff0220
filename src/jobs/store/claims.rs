//! Claiming: ready → lease, as many at once as there is room for.

use std::time::Duration;

use serde_json::value::RawValue;
use tokio_postgres::types::Json;

use super::micros;
use crate::{
    db::{DbError, Link},
    jobs::JobId,
};

/// One leased job.
#[derive(Debug)]
pub struct Claimed {
    /// Its id.
    pub job: JobId,
    /// The fence of this attempt.
    pub token: i64,
    /// From 1.
    pub attempt: i16,
    /// How often a process died while running it.
    pub crashes: i16,
    /// Its kind's number.
    pub kind: i16,
    /// Attempts before it is discarded.
    pub max_attempts: i16,
    /// Longest attempt.
    pub timeout: Duration,
    /// Its arguments.
    pub args: Box<RawValue>,
}

/// Leases up to `limit` ready jobs of `queue` to `worker`, the most urgent first.
///
/// Nothing is claimed for a paused queue, or by a worker whose beat is older than `rescue`: it may have been declared
/// dead. Rows are found by position, bodies by id lists: no plan can turn this into a scan of a long queue. Each lease
/// gets a token of its own, so that (id, token) pairs never need a join.
pub async fn claim(
    link: &Link,
    queue: i16,
    limit: usize,
    worker: i64,
    rescue: Duration,
) -> Result<Vec<Claimed>, DbError> {
    const CLAIM: &str = "-- jobs.claims.claim
        WITH c AS MATERIALIZED (
            SELECT ctid AS place, queue_id, lane, rank, id, attempt, crashes, key_hash FROM job.ready
            WHERE queue_id = $1
              AND EXISTS (SELECT 1 FROM job.worker
                  WHERE id = $3 AND beat_at > clock_timestamp() - $4 * interval '1 microsecond')
              AND NOT EXISTS (SELECT 1 FROM job.queue WHERE id = $1 AND paused_at IS NOT NULL)
            ORDER BY lane, rank, id LIMIT $2 FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM job.ready WHERE ctid = ANY (ARRAY(SELECT place FROM c))
        ), body AS MATERIALIZED (
            SELECT id, kind_id, max_attempts, timeout_ms, args, unique_hash, unique_hold
            FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM c))
        ), started AS (
            DELETE FROM job.uniq
            WHERE hash = ANY (ARRAY(SELECT unique_hash FROM body WHERE unique_hold = 0))
              AND job_id = ANY (ARRAY(SELECT id FROM body WHERE unique_hold = 0))
        ), lease AS (
            INSERT INTO job.lease (id, token, worker_id, queue_id, lane, rank, attempt, crashes, key_hash, deadline_at)
            SELECT id, nextval('job.token'), $3, queue_id, lane, rank, attempt + 1, crashes, key_hash,
                clock_timestamp() + timeout_ms * interval '1 ms'
            FROM c JOIN body USING (id)
            RETURNING id, token, attempt, crashes, lane, rank
        )
        SELECT id, token, attempt, crashes, kind_id, max_attempts, timeout_ms, args
        FROM lease JOIN body USING (id) ORDER BY lane, rank, id";
    let rows = link.query(CLAIM, &[&queue, &(limit as i64), &worker, &micros(rescue)]).await?;
    Ok(rows
        .iter()
        .map(|row| Claimed {
            job: row.get(0),
            token: row.get(1),
            attempt: row.get(2),
            crashes: row.get(3),
            kind: row.get(4),
            max_attempts: row.get(5),
            timeout: Duration::from_millis(row.get::<_, i32>(6).max(0) as u64),
            args: row.get::<_, Json<Box<RawValue>>>(7).0,
        })
        .collect())
}
