//! What is wanted of this process while it runs: queues paused or scaled, kinds paused, the node drained, attempts
//! cancelled. Rows that administrators write (`queues`, `nodes`, `cancels`) and every process reads.

use std::time::Duration;

use super::{Ties, micros};
use crate::{
    db::{DbError, Link},
    jobs::JobId,
};

/// What is wanted of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The queue's number.
    pub queue: i16,
    /// Nothing of it is to be started.
    pub paused: bool,
    /// Jobs of it that run at once on this node; `None`: as configured.
    pub workers: Option<i32>,
    /// It has a limit or a rate: see [`super::limits`].
    pub is_limited: bool,
    /// Milliseconds of waiting that make up for a step of priority; strict without.
    pub aging_ms: Option<i32>,
    /// Fair between tenants.
    pub fair: bool,
    /// Counts its changes.
    pub revision: i64,
}

/// What is wanted of everybody, and of one worker.
#[derive(Debug, Default)]
pub struct Orders {
    /// Every queue.
    pub queues: Vec<Wanted>,
    /// The numbers of paused kinds.
    pub paused_kinds: Vec<i16>,
    /// The worker takes nothing more.
    pub drain: bool,
}

/// Reads what is wanted. A handful of rows, for every process each second.
pub async fn orders(link: &Link, worker: i64) -> Result<Orders, DbError> {
    const ORDERS: &str = "-- jobs.steering.orders
        SELECT id, paused_at IS NOT NULL, workers,
            (SELECT drain_at IS NOT NULL FROM job.worker WHERE id = $1),
            ARRAY(SELECT id FROM job.kind WHERE paused_at IS NOT NULL),
            max_running IS NOT NULL OR rate_per_s IS NOT NULL, aging_ms, fair, revision
        FROM job.queue";
    let rows = link.query(ORDERS, &[&worker]).await?;
    let first = rows.first();
    Ok(Orders {
        paused_kinds: first.map(|row| row.get(4)).unwrap_or_default(),
        drain: first.and_then(|row| row.get(3)).unwrap_or_default(),
        queues: rows
            .iter()
            .map(|row| Wanted {
                queue: row.get(0),
                paused: row.get(1),
                workers: row.get(2),
                is_limited: row.get(5),
                aging_ms: row.get(6),
                fair: row.get(7),
                revision: row.get(8),
            })
            .collect(),
    })
}

/// A lease whose job is to be cancelled.
#[derive(Debug)]
pub struct Cancelled {
    /// The job.
    pub job: JobId,
    /// The fence of its attempt.
    pub token: i64,
    /// The worker that asks holds it; otherwise a dead one.
    pub own: bool,
    /// Its claim has been answered for certain: an owner that does not know it will never hear of it.
    pub settled: bool,
    /// Why.
    pub reason: Option<String>,
    /// What its end means elsewhere.
    pub ties: Option<Box<Ties>>,
}

/// Leases to be cancelled by `worker`: its own, and those of the dead, whose jobs need not be rescued to be cancelled.
pub async fn cancelled(
    link: &Link,
    worker: i64,
    settled_after: Duration,
    dead_after: Duration,
    limit: usize,
) -> Result<Vec<Cancelled>, DbError> {
    const CANCELLED: &str = "-- jobs.steering.cancelled
        SELECT l.id, l.token, l.worker_id = $1, l.started_at < clock_timestamp() - $2 * interval '1 microsecond',
            l.cancel_reason, l.key_hash, l.kind_key,
            EXISTS (SELECT FROM job.body AS b WHERE b.id = l.id AND b.batch_id IS NOT NULL)
        FROM job.lease AS l LEFT JOIN job.worker AS w ON w.id = l.worker_id
        WHERE l.cancel_at IS NOT NULL
          AND (l.worker_id = $1 OR w.id IS NULL OR w.beat_at = '-infinity'
              OR (w.beat_at < clock_timestamp() - $3 * interval '1 microsecond'
                  AND pg_postmaster_start_time() < clock_timestamp() - $3 * interval '1 microsecond'))
        ORDER BY l.id LIMIT $4";
    let args: [&(dyn postgres_types::ToSql + Sync); 4] =
        [&worker, &micros(settled_after), &micros(dead_after), &(limit as i64)];
    let rows = link.query(CANCELLED, &args).await?;
    Ok(rows
        .iter()
        .map(|row| Cancelled {
            job: row.get(0),
            token: row.get(1),
            own: row.get(2),
            settled: row.get(3),
            reason: row.get(4),
            ties: Ties { key: row.get(5), kind_key: row.get(6), in_batch: row.get(7) }.boxed(),
        })
        .collect())
}

/// Marks the lease of a job for its process; `false` when no attempt of it runs.
pub async fn cancel(tx: &mut crate::db::Tx, job: JobId, reason: &str) -> Result<bool, DbError> {
    const CANCEL: &str = "-- jobs.steering.cancel
        UPDATE job.lease SET cancel_at = coalesce(cancel_at, clock_timestamp()),
            cancel_reason = coalesce(cancel_reason, $2) WHERE id = $1";
    Ok(tx.execute(CANCEL, &[&job.0, &reason]).await? > 0)
}
