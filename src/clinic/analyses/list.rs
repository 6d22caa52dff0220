//! Analyses of a patient, newest first.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};

use super::{
    analysis::{GradedAnalysis, Source, source},
    graded::{Graded, Kind},
};
use crate::{
    args,
    db::{Db, DbError},
    ids::{AnalysisId, PatientDocumentId, PatientId, UserId},
};

/// So many analyses of a patient are exported at once, the newest.
pub const EXPORTED_MAX: i64 = 1_000;

/// Which analyses; everything that is given must fit.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Of this kind.
    #[param(inline)]
    pub kind: Option<Kind>,
    /// Found in this document.
    pub document: Option<PatientDocumentId>,
    /// Of this case of another system.
    #[param(max_length = 100)]
    pub case_id: Option<String>,
    /// Those that were withdrawn, or those that were not.
    pub is_withdrawn: Option<bool>,
}

/// An analysis in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AnalysisCard {
    /// The analysis.
    pub id: AnalysisId,
    /// What is graded.
    pub kind: Kind,
    /// Where it is from.
    pub source: Source,
    /// The document in which it was found.
    pub patient_document_id: Option<PatientDocumentId>,
    /// What the other system calls the case.
    pub case_id: Option<String>,
    /// Which sample, oocyte or embryo.
    pub label: String,
    /// When it was seen.
    #[schema(value_type = String, format = Date)]
    pub observed_on: Date,
    /// The whole in one word, if the result says one.
    pub grade: Option<String>,
    /// Name of the method, with its version.
    pub method: String,
    /// When it was withdrawn.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub withdrawn_at: Option<Timestamp>,
    /// When it was written down.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Counts its changes.
    pub version: i64,
}

impl AnalysisCard {
    fn from_row(row: &Row) -> Self {
        let graded = Graded::from_row(row);
        Self {
            id: row.get("id"),
            kind: graded.kind(),
            source: source(row.get("source")),
            patient_document_id: row.get("patient_document_id"),
            case_id: row.get("case_id"),
            label: row.get("label"),
            observed_on: row.get("observed_on"),
            grade: graded.grade(),
            method: row.get("method"),
            withdrawn_at: row.get("withdrawn_at"),
            created_at: row.get("created_at"),
            version: row.get("version"),
        }
    }
}

/// Analyses that fit, newest first, from below `before` on, for who may read patients.
pub async fn list(
    db: &Db,
    (user, patient): (UserId, PatientId),
    filter: &Filter,
    before: Option<AnalysisId>,
    limit: i64,
) -> Result<Vec<AnalysisCard>, DbError> {
    const LIST: &str = concat!(
        "-- clinic.analyses.list
        SELECT ",
        analysis_columns!(),
        " FROM graded_analysis AS g WHERE g.patient_id = $2 AND ",
        at_clinic!("read_patients", "g.clinic_id", "$1"),
        " AND ($3::text IS NULL OR g.kind = $3) AND ($4::uuid IS NULL OR g.patient_document_id = $4)
          AND ($5::text IS NULL OR g.case_id = $5)
          AND ($6::boolean IS NULL OR (g.withdrawn_at IS NOT NULL) = $6)
          AND ($7::uuid IS NULL OR g.id < $7)
        ORDER BY g.id DESC LIMIT $8"
    );
    let Filter { kind, document, case_id, is_withdrawn } = filter;
    let kind = kind.map(Kind::as_str);
    let args = args![user, patient, kind, *document, case_id.clone(), *is_withdrawn, before, limit];
    Ok(db.read(LIST, args).await?.iter().map(AnalysisCard::from_row).collect())
}

/// All analyses of a patient, also those that were withdrawn, newest first: for who may read patients. One more than
/// [`EXPORTED_MAX`] says that there are more.
pub async fn of_patient(
    db: &Db,
    (user, patient): (UserId, PatientId),
) -> Result<Vec<GradedAnalysis>, DbError> {
    const OF_PATIENT: &str = concat!(
        "-- clinic.analyses.of_patient
        SELECT ",
        analysis_columns!(),
        " FROM graded_analysis AS g WHERE g.patient_id = $2 AND ",
        at_clinic!("read_patients", "g.clinic_id", "$1"),
        " ORDER BY g.id DESC LIMIT $3"
    );
    let rows = db.read(OF_PATIENT, args![user, patient, EXPORTED_MAX + 1]).await?;
    Ok(rows.iter().map(GradedAnalysis::from_row).collect())
}
