//! The end of a record: after its time, or when the clinic decides so, the person is taken out of it for good.
//!
//! What becomes of each field is [`crate::clinic::rules::patient::anonymisation`]: figures stay, without a person. Everything
//! that was merged into a record goes with it. Nobody can undo it.
//!
//! The clinic is locked before its records, as by whoever merges them or makes somebody a partner: nobody becomes the partner of
//! a record that is being emptied.

use jiff::{Timestamp, civil::Date};

use super::{
    documents::arrival,
    patients::{Patient, held::HELD},
    rules::patient::{anonymisation::kept_birth_year, mrn::ANONYMOUS},
};
use crate::{
    accounts::{erasure::NAMELESS, upkeep},
    db::{DbError, Tx},
    documents::publish,
    ids::{AnalysisId, DocumentId, PatientId, UploadId, UserId},
    jobs::Jobs,
};

/// Records of one transaction: whoever registers somebody at one of their clinics waits for it.
pub const BATCH: i64 = 25;

/// Where the walk over what is due has come to.
pub type Place = (Timestamp, PatientId);

/// Records about which nothing was written since `before`, the oldest first, from above `after` on; at most [`BATCH`]. They are not
/// locked: see [`still_due`].
pub async fn due(
    tx: &mut Tx,
    before: Timestamp,
    after: Option<Place>,
) -> Result<Vec<(PatientId, Place)>, DbError> {
    const DUE: &str = "-- clinic.retention.due
        SELECT p.id, p.last_entry_at FROM patient AS p
        WHERE p.last_entry_at < $1 AND p.anonymised_at IS NULL AND p.merged_into IS NULL
          AND ($2::timestamptz IS NULL OR (p.last_entry_at, p.id) > ($2, $3))
        ORDER BY p.last_entry_at, p.id LIMIT $4";
    let (at, id) = after.unzip();
    let rows = tx.query(DUE, &[&before, &at, &id, &BATCH]).await?;
    let place = |row: &tokio_postgres::Row| (row.get("last_entry_at"), row.get("id"));
    Ok(rows.iter().map(|row| (row.get("id"), place(row))).collect())
}

/// Locks those of `ids`, and before them their clinics, about which still nothing was written since `before`. Who writes this
/// moment keeps theirs.
pub async fn still_due(tx: &mut Tx, ids: &[PatientId], before: Timestamp) -> Result<Vec<PatientId>, DbError> {
    const CLINICS: &str = "-- clinic.retention.lock_clinics
        SELECT c.id FROM clinic AS c WHERE c.id IN (SELECT p.clinic_id FROM patient AS p WHERE p.id = ANY ($1))
        ORDER BY c.id FOR NO KEY UPDATE";
    const STILL: &str = "-- clinic.retention.still_due
        SELECT p.id FROM patient AS p
        WHERE p.id = ANY ($1) AND p.last_entry_at < $2 AND p.anonymised_at IS NULL AND p.merged_into IS NULL
        ORDER BY p.id FOR NO KEY UPDATE SKIP LOCKED";
    tx.query(CLINICS, &[&ids]).await?;
    Ok(tx.query(STILL, &[&ids, &before]).await?.iter().map(|row| row.get("id")).collect())
}

/// A record, locked after its clinic, for who manages it.
pub async fn lock(tx: &mut Tx, user: UserId, id: PatientId) -> Result<Option<Patient>, DbError> {
    const CLINIC: &str = concat!(
        "-- clinic.retention.lock_clinic
        SELECT c.id FROM clinic AS c WHERE ",
        at_clinic!("manage_members", "c.id", "$1"),
        " FOR NO KEY UPDATE OF c"
    );
    const LOCK: &str = concat!(
        "-- clinic.retention.lock
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.id = $2 AND ",
        at_clinic!("manage_members", "p.clinic_id", "$1"),
        " FOR NO KEY UPDATE OF p"
    );
    tx.query_opt(CLINIC, &[&user]).await?;
    Ok(tx.query_opt(LOCK, &[&user, &id]).await?.as_ref().map(Patient::from_row))
}

/// Takes the person out of locked records, and out of those that were merged into them. The objects of their documents are to be
/// removed after the commit.
pub async fn anonymise(
    tx: &mut Tx,
    jobs: &Jobs,
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
    // The number is unique, and of a form that clinics cannot give.
    const EMPTY: &str = "-- clinic.retention.anonymise
        UPDATE patient AS p SET medical_record_number = $5 || upper(right(p.id::text, 12)), first_name = $3,
            last_name = $3, name_key = '', born_on = t.born_on, fiscal_code = NULL, email = NULL, phone = NULL,
            insurance = NULL, referring_physician = NULL, partner_patient_id = NULL, notes = '',
            history = p.history - 'as_of', consented_at = NULL,
            created_at = date_trunc('year', p.created_at, 'UTC'), last_entry_at = date_trunc('year', p.last_entry_at, 'UTC'),
            archived_at = date_trunc('year', coalesce(p.archived_at, $4), 'UTC'), anonymised_at = $4,
            version = p.version + 1, updated_at = $4
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
    forget_told(tx, jobs, &all).await?;
    let rows = tx.query(FILES, &[&all]).await?;
    let files: Vec<DocumentId> = rows.iter().filter_map(|row| row.get("document_id")).collect();
    let uploads: Vec<UploadId> = rows.iter().filter_map(|row| row.get("upload_id")).collect();
    let mut objects = arrival::forget(tx, &files).await?;
    objects.extend(publish::forget(tx, &uploads).await?);
    for statement in HELD.iter().filter_map(|held| held.anonymise) {
        tx.execute(statement, &[&all]).await?;
    }
    tx.execute(PARTNERS, &[&all, &now]).await?;
    tx.execute(EMPTY, &[&all, &years, &NAMELESS, &now, &ANONYMOUS]).await?;
    Ok(objects)
}

/// What jobs know of the patients, and the answers that are kept to be repeated, go with them.
async fn forget_told(tx: &mut Tx, jobs: &Jobs, patients: &[PatientId]) -> Result<(), DbError> {
    const ANALYSES: &str = "-- clinic.retention.analyses
        SELECT g.id FROM graded_analysis AS g WHERE g.patient_id = ANY ($1)";
    jobs.erase_all(tx, patients).await?;
    let analyses = tx.query(ANALYSES, &[&patients]).await?;
    let analyses =
        analyses.iter().map(|row| format!("/api/v1/clinic/analyses/{}", row.get::<_, AnalysisId>("id")));
    let records = patients.iter().map(|id| format!("/api/v1/clinic/patients/{id}"));
    let paths: Vec<_> = records.chain(analyses).collect();
    upkeep::forget_answers(tx, &paths).await?;
    Ok(())
}
