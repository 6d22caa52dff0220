//! How far a document is: what each step leaves behind, for whoever watches and for who goes on.

use jiff::Timestamp;

use crate::{
    clinic::documents::document::Step,
    db::{DbError, Tx},
    ids::PatientDocumentId,
};

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
