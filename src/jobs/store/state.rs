//! Looking at the queues from outside: how much waits where, and whether every job is in exactly one place.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    args,
    db::{Db, DbError, Link},
    jobs::JobId,
};

/// How much is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// Ready or leased.
    pub active: i64,
    /// Waiting for a time that has come.
    pub due: i64,
}

/// Counts what is live at `now`, without what waits for a limit that a later retry holds. For tests and the console: it
/// counts rows.
pub async fn live(db: &Db, now: Timestamp) -> Result<Live, DbError> {
    const LIVE: &str = "-- jobs.state.live
        SELECT (SELECT count(*) FROM job.ready) + (SELECT count(*) FROM job.lease)
                + (SELECT count(*) FROM job.parked AS p WHERE NOT EXISTS (
                    SELECT FROM job.later AS l WHERE l.key_hash = p.door AND l.why > 0))
                + (SELECT count(*) FROM job.gate WHERE waits = 0)
                + (SELECT count(*) FROM job.batch
                    WHERE closed_at IS NULL AND sealed_at IS NOT NULL AND ok + bad = total),
            (SELECT count(*) FROM job.later WHERE run_at <= $1)";
    let rows: Arc<_> = db.read(LIVE, args![now]).await?;
    Ok(Live { active: rows[0].get(0), due: rows[0].get(1) })
}

/// Whether a job has ended, and how.
#[derive(Debug)]
pub enum End {
    /// It waits or runs.
    Live,
    /// It has ended.
    Ended {
        /// The number of its ending.
        state: i16,
        /// What it answered, as JSON text.
        answer: Option<String>,
        /// Why, if not well.
        reason: Option<String>,
    },
}

/// Looks for a job; `None` when nothing is known of it.
pub async fn ended(db: &Db, job: JobId) -> Result<Option<End>, DbError> {
    const ENDED: &str = "-- jobs.state.ended
        SELECT d.state, d.result::text, d.reason FROM job.done AS d WHERE d.id = $1
        UNION ALL SELECT NULL::smallint, NULL::text, NULL::text FROM job.body AS b WHERE b.id = $1
        ORDER BY 1 NULLS LAST LIMIT 1";
    let rows: Arc<_> = db.read(ENDED, args![job.0]).await?;
    Ok(rows.first().map(|row| match row.get(0) {
        None => End::Live,
        Some(state) => End::Ended { state, answer: row.get(1), reason: row.get(2) },
    }))
}

/// Those of `queues` in which something is ready that may be claimed: not paused, not full, with a token of their rate.
pub async fn queues_with_work(link: &Link, queues: &[i16]) -> Result<Vec<i16>, DbError> {
    // One descent of the index each, from the young end: the old one of a busy queue is full of dead rows.
    const WITH_WORK: &str = "-- jobs.state.queues_with_work
        SELECT q.id FROM job.queue AS q LEFT JOIN job.bucket AS b ON b.queue_id = q.id
        WHERE q.id = ANY ($1::smallint[]) AND paused_at IS NULL
          AND (SELECT r.id FROM job.ready AS r WHERE r.queue_id = q.id
               ORDER BY lane DESC, rank DESC, id DESC LIMIT 1) IS NOT NULL
          AND (max_running IS NULL OR max_running > (SELECT count(*) FROM job.lease AS l WHERE l.queue_id = q.id))
          AND (rate_per_s IS NULL OR 1 <= coalesce(b.tokens, q.rate_burst)
              + coalesce(extract(epoch FROM clock_timestamp() - b.at), 0) * q.rate_per_s)";
    Ok(link.query(WITH_WORK, &[&queues]).await?.iter().map(|row| row.get(0)).collect())
}

/// How many bodies have no place, and how many places no body: both are bugs.
pub async fn misplaced(link: &Link) -> Result<(i64, i64), DbError> {
    const MISPLACED: &str = "-- jobs.state.misplaced
        WITH place AS (
            SELECT id FROM job.ready UNION ALL SELECT id FROM job.later UNION ALL SELECT id FROM job.parked
            UNION ALL SELECT id FROM job.lease UNION ALL SELECT id FROM job.gate
        )
        SELECT (SELECT count(*) FROM job.body WHERE id NOT IN (SELECT id FROM place)),
            (SELECT count(*) FROM place WHERE id NOT IN (SELECT id FROM job.body))
                + (SELECT count(*) - count(DISTINCT id) FROM place)";
    let rows = link.query(MISPLACED, &[]).await?;
    Ok((rows[0].get(0), rows[0].get(1)))
}
