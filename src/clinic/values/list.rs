//! How values are read: by people, whose right is part of the statement, and by jobs, who were admitted before.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::value::LaboratoryValue;
use crate::{
    args,
    clinic::laboratory::{names, report},
    db::{Db, DbError, Tx},
    ids::{LaboratoryValueId, PatientDocumentId, PatientId, UserId},
};

/// So many values of a patient are looked at at once, the newest: more than a life of examinations has.
pub const VALUES_MAX: i64 = 5_000;

/// Which values; everything that is given must fit.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Of this analyte: its trend.
    #[param(max_length = 50)]
    pub analyte: Option<String>,
    /// From this document.
    pub document: Option<PatientDocumentId>,
    /// Observed on this day or later.
    #[param(value_type = Option<String>, format = Date)]
    pub from: Option<Date>,
    /// Observed before this day.
    #[param(value_type = Option<String>, format = Date)]
    pub until: Option<Date>,
    /// Only those outside of their range.
    pub is_abnormal: Option<bool>,
    /// Those that were withdrawn; without it, those that count.
    pub is_withdrawn: Option<bool>,
}

/// Where a list goes on: behind the day and the id of the last value.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct After(pub Option<Date>, pub LaboratoryValueId);

/// Values of a patient, those observed last first, those without a day at the end, for who may read the patient.
pub async fn list(
    db: &Db,
    (user, patient): (UserId, PatientId),
    filter: &Filter,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<LaboratoryValue>, DbError> {
    // A day before all others stands for none, so that rows can be compared.
    const LIST: &str = concat!(
        "-- clinic.values.list
        SELECT ",
        value_columns!(),
        " FROM laboratory_value AS v
        WHERE v.patient_id = $2 AND ",
        at_clinic!("read_patients", "v.clinic_id", "$1"),
        " AND ($3::text IS NULL OR v.analyte = $3) AND ($4::uuid IS NULL OR v.patient_document_id = $4)
          AND ($5::date IS NULL OR v.observed_on >= $5) AND ($6::date IS NULL OR v.observed_on < $6)
          AND ($7::boolean IS NULL OR (v.flag IN ('low', 'high')) IS NOT DISTINCT FROM $7
               OR (NOT $7 AND v.flag IS NULL))
          AND (v.withdrawn_at IS NOT NULL) = $11
          AND ($9::uuid IS NULL
               OR (coalesce(v.observed_on, '-infinity'::date), v.id) < (coalesce($8::date, '-infinity'::date), $9))
        ORDER BY coalesce(v.observed_on, '-infinity'::date) DESC, v.id DESC LIMIT $10"
    );
    let Filter { analyte, document, from, until, is_abnormal, is_withdrawn } = filter;
    let (day, id) = after.map_or((None, None), |After(day, id)| (day, Some(id)));
    let (analyte, is_withdrawn) = (analyte.clone(), is_withdrawn.unwrap_or(false));
    let args =
        args![user, patient, analyte, *document, *from, *until, *is_abnormal, day, id, limit, is_withdrawn];
    Ok(db.read(LIST, args).await?.iter().map(LaboratoryValue::from_row).collect())
}

/// All values of a patient that count, those observed last first: for what is computed from them, by who was admitted.
pub async fn counting(tx: &mut Tx, patient: PatientId) -> Result<Vec<LaboratoryValue>, DbError> {
    newest(tx, patient, VALUES_MAX).await
}

/// The same, so many at most.
pub async fn newest(tx: &mut Tx, patient: PatientId, limit: i64) -> Result<Vec<LaboratoryValue>, DbError> {
    const COUNTING: &str = concat!(
        "-- clinic.values.counting
        SELECT ",
        value_columns!(),
        " FROM laboratory_value AS v WHERE v.patient_id = $1 AND v.withdrawn_at IS NULL
        ORDER BY coalesce(v.observed_on, '-infinity'::date) DESC, v.id DESC LIMIT $2"
    );
    let rows = tx.query(COUNTING, &[&patient, &limit]).await?;
    Ok(rows.iter().map(LaboratoryValue::from_row).collect())
}

/// Values of a patient as they are exported, those observed last first, for who may read the patient: those that count; if
/// `also_withdrawn`, also those that were mistakes, but none whose place another one has taken. One more than [`VALUES_MAX`]
/// says that there are more.
pub async fn exported(
    db: &Db,
    (user, patient): (UserId, PatientId),
    also_withdrawn: bool,
) -> Result<Vec<LaboratoryValue>, DbError> {
    const EXPORTED: &str = concat!(
        "-- clinic.values.exported
        SELECT ",
        value_columns!(),
        " FROM laboratory_value AS v WHERE v.patient_id = $2 AND ",
        at_clinic!("read_patients", "v.clinic_id", "$1"),
        " AND (v.withdrawn_at IS NULL OR ($3 AND v.replaced_by IS NULL))
        ORDER BY coalesce(v.observed_on, '-infinity'::date) DESC, v.id DESC LIMIT $4"
    );
    let rows = db.read(EXPORTED, args![user, patient, also_withdrawn, VALUES_MAX + 1]).await?;
    Ok(rows.iter().map(LaboratoryValue::from_row).collect())
}

/// The values of a document in the order of its text, also those that were withdrawn, for who may read its patient.
pub async fn of_document(
    db: &Db,
    (user, document): (UserId, PatientDocumentId),
) -> Result<Vec<LaboratoryValue>, DbError> {
    const OF_DOCUMENT: &str = concat!(
        "-- clinic.values.of_document
        SELECT ",
        value_columns!(),
        " FROM laboratory_value AS v WHERE v.patient_document_id = $2 AND ",
        at_clinic!("read_patients", "v.clinic_id", "$1"),
        " ORDER BY v.page, v.line, v.span_start, v.id LIMIT $3"
    );
    // All that a report may have.
    const MOST: i64 = report::VALUES_MAX as i64;
    let rows = db.read(OF_DOCUMENT, args![user, document, MOST]).await?;
    Ok(rows.iter().map(LaboratoryValue::from_row).collect())
}

/// Whether there is such an analyte.
pub fn is_analyte(code: &str) -> bool {
    names::by_code(code).is_some()
}
