//! All patients of a clinic together.

use serde::Serialize;
use utoipa::ToSchema;

use super::Freshness;
use crate::{
    args,
    db::{Db, DbError},
    ids::UserId,
};

/// A clinic in figures; merged and anonymous records do not count.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ClinicTotals)]
pub struct Totals {
    /// Patients.
    pub patients: i64,
    /// Those with a value out of its range.
    pub with_abnormal_values: i64,
    /// Those with a document that could not be analysed.
    pub with_failed_documents: i64,
    /// Those without a document.
    pub without_documents: i64,
    /// Those with a score.
    pub with_score: i64,
    /// The mean of their latest scores, to a tenth; `null`: there is none.
    pub mean_score: Option<f64>,
    /// Documents.
    pub documents: i64,
    /// Those that were analysed.
    pub completed_documents: i64,
    /// Those that could not be.
    pub failed_documents: i64,
    /// Values.
    pub values: i64,
    /// Those out of their range.
    pub abnormal_values: i64,
    /// Graded analyses.
    pub analyses: i64,
    /// How old this is.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// The figures of the clinic of `user`, who may read patients.
pub async fn of(db: &Db, user: UserId, freshness: Freshness) -> Result<Totals, DbError> {
    const TOTALS: &str = concat!(
        "-- clinic.summary.totals
        SELECT count(*) AS patients, count(*) FILTER (WHERE s.abnormal_count > 0) AS with_abnormal,
            count(*) FILTER (WHERE s.failed_documents > 0) AS with_failed,
            count(*) FILTER (WHERE s.document_count = 0) AS without_documents, count(s.latest_score) AS with_score,
            round(avg(s.latest_score), 1)::float8 AS mean_score,
            coalesce(sum(s.document_count), 0)::bigint AS documents,
            coalesce(sum(s.completed_documents), 0)::bigint AS completed_documents,
            coalesce(sum(s.failed_documents), 0)::bigint AS failed_documents,
            coalesce(sum(s.value_count), 0)::bigint AS all_values,
            coalesce(sum(s.abnormal_count), 0)::bigint AS abnormal_values,
            coalesce(sum(s.analysis_count), 0)::bigint AS analyses
        FROM patient_summary AS s WHERE ",
        at_clinic!("read_patients", "s.clinic_id", "$1")
    );
    let rows = db.read(TOTALS, args![user]).await?;
    let row = rows.first().expect("an aggregate has a row");
    Ok(Totals {
        patients: row.get("patients"),
        with_abnormal_values: row.get("with_abnormal"),
        with_failed_documents: row.get("with_failed"),
        without_documents: row.get("without_documents"),
        with_score: row.get("with_score"),
        mean_score: row.get("mean_score"),
        documents: row.get("documents"),
        completed_documents: row.get("completed_documents"),
        failed_documents: row.get("failed_documents"),
        values: row.get("all_values"),
        abnormal_values: row.get("abnormal_values"),
        analyses: row.get("analyses"),
        freshness,
    })
}
