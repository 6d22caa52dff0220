//! How queues, kinds and nodes are run: rows that administrators change and every process follows (`steering`).

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    db::{DbError, Tx},
    jobs::{
        JobId,
        settings::{KindState, NodeState, QueueLimits, QueueSettings},
    },
};

/// What is answered about a queue.
macro_rules! queue {
    () => {
        " RETURNING name, paused_at, job.called(paused_by), paused_why, workers, max_running, rate_per_s, rate_burst, aging_ms, fair, revision"
    };
}

fn queue(row: &Row) -> QueueSettings {
    QueueSettings {
        name: row.get(0),
        paused_at: row.get(1),
        paused_by: row.get(2),
        paused_reason: row.get(3),
        limits: QueueLimits {
            workers: row.get(4),
            max_running: row.get(5),
            rate_per_s: row.get(6),
            rate_burst: row.get(7),
            aging_ms: row.get(8),
            fair: row.get(9),
        },
        revision: row.get(10),
    }
}

/// Locks a queue for a change of its limits.
pub async fn lock_queue(tx: &mut Tx, name: &str) -> Result<Option<QueueSettings>, DbError> {
    const LOCK: &str = "-- jobs.settings.lock_queue
        SELECT name, paused_at, job.called(paused_by), paused_why, workers, max_running, rate_per_s, rate_burst, aging_ms, fair, revision
        FROM job.queue WHERE name = $1 FOR UPDATE";
    Ok(tx.query_opt(LOCK, &[&name]).await?.as_ref().map(queue))
}

/// Pauses a queue, or lets it run again. Since when stays known when it is paused once more; who, and why, is the newest.
pub async fn pause_queue(
    tx: &mut Tx,
    name: &str,
    by: Option<(&str, &str)>,
    now: Timestamp,
) -> Result<Option<QueueSettings>, DbError> {
    const PAUSE: &str = concat!(
        "-- jobs.settings.pause_queue
        UPDATE job.queue SET revision = revision + 1,
            paused_at = CASE WHEN $2::text IS NOT NULL THEN coalesce(paused_at, $4) END,
            paused_by = $2,
            paused_why = CASE WHEN $2 IS NOT NULL THEN $3 END
        WHERE name = $1",
        queue!()
    );
    let (by, why) = by.unzip();
    Ok(tx.query_opt(PAUSE, &[&name, &by, &why, &now]).await?.as_ref().map(queue))
}

/// Replaces the limits of a queue.
pub async fn limit_queue(
    tx: &mut Tx,
    name: &str,
    limits: &QueueLimits,
) -> Result<Option<QueueSettings>, DbError> {
    const LIMIT: &str = concat!(
        "-- jobs.settings.limit_queue
        UPDATE job.queue SET revision = revision + 1, workers = $2, max_running = $3, rate_per_s = $4,
            rate_burst = $5, aging_ms = $6, fair = $7
        WHERE name = $1",
        queue!()
    );
    let QueueLimits { workers, max_running, rate_per_s, rate_burst, aging_ms, fair } = limits;
    let args: [&(dyn postgres_types::ToSql + Sync); 7] =
        [&name, workers, max_running, rate_per_s, rate_burst, aging_ms, fair];
    Ok(tx.query_opt(LIMIT, &args).await?.as_ref().map(queue))
}

/// Pauses a kind, or lets it run again. What was put off meanwhile comes back by itself.
pub async fn pause_kind(
    tx: &mut Tx,
    name: &str,
    by: Option<(&str, &str)>,
    now: Timestamp,
) -> Result<Option<KindState>, DbError> {
    const PAUSE: &str = "-- jobs.settings.pause_kind
        UPDATE job.kind SET paused_at = CASE WHEN $2::text IS NOT NULL THEN coalesce(paused_at, $4) END,
            paused_by = $2,
            paused_why = CASE WHEN $2 IS NOT NULL THEN $3 END
        WHERE name = $1 RETURNING name, paused_at, job.called(paused_by), paused_why";
    let (by, why) = by.unzip();
    let row = tx.query_opt(PAUSE, &[&name, &by, &why, &now]).await?;
    Ok(row.map(|row| KindState {
        name: row.get(0),
        paused_at: row.get(1),
        paused_by: row.get(2),
        paused_reason: row.get(3),
    }))
}

/// Drains a process that lives, or lets it work again.
pub async fn drain_node(tx: &mut Tx, worker: i64, by: Option<&str>) -> Result<Option<NodeState>, DbError> {
    const DRAIN: &str = "-- jobs.settings.drain_node
        UPDATE job.worker SET drain_by = CASE WHEN $2::text IS NOT NULL THEN coalesce(drain_by, $2) END,
            drain_at = CASE WHEN $2 IS NOT NULL THEN coalesce(drain_at, clock_timestamp()) END
        WHERE id = $1 AND left_at IS NULL AND beat_at > '-infinity'
        RETURNING id, node, drain_at, job.called(drain_by),
            (SELECT count(*) FROM job.lease AS l WHERE l.worker_id = job.worker.id)";
    let row = tx.query_opt(DRAIN, &[&worker, &by]).await?;
    Ok(row.map(|row| NodeState {
        id: JobId(row.get(0)),
        node: row.get(1),
        drain_at: row.get(2),
        drain_by: row.get(3),
        running: row.get(4),
    }))
}
