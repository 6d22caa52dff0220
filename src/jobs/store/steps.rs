//! Checkpoints and progress of running attempts. Fenced like acknowledgements: an attempt that lost its lease writes
//! nothing. What is left when the job ends is taken away by the janitor.

use crate::{
    db::{DbError, Link, Tx},
    jobs::{JobId, Progress},
};

/// The value of a step that was done, as JSON text.
pub async fn read(tx: &mut Tx, job: JobId, name: &str) -> Result<Option<String>, DbError> {
    const READ: &str = "-- jobs.steps.read
        SELECT value::text FROM job.step WHERE job_id = $1 AND name = $2";
    Ok(tx.query_opt(READ, &[&job, &name]).await?.map(|row| row.get(0)))
}

/// Writes a step down; `false` when the lease is gone.
pub async fn write(tx: &mut Tx, job: JobId, token: i64, name: &str, value: &str) -> Result<bool, DbError> {
    // The lease is locked: no rescue comes between this and the commit.
    const WRITE: &str = "-- jobs.steps.write
        INSERT INTO job.step (job_id, name, value)
        SELECT id, $3, $4::text::jsonb FROM job.lease WHERE id = $1 AND token = $2 FOR UPDATE
        ON CONFLICT (job_id, name) DO UPDATE SET value = EXCLUDED.value, at = clock_timestamp()";
    Ok(tx.execute(WRITE, &[&job, &token, &name, &value]).await? == 1)
}

/// Writes how far an attempt is; nothing when the lease is gone.
pub async fn progress(link: &Link, job: JobId, token: i64, progress: &Progress) -> Result<(), DbError> {
    const PROGRESS: &str = "-- jobs.steps.progress
        INSERT INTO job.progress (id, pct, note, data)
        SELECT id, $3, $4, $5::text::jsonb FROM job.lease WHERE id = $1 AND token = $2
        ON CONFLICT (id) DO UPDATE SET pct = EXCLUDED.pct, note = EXCLUDED.note, data = EXCLUDED.data, at = now()";
    let data = progress.data.as_ref().map(ToString::to_string);
    link.execute(PROGRESS, &[&job, &token, &progress.percent, &progress.note, &data]).await.map(|_| ())
}

/// Takes away what jobs left that have ended; how much.
pub async fn clean(link: &Link) -> Result<u64, DbError> {
    const STEPS: &str = "-- jobs.steps.clean
        DELETE FROM job.step AS s WHERE NOT EXISTS (SELECT FROM job.body AS b WHERE b.id = s.job_id)";
    const PROGRESS: &str = "-- jobs.steps.clean_progress
        DELETE FROM job.progress AS p WHERE NOT EXISTS (SELECT FROM job.body AS b WHERE b.id = p.id)";
    Ok(link.execute(STEPS, &[]).await? + link.execute(PROGRESS, &[]).await?)
}
