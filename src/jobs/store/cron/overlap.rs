//! `cancel_old`: earlier runs of a schedule make way for the next one.

use crate::{
    db::{DbError, Tx},
    jobs::JobId,
};

/// Rounds in which all earlier runs are caught: between two statements a waiting job may become ready, or start.
const ROUNDS: usize = 4;

/// What happened to earlier runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Waited, and have ended as cancelled.
    pub waiting: usize,
    /// Run, and were asked to end.
    pub running: usize,
}

impl Cancelled {
    /// Whether there was any.
    pub const fn is_any(self) -> bool {
        self.waiting + self.running > 0
    }
}

/// Ends what waits of the jobs of `kind` with this tag, and asks what runs to end.
pub async fn cancel_live(tx: &mut Tx, kind: i16, tag: &str) -> Result<Cancelled, DbError> {
    let mut cancelled = Cancelled::default();
    let mut asked: Vec<i64> = Vec::new();
    for _ in 0..ROUNDS {
        let live: Vec<i64> =
            live(tx, kind, tag).await?.into_iter().filter(|id| !asked.contains(id)).collect();
        if live.is_empty() {
            break;
        }
        cancelled.waiting += end_waiting(tx, &live).await?;
        let leased = ask_running(tx, &live).await?;
        cancelled.running += leased.len();
        asked.extend(leased);
    }
    Ok(cancelled)
}

async fn live(tx: &mut Tx, kind: i16, tag: &str) -> Result<Vec<i64>, DbError> {
    const LIVE: &str = "-- jobs.cron.live
        SELECT id FROM job.body WHERE tags <> '{}' AND tags @> ARRAY[$1] AND kind_id = $2 ORDER BY id";
    Ok(tx.query(LIVE, &[&tag, &kind]).await?.iter().map(|row| row.get::<_, JobId>(0).0).collect())
}

/// One statement moves each job from where it waits to the history. What a worker or the timer has in its hands just now
/// is waited for, and found elsewhere by the next look.
async fn end_waiting(tx: &mut Tx, ids: &[i64]) -> Result<usize, DbError> {
    const END: &str = "-- jobs.cron.end_waiting
        WITH ready AS (
            DELETE FROM job.ready WHERE id = ANY ($1::bigint[]) RETURNING id, attempt, crashes
        ), later AS (
            DELETE FROM job.later WHERE id = ANY ($1::bigint[]) RETURNING id, attempt, crashes
        ), parked AS (
            DELETE FROM job.parked WHERE id = ANY ($1::bigint[]) RETURNING id, attempt, crashes
        ), gone AS (
            SELECT * FROM ready UNION ALL SELECT * FROM later UNION ALL SELECT * FROM parked
        ), body AS (
            DELETE FROM job.body WHERE id IN (SELECT id FROM gone) RETURNING *
        ), released AS (
            DELETE FROM job.uniq AS u USING body AS b
            WHERE u.hash = b.unique_hash AND u.job_id = b.id AND b.unique_hold <= 1
        ), done AS (
            INSERT INTO job.done
                (id, queue_id, kind_id, state, attempts, crashes, enqueued_at, body, tags, reason, owner_id,
                    args_version)
            SELECT id, b.queue_id, b.kind_id, 2, g.attempt, g.crashes, b.enqueued_at,
                CASE WHEN b.keep = 2 THEN b.args END, b.tags, 'overlap: the next tick has come', b.owner_id, b.args_version
            FROM body AS b JOIN gone AS g USING (id) WHERE b.keep > 0
        )
        SELECT id FROM gone";
    Ok(tx.query(END, &[&ids]).await?.len())
}

/// Those whose report is just being written are ending anyway.
async fn ask_running(tx: &mut Tx, ids: &[i64]) -> Result<Vec<i64>, DbError> {
    const ASK: &str = "-- jobs.cron.ask_running
        UPDATE job.lease SET cancel_at = coalesce(cancel_at, clock_timestamp()),
            cancel_reason = coalesce(cancel_reason, 'overlap: the next tick has come')
        WHERE id = ANY (ARRAY(SELECT id FROM job.lease WHERE id = ANY ($1::bigint[]) ORDER BY id
            FOR UPDATE SKIP LOCKED))
        RETURNING id";
    Ok(tx.query(ASK, &[&ids]).await?.iter().map(|row| row.get(0)).collect())
}
