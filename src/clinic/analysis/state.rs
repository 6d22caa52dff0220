//! How far a document is: what each step leaves behind, for whoever watches and for who goes on.

use jiff::Timestamp;

use crate::{
    clinic::documents::document::Step,
    db::{DbError, Tx},
    ids::{PatientDocumentId, PatientId},
};

/// So many lost analyses are ended in one transaction.
pub const BATCH: i64 = 100;

/// A step of this run is done; with the first the document is being processed. `false`: there is a newer run, or no document.
pub async fn passed(
    tx: &mut Tx,
    (id, run): (PatientDocumentId, i32),
    step: Option<Step>,
    now: Timestamp,
) -> Result<bool, DbError> {
    const PASSED: &str = "-- clinic.analysis.passed
        UPDATE patient_document SET status = 'processing', step = coalesce($3, step), updated_at = $4
        WHERE id = $1 AND run = $2 AND status IN ('pending', 'processing')";
    Ok(tx.execute(PASSED, &[&id, &run, &step.map(Step::as_str), &now]).await? == 1)
}

/// Nothing comes of this run; why, in a stable word. What an earlier run has found stays. `false`: there is a newer one.
pub async fn failed(
    tx: &mut Tx,
    (id, run): (PatientDocumentId, i32),
    why: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    const FAILED: &str = "-- clinic.analysis.failed
        UPDATE patient_document SET status = 'failed', failure = $3, version = version + 1, updated_at = $4
        WHERE id = $1 AND run = $2 AND status IN ('pending', 'processing')";
    Ok(tx.execute(FAILED, &[&id, &run, &why, &now]).await? == 1)
}

/// Ends runs whose job has ended without them; why, in a stable word. Whose they are, the document, its run; at most [`BATCH`].
///
/// A run is asked for together with its job, and its result is written together with the job's end: whoever is open without a
/// job that lives has none that will come.
pub async fn lost(
    tx: &mut Tx,
    why: &str,
    now: Timestamp,
) -> Result<Vec<(PatientId, PatientDocumentId, i32)>, DbError> {
    const LOCK: &str = "-- clinic.analysis.lock_lost
        SELECT d.id FROM patient_document AS d
        WHERE d.status IN ('pending', 'processing') AND NOT EXISTS (SELECT FROM job.body AS b WHERE b.id = d.job_id)
        ORDER BY d.id LIMIT $1 FOR NO KEY UPDATE OF d SKIP LOCKED";
    // Again, as a statement of its own: one that was begun anew between look and lock has a job that the first did not see.
    const LOST: &str = "-- clinic.analysis.lost
        UPDATE patient_document AS d SET status = 'failed', failure = $2, version = d.version + 1, updated_at = $3
        WHERE d.id = ANY ($1) AND NOT EXISTS (SELECT FROM job.body AS b WHERE b.id = d.job_id)
        RETURNING d.patient_id, d.id, d.run";
    let locked: Vec<PatientDocumentId> =
        tx.query(LOCK, &[&BATCH]).await?.iter().map(|row| row.get("id")).collect();
    let rows = tx.query(LOST, &[&locked, &why, &now]).await?;
    Ok(rows.iter().map(|row| (row.get("patient_id"), row.get("id"), row.get("run"))).collect())
}
