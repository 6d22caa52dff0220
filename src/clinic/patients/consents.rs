//! What patients agreed to and took back, as somebody of the clinic wrote it down: a history that is only added to.
//!
//! The newest row counts; `patient.consented_at` says what it says, for statements that must not look twice. One agrees to the
//! wording of [`Purpose::ClinicProcessing`] that is the newest then. To take back is never refused.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::content::Patient;
use crate::{
    accounts::consents::Purpose,
    args,
    db::{Db, DbError, Tx},
    ids::{PatientId, UserId},
};

/// One time that a patient agreed, or took it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PatientConsent)]
pub struct Consent {
    /// Its number.
    pub id: i64,
    /// Given, or taken back.
    pub is_given: bool,
    /// Which wording was agreed to; `null` when it was taken back.
    pub wording: Option<String>,
    /// What the clinic wrote beside it: who was there, which paper was signed.
    pub note: String,
    /// Who wrote it down.
    pub recorded_by: UserId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl Consent {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            is_given: row.get("is_given"),
            wording: row.get("wording"),
            note: row.get("note"),
            recorded_by: row.get("recorded_by"),
            at: row.get("at"),
        }
    }
}

/// Writes down that a locked patient agreed, or took it back; `None` when that stands there already.
pub async fn record(
    tx: &mut Tx,
    locked: &Patient,
    (is_given, note): (bool, &str),
    user: UserId,
    now: Timestamp,
) -> Result<Option<Patient>, DbError> {
    const RECORD: &str = concat!(
        "-- clinic.consents.record
        WITH newest AS (
            SELECT c.is_given, c.wording FROM patient_consent AS c WHERE c.patient_id = $1 ORDER BY c.id DESC LIMIT 1
        ), added AS (
            INSERT INTO patient_consent (patient_id, is_given, wording, note, recorded_by, at)
            SELECT $1, $2, $3, $4, $5, $6
            WHERE NOT EXISTS (SELECT FROM newest AS n WHERE n.is_given = $2 AND n.wording IS NOT DISTINCT FROM $3)
              AND ($2 OR EXISTS (SELECT FROM newest))
            RETURNING 1
        )
        UPDATE patient AS p SET consented_at = CASE WHEN $2 THEN $6::timestamptz END, last_entry_at = $6,
            version = p.version + 1, updated_at = $6
        FROM added WHERE p.id = $1 RETURNING ",
        patient_columns!()
    );
    let wording = is_given.then(|| Purpose::ClinicProcessing.wording());
    let row = tx.query_opt(RECORD, &[&locked.id, &is_given, &wording, &note, &user, &now]).await?;
    Ok(row.as_ref().map(Patient::from_row))
}

/// Whether a locked patient has taken the consent back that was given before.
pub async fn is_taken_back(tx: &mut Tx, locked: &Patient) -> Result<bool, DbError> {
    const TAKEN_BACK: &str = "-- clinic.consents.taken_back
        SELECT EXISTS (SELECT FROM patient_consent AS c WHERE c.patient_id = $1) AS was_given";
    if locked.consented_at.is_some() {
        return Ok(false);
    }
    Ok(tx.query_one(TAKEN_BACK, &[&locked.id]).await?.get("was_given"))
}

/// A patient's history, newest first, from below `before` on, for who may read the patient.
pub async fn history(
    db: &Db,
    user: UserId,
    patient: PatientId,
    (before, limit): (Option<i64>, i64),
) -> Result<Vec<Consent>, DbError> {
    const HISTORY: &str = concat!(
        "-- clinic.consents.history
        SELECT c.id, c.is_given, c.wording, c.note, c.recorded_by, c.at
        FROM patient_consent AS c JOIN patient AS p ON p.id = c.patient_id
        WHERE p.id = $2 AND ",
        at_clinic!("read_patients", "p.clinic_id", "$1"),
        " AND ($3::bigint IS NULL OR c.id < $3) ORDER BY c.id DESC LIMIT $4"
    );
    let rows = db.read(HISTORY, args![user, patient, before, limit]).await?;
    Ok(rows.iter().map(Consent::from_row).collect())
}
