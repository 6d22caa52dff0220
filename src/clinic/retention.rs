//! The end of a record: after its time, or when the clinic decides so, the person is taken out of it for good.
//!
//! What becomes of each field is [`crate::clinic::rules::patient::anonymisation`]: figures stay, without a person. Everything
//! that was merged into a record goes with it. Nobody can undo it.

use jiff::{Timestamp, civil::Date};

use super::{
    documents::arrival,
    patients::{Patient, held::HELD},
    rules::patient::anonymisation::kept_birth_year,
};
use crate::{
    accounts::erasure::NAMELESS,
    db::{DbError, Tx},
    documents::publish,
    ids::{DocumentId, PatientId, UploadId, UserId},
};

/// Records of one transaction.
pub const BATCH: i64 = 100;

/// Records about which nothing was written since `before`, locked; at most [`BATCH`]. Who writes this moment keeps theirs.
pub async fn due(tx: &mut Tx, before: Timestamp) -> Result<Vec<PatientId>, DbError> {
    const DUE: &str = "-- clinic.retention.due
        SELECT p.id FROM patient AS p
        WHERE p.last_entry_at < $1 AND p.anonymised_at IS NULL AND p.merged_into IS NULL
        ORDER BY p.last_entry_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED";
    Ok(tx.query(DUE, &[&before, &BATCH]).await?.iter().map(|row| row.get("id")).collect())
}

/// A record, locked, for who manages the clinic.
pub async fn lock(tx: &mut Tx, user: UserId, id: PatientId) -> Result<Option<Patient>, DbError> {
    const LOCK: &str = concat!(
        "-- clinic.retention.lock
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.id = $2 AND ",
        at_clinic!("manage_members", "p.clinic_id", "$1"),
        " FOR NO KEY UPDATE OF p"
    );
    Ok(tx.query_opt(LOCK, &[&user, &id]).await?.as_ref().map(Patient::from_row))
}

/// Takes the person out of locked records, and out of those that were merged into them. The objects of their documents are to be
/// removed after the commit.
pub async fn anonymise(
    tx: &mut Tx,
    ids: &[PatientId],
    (today, now): (Date, Timestamp),
) -> Result<Vec<String>, DbError> {
    const RECORDS: &str = "-- clinic.retention.records
        SELECT id, born_on FROM patient WHERE id = ANY ($1) OR merged_into = ANY ($1) ORDER BY id FOR NO KEY UPDATE";
    const PARTNERS: &str = "-- clinic.retention.partners
        UPDATE patient AS p SET partner_patient_id = NULL, version = p.version + 1, updated_at = $2
        FROM patient AS o WHERE o.id = ANY ($1) AND p.clinic_id = o.clinic_id AND p.partner_patient_id = o.id";
    const FILES: &str = "-- clinic.retention.files
        SELECT document_id, upload_id FROM patient_document
        WHERE patient_id = ANY ($1) AND (document_id IS NOT NULL OR upload_id IS NOT NULL)";
    // The number is unique, and of a form that clinics do not give.
    const EMPTY: &str = "-- clinic.retention.anonymise
        UPDATE patient AS p SET medical_record_number = 'ANON-' || upper(right(p.id::text, 12)), first_name = $3,
            last_name = $3, name_key = '', born_on = t.born_on, fiscal_code = NULL, email = NULL, phone = NULL,
            insurance = NULL, referring_physician = NULL, partner_patient_id = NULL, notes = '', history = p.history - 'as_of', consented_at = NULL,
            archived_at = coalesce(p.archived_at, $4), anonymised_at = $4, version = p.version + 1, updated_at = $4
        FROM unnest($1::uuid[], $2::date[]) AS t (id, born_on) WHERE p.id = t.id";
    let rows = tx.query(RECORDS, &[&ids]).await?;
    let all: Vec<PatientId> = rows.iter().map(|row| row.get("id")).collect();
    let years: Vec<Option<Date>> = rows
        .iter()
        .map(|row| {
            let born: Option<Date> = row.get("born_on");
            let year = born.and_then(|born| kept_birth_year(born, today))?;
            Date::new(year, 1, 1).ok()
        })
        .collect();
    let rows = tx.query(FILES, &[&all]).await?;
    let files: Vec<DocumentId> = rows.iter().filter_map(|row| row.get("document_id")).collect();
    let uploads: Vec<UploadId> = rows.iter().filter_map(|row| row.get("upload_id")).collect();
    let mut objects = arrival::forget(tx, &files).await?;
    objects.extend(publish::forget(tx, &uploads).await?);
    for statement in HELD.iter().filter_map(|held| held.anonymise) {
        tx.execute(statement, &[&all]).await?;
    }
    tx.execute(PARTNERS, &[&all, &now]).await?;
    tx.execute(EMPTY, &[&all, &years, &NAMELESS, &now]).await?;
    Ok(objects)
}
