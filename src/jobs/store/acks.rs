//! Acknowledging: what happened to the jobs that were run. Every statement is fenced by (id, token).

use crate::{
    db::{DbError, Tx},
    jobs::JobId,
};

/// The done row is written in the handler's transaction too; `false` when the lease is not ours any more.
pub async fn finish(tx: &mut Tx, job: JobId, token: i64) -> Result<bool, DbError> {
    const FINISH: &str = "-- jobs.acks.finish
        WITH lease AS (DELETE FROM job.lease WHERE id = $1 AND token = $2 RETURNING *),
        body AS (DELETE FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM lease)) RETURNING *),
        uniq AS (
            DELETE FROM job.uniq AS u USING body
            WHERE u.hash = ANY (ARRAY(SELECT unique_hash FROM body WHERE unique_hold <= 1))
              AND u.hash = body.unique_hash AND u.job_id = body.id
        ), done AS (
            INSERT INTO job.done (id, queue_id, kind_id, state, attempts, crashes, enqueued_at, started_at, body, tags)
            SELECT b.id, b.queue_id, b.kind_id, 0, l.attempt, l.crashes, b.enqueued_at, l.started_at,
                CASE WHEN b.keep = 2 THEN b.args END, b.tags
            FROM body AS b JOIN lease AS l USING (id) WHERE b.keep > 0
        )
        SELECT id FROM lease";
    Ok(tx.query_opt(FINISH, &[&job.0, &token]).await?.is_some())
}
