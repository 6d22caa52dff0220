//! Claiming: ready → lease, as many at once as there is room for.

use std::time::Duration;

use serde_json::value::RawValue;
use tokio_postgres::{Row, types::Json};

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
    /// Its place in the order of its queue.
    pub rank: i64,
    /// The shape of its arguments.
    pub version: i16,
    /// Its arguments.
    pub args: Arguments,
    /// Where it comes from: the request that made it.
    pub meta: Option<Box<RawValue>>,
    /// What few jobs have.
    pub ties: Option<Box<Ties>>,
}

/// A job's arguments.
#[derive(Debug)]
pub enum Arguments {
    /// JSON.
    Plain(Box<RawValue>),
    /// JSON that only a server with the key can read.
    Sealed(Vec<u8>),
}

/// What happens elsewhere when the job ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ties {
    /// A place of this key becomes free.
    pub key: Option<i64>,
    /// A place of its kind becomes free.
    pub kind_key: Option<i64>,
    /// Its batch counts it, and jobs may wait for it.
    pub in_batch: bool,
}

impl Ties {
    /// Nothing at all where there are none.
    pub(super) fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

macro_rules! claim {
    ($label:literal, $may:literal) => {
        concat!(
            $label,
            "
        WITH c AS MATERIALIZED (
            SELECT ctid AS place, queue_id, lane, rank, id, attempt, crashes, key_hash, kind_key FROM job.ready
            WHERE queue_id = $1
              AND EXISTS (SELECT 1 FROM job.worker
                  WHERE id = $3 AND beat_at > clock_timestamp() - $4 * interval '1 microsecond')
              AND ",
            $may,
            "
            ORDER BY lane, rank, id LIMIT $2 FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM job.ready WHERE ctid = ANY (ARRAY(SELECT place FROM c))
        ), body AS MATERIALIZED (
            SELECT id, kind_id, max_attempts, timeout_ms, args_version, args, sealed, meta, batch_id,
                unique_hash, unique_hold
            FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM c))
        ), started AS (
            DELETE FROM job.uniq
            WHERE hash = ANY (ARRAY(SELECT unique_hash FROM body WHERE unique_hold = 0))
              AND job_id = ANY (ARRAY(SELECT id FROM body WHERE unique_hold = 0))
        ), lease AS (
            INSERT INTO job.lease (id, token, worker_id, queue_id, lane, rank, attempt, crashes, key_hash, kind_key,
                deadline_at)
            SELECT id, nextval('job.token'), $3, queue_id, lane, rank, attempt + 1, crashes, key_hash, kind_key,
                clock_timestamp() + timeout_ms * interval '1 ms'
            FROM c JOIN body USING (id)
            RETURNING id, token, attempt, crashes, lane, rank, key_hash, kind_key
        )
        SELECT id, token, attempt, crashes, kind_id, max_attempts, timeout_ms, rank, args_version, args, sealed, meta,
            key_hash, kind_key, batch_id IS NOT NULL
        FROM lease JOIN body USING (id) ORDER BY lane, rank, id"
        )
    };
}

/// Leases up to `limit` ready jobs of `queue` to `worker`, the most urgent first.
///
/// Nothing is claimed for a queue that is paused or has a limit (see [`super::limits`]), or by a worker whose beat is
/// older than `rescue`: it may have been declared dead. Rows are found by position, bodies by id lists: no plan can turn
/// this into a scan of a long queue. Each lease gets a token of its own, so that (id, token) pairs never need a join.
pub async fn claim(
    link: &Link,
    queue: i16,
    limit: usize,
    worker: i64,
    rescue: Duration,
) -> Result<Vec<Claimed>, DbError> {
    const CLAIM: &str = claim!(
        "-- jobs.claims.claim",
        "NOT EXISTS (SELECT 1 FROM job.queue WHERE id = $1
            AND (paused_at IS NOT NULL OR max_running IS NOT NULL OR rate_per_s IS NOT NULL))"
    );
    let rows = link.query(CLAIM, &[&queue, &(limit as i64), &worker, &micros(rescue)]).await?;
    Ok(rows.iter().map(claimed).collect())
}

/// The same for a queue with limits; the caller holds the queue's lock and has made sure that there is room.
pub(super) async fn claim_within(
    link: &Link,
    queue: i16,
    limit: usize,
    worker: i64,
    rescue: Duration,
) -> Result<Vec<Claimed>, DbError> {
    const CLAIM: &str = claim!(
        "-- jobs.claims.claim_within",
        "NOT EXISTS (SELECT 1 FROM job.queue WHERE id = $1 AND paused_at IS NOT NULL)"
    );
    let rows = link.query(CLAIM, &[&queue, &(limit as i64), &worker, &micros(rescue)]).await?;
    Ok(rows.iter().map(claimed).collect())
}

fn claimed(row: &Row) -> Claimed {
    let args = row.get::<_, Option<Json<Box<RawValue>>>>(9).map(|args| Arguments::Plain(args.0));
    Claimed {
        job: row.get(0),
        token: row.get(1),
        attempt: row.get(2),
        crashes: row.get(3),
        kind: row.get(4),
        max_attempts: row.get(5),
        timeout: Duration::from_millis(row.get::<_, i32>(6).max(0) as u64),
        rank: row.get(7),
        version: row.get(8),
        args: args.unwrap_or_else(|| Arguments::Sealed(row.get(10))),
        meta: row.get::<_, Option<Json<Box<RawValue>>>>(11).map(|meta| meta.0),
        ties: Ties { key: row.get(12), kind_key: row.get(13), in_batch: row.get(14) }.boxed(),
    }
}
