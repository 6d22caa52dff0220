//! A document is described anew, analysed again, confirmed to be the patient's, or taken away. Whoever calls this was admitted:
//! patient and document are locked.

use jiff::Timestamp;

use super::{
    arrival,
    document::{Kind, PatientDocument},
};
use crate::{
    db::{DbError, Tx},
    documents::publish,
    ids::{PatientDocumentId, UserId},
    jobs::JobId,
};

/// Changes what is said of a document.
pub async fn describe(
    tx: &mut Tx,
    mut locked: PatientDocument,
    (kind, note): (Option<Kind>, Option<String>),
    now: Timestamp,
) -> Result<PatientDocument, DbError> {
    const DESCRIBE: &str = "-- clinic.documents.describe
        UPDATE patient_document SET kind = $2, note = $3, version = version + 1, updated_at = $4
        WHERE id = $1 RETURNING version";
    (locked.kind, locked.note) = (kind.unwrap_or(locked.kind), note.unwrap_or(locked.note));
    let row = tx.query_one(DESCRIBE, &[&locked.id, &locked.kind.as_str(), &locked.note, &now]).await?;
    (locked.version, locked.updated_at) = (row.get("version"), now);
    Ok(locked)
}

/// The analysis of a document begins anew: what was found stays until the new result is there, and so does the text in which it
/// stands.
pub async fn begin_again(
    tx: &mut Tx,
    id: PatientDocumentId,
    (run, job): (i32, JobId),
    now: Timestamp,
) -> Result<(), DbError> {
    const BEGIN: &str = "-- clinic.documents.begin_again
        UPDATE patient_document SET status = 'pending', run = $2, job_id = $3, step = NULL, failure = NULL,
            version = version + 1, updated_at = $4
        WHERE id = $1";
    tx.execute(BEGIN, &[&id, &run, &job, &now]).await?;
    Ok(())
}

/// Somebody has looked at a document that names somebody else: it is of the patient. Its next analysis knows.
pub async fn confirm(
    tx: &mut Tx,
    id: PatientDocumentId,
    user: UserId,
    now: Timestamp,
) -> Result<(), DbError> {
    const CONFIRM: &str = "-- clinic.documents.confirm
        UPDATE patient_document SET confirmed_by = $2, confirmed_at = $3 WHERE id = $1";
    tx.execute(CONFIRM, &[&id, &user, &now]).await?;
    Ok(())
}

/// Takes a document away, with everything that was read in it. Its objects are to be removed after the commit.
pub async fn remove(tx: &mut Tx, locked: &PatientDocument) -> Result<Vec<String>, DbError> {
    const REMOVE: &str = "-- clinic.documents.remove\nDELETE FROM patient_document WHERE id = $1";
    let mut objects = arrival::forget(tx, locked.document_id.as_slice()).await?;
    objects.extend(publish::forget(tx, locked.upload_id.as_slice()).await?);
    tx.execute(REMOVE, &[&locked.id]).await?;
    Ok(objects)
}
