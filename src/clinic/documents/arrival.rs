//! A file that has come: written down beside the patient, and made a content of the shared store once it was checked.
//!
//! A file arrives as every upload does (see [`crate::documents::uploads`]). From then on it is the analysis that looks at it: its
//! first step makes an object of it, and the row that names it, in one transaction.
//!
//! As long as a document names its upload, nothing else removes it: not its time, nor the end of its uploader's account. It goes when
//! it has become a content, was refused, or the document or the patient goes; and when nobody has asked for another analysis for
//! [`KEEP_UNREAD`].

use jiff::{SignedDuration, Timestamp};

use super::{DESK, HOLDER, document::Kind};
use crate::{
    db::{DbError, Tx},
    documents::publish::{self, Complete, Stored},
    ids::{ClinicId, DocumentId, PatientDocumentId, PatientId, UploadId, UserId},
    jobs::JobId,
};

/// A file whose analysis has failed before it was stored, by no fault of its own, waits so long to be asked for again: who comes
/// back from their holidays finds it.
pub const KEEP_UNREAD: SignedDuration = SignedDuration::from_hours(30 * 24);
/// So many of them are let go in one transaction.
pub const BATCH: i64 = 100;

/// A document that is written down.
#[derive(Debug, Clone)]
pub struct New<'a> {
    /// Its id.
    pub id: PatientDocumentId,
    /// The clinic.
    pub clinic: ClinicId,
    /// Whose it is: admitted, and locked.
    pub patient: PatientId,
    /// What it is about.
    pub kind: Kind,
    /// The file's name.
    pub name: &'a str,
    /// What was written beside it.
    pub note: &'a str,
    /// Who uploads it.
    pub by: UserId,
    /// The file as it has arrived.
    pub upload: UploadId,
    /// The analysis.
    pub job: JobId,
}

/// Writes a document down that waits to be analysed.
pub async fn create(tx: &mut Tx, new: &New<'_>, now: Timestamp) -> Result<(), DbError> {
    const CREATE: &str = "-- clinic.documents.create
        INSERT INTO patient_document (id, clinic_id, patient_id, kind, name, note, uploaded_by, job_id, created_at, updated_at,
            upload_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)";
    let New { id, clinic, patient, kind, name, note, by, upload, job } = new;
    tx.execute(CREATE, &[id, clinic, patient, &kind.as_str(), name, note, by, job, &now, upload]).await?;
    Ok(())
}

/// Makes a stored content that of a document; its file is held from now on, and the upload ends. `false`: it is gone meanwhile.
pub async fn publish(
    tx: &mut Tx,
    id: PatientDocumentId,
    (upload, stored): (&Complete, &Stored),
    now: Timestamp,
) -> Result<bool, DbError> {
    const PUBLISHED: &str = "-- clinic.documents.published
        UPDATE patient_document SET document_id = $2, updated_at = $3 WHERE id = $1";
    let Some(document) = publish::for_desk(tx, upload, stored, (DESK, HOLDER, id.0), now).await? else {
        return Ok(false);
    };
    Ok(tx.execute(PUBLISHED, &[&id, &document, &now]).await? == 1)
}

/// Takes the files of documents out of the store; their objects are to be removed after the commit.
pub async fn forget(tx: &mut Tx, files: &[DocumentId]) -> Result<Vec<String>, DbError> {
    const LET_GO: &str = "-- clinic.documents.let_go
        WITH left_alone AS (
            UPDATE patient_document SET document_id = NULL WHERE document_id = ANY ($1)
        )
        DELETE FROM document_hold WHERE document_id = ANY ($1) AND holder = $2";
    if files.is_empty() {
        return Ok(Vec::new());
    }
    tx.execute(LET_GO, &[&files, &HOLDER]).await?;
    crate::documents::documents::remove_all(tx, files).await
}

/// Lets go of files that nobody has asked to be read again since `before`: whose they are, and what was removed with them. Their
/// objects are to be removed after the commit; at most [`BATCH`].
pub async fn let_go_unread(
    tx: &mut Tx,
    before: Timestamp,
    now: Timestamp,
) -> Result<(Vec<(PatientId, PatientDocumentId)>, Vec<String>), DbError> {
    const UNREAD: &str = "-- clinic.documents.unread
        WITH old AS (
            SELECT id, upload_id FROM patient_document
            WHERE upload_id IS NOT NULL AND status = 'failed' AND updated_at < $1
            ORDER BY updated_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE patient_document AS d SET upload_id = NULL, failure = 'no_content', version = d.version + 1, updated_at = $3
        FROM old WHERE d.id = old.id RETURNING d.patient_id, d.id, old.upload_id";
    let rows = tx.query(UNREAD, &[&before, &BATCH, &now]).await?;
    let uploads: Vec<UploadId> = rows.iter().map(|row| row.get("upload_id")).collect();
    let objects = publish::forget(tx, &uploads).await?;
    Ok((rows.iter().map(|row| (row.get("patient_id"), row.get("id"))).collect(), objects))
}
