//! Documents of patients, found by who may read the patient.

use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::document::{Kind, PatientDocument, Status};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{PatientDocumentId, PatientId, UserId},
};

/// Which documents; everything that is given must fit.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// About this.
    #[param(inline)]
    pub kind: Option<Kind>,
    /// As far as this.
    #[param(inline)]
    pub status: Option<Status>,
}

/// Documents of a patient, newest first, from below `before` on.
pub async fn list(
    db: &Db,
    (user, patient): (UserId, PatientId),
    filter: &Filter,
    before: Option<PatientDocumentId>,
    limit: i64,
) -> Result<Vec<PatientDocument>, DbError> {
    const LIST: &str = concat!(
        "-- clinic.documents.list
        SELECT ",
        patient_document_columns!(),
        patient_documents!(),
        "WHERE d.patient_id = $2 AND d.id < $3 AND ",
        at_clinic!("read_patients", "d.clinic_id", "$1"),
        " AND ($4::text IS NULL OR d.kind = $4) AND ($5::text IS NULL OR d.status = $5)
        ORDER BY d.id DESC LIMIT $6"
    );
    let before = before.unwrap_or(PatientDocumentId(Uuid::max()));
    let (kind, status) = (filter.kind.map(Kind::as_str), filter.status.map(Status::as_str));
    let rows = db.read(LIST, args![user, patient, before, kind, status, limit]).await?;
    Ok(rows.iter().map(PatientDocument::from_row).collect())
}

/// A document of a patient.
pub async fn find(
    db: &Db,
    (user, patient): (UserId, PatientId),
    id: PatientDocumentId,
) -> Result<Option<PatientDocument>, DbError> {
    const FIND: &str = concat!(
        "-- clinic.documents.find
        SELECT ",
        patient_document_columns!(),
        patient_documents!(),
        "WHERE d.id = $3 AND d.patient_id = $2 AND ",
        at_clinic!("read_patients", "d.clinic_id", "$1")
    );
    let rows = db.read(FIND, args![user, patient, id]).await?;
    Ok(rows.first().map(PatientDocument::from_row))
}

/// A document of a patient that was admitted, whose record is locked: locked, too.
pub async fn lock(
    tx: &mut Tx,
    patient: PatientId,
    id: PatientDocumentId,
) -> Result<Option<PatientDocument>, DbError> {
    const LOCK: &str = concat!(
        "-- clinic.documents.lock
        SELECT ",
        patient_document_columns!(),
        patient_documents!(),
        "WHERE d.id = $2 AND d.patient_id = $1 FOR NO KEY UPDATE OF d"
    );
    Ok(tx.query_opt(LOCK, &[&patient, &id]).await?.as_ref().map(PatientDocument::from_row))
}

/// A document, for its analysis.
pub async fn of_analysis(tx: &mut Tx, id: PatientDocumentId) -> Result<Option<PatientDocument>, DbError> {
    const FIND: &str = concat!(
        "-- clinic.documents.of_analysis
        SELECT ",
        patient_document_columns!(),
        patient_documents!(),
        "WHERE d.id = $1"
    );
    Ok(tx.query_opt(FIND, &[&id]).await?.as_ref().map(PatientDocument::from_row))
}
