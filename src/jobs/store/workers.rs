//! Processes that run jobs: one row per boot, never reused, kept for a while after death.

use std::time::Duration;

use super::micros;
use crate::db::{DbError, Link};

/// The class of the advisory lock that a worker's session holds: "spjw".
const LOCK_CLASS: i32 = 0x7370_6A77;

/// Registers this boot; its number.
pub async fn register(link: &Link, node: &str, info: &serde_json::Value) -> Result<i64, DbError> {
    const REGISTER: &str = "-- jobs.workers.register
        INSERT INTO job.worker (node, info) VALUES ($1, $2) RETURNING id";
    Ok(link.query(REGISTER, &[&node, info]).await?[0].get(0))
}

/// The answer to a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beaten {
    /// How many live besides this worker.
    pub others: i64,
    /// It takes nothing more.
    pub drain: bool,
}

/// Says that `worker` lives. `None` when its row is gone: it was dead for long, and must register anew.
pub async fn beat(link: &Link, worker: i64, rescue: Duration) -> Result<Option<Beaten>, DbError> {
    // A session that holds the lock already takes it once more, which the end of the session undoes all the same;
    // counting them costs a look into pg_locks, so it is asked for only while the session is new (see the beat actor).
    const BEAT: &str = "-- jobs.workers.beat
        UPDATE job.worker SET beat_at = clock_timestamp(), draining = drain_at IS NOT NULL WHERE id = $1
        RETURNING (SELECT count(*) FROM job.worker
            WHERE id <> $1 AND beat_at > clock_timestamp() - $2 * interval '1 microsecond'), draining";
    let rows = link.query(BEAT, &[&worker, &micros(rescue)]).await?;
    Ok(rows.first().map(|row| Beaten { others: row.get(0), drain: row.get(1) }))
}

/// Takes the lock that proves this worker's session lives; `false` while a dying session of ours still has it.
pub async fn hold(link: &Link, worker: i64) -> Result<bool, DbError> {
    const HOLD: &str = "-- jobs.workers.hold
        SELECT pg_try_advisory_lock($1, ($2::bigint % 2147483647)::int)";
    Ok(link.query(HOLD, &[&LOCK_CLASS, &worker]).await?[0].get(0))
}

/// Declares earlier boots of `node` dead whose session is gone, so that their jobs are rescued at once.
pub async fn bury_earlier_boots(link: &Link, node: &str, worker: i64) -> Result<u64, DbError> {
    const BURY: &str = "-- jobs.workers.bury_earlier_boots
        UPDATE job.worker SET beat_at = '-infinity' WHERE id = ANY (ARRAY(
            SELECT id FROM job.worker WHERE node = $1 AND id <> $2 AND beat_at > '-infinity'))
          AND pg_try_advisory_xact_lock($3, (id % 2147483647)::int)";
    link.execute(BURY, &[&node, &worker, &LOCK_CLASS]).await
}

/// Writes down that `worker` is about to start the job with this lease, which would be set aside with its next crash; a
/// crash counts only for the one that was announced last. `false` when its row is gone.
pub async fn announce(link: &Link, worker: i64, token: i64) -> Result<bool, DbError> {
    const ANNOUNCE: &str = "-- jobs.workers.announce
        UPDATE job.worker SET alone = $2 WHERE id = $1";
    Ok(link.execute(ANNOUNCE, &[&worker, &token]).await? > 0)
}

/// An orderly end: no claims any more, and nobody waits for its beat. What it holds is given back, by
/// [`give_back`]: here and now, and by any node if a claim of it was still under way.
pub async fn leave(link: &Link, worker: i64) -> Result<(), DbError> {
    const LEAVE: &str = "-- jobs.workers.leave
        UPDATE job.worker SET draining = true, beat_at = '-infinity', left_at = clock_timestamp() WHERE id = $1";
    link.execute(LEAVE, &[&worker]).await.map(|_| ())
}

/// Gives back the leases of workers that have left in order: no crash, no attempt. The queues' numbers, one per lease.
/// Those marked for cancelling stay for the steward.
pub async fn give_back(link: &Link, limit: usize) -> Result<Vec<i16>, DbError> {
    const GIVE_BACK: &str = "-- jobs.workers.give_back
        WITH found AS MATERIALIZED (
            SELECT id FROM job.lease
            WHERE worker_id = ANY (ARRAY(SELECT id FROM job.worker WHERE left_at IS NOT NULL)) AND cancel_at IS NULL
            ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
        ), lease AS (
            DELETE FROM job.lease WHERE id = ANY (ARRAY(SELECT id FROM found)) RETURNING *
        ), ready AS (
            INSERT INTO job.ready (queue_id, lane, rank, id, attempt, crashes, key_hash, kind_key)
            SELECT queue_id, lane, rank, id, attempt - 1, crashes, key_hash, kind_key FROM lease
        )
        SELECT queue_id FROM lease";
    let rows = link.query(GIVE_BACK, &[&(limit as i64)]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Forgets workers dead for longer than `keep` that hold nothing. Their rows stay that long because a lease whose
/// worker is unknown could not be told from one that is just being written.
pub async fn forget(link: &Link, keep: Duration) -> Result<u64, DbError> {
    const FORGET: &str = "-- jobs.workers.forget
        DELETE FROM job.worker AS w
        WHERE greatest(beat_at, started_at) < clock_timestamp() - $1 * interval '1 microsecond'
          AND NOT EXISTS (SELECT 1 FROM job.lease AS l WHERE l.worker_id = w.id)";
    link.execute(FORGET, &[&micros(keep)]).await
}
