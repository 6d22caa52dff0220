//! Patients by what a clinic looks for: values out of range, a low score, nothing heard for months.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};

use crate::{
    args,
    clinic::patients::list::State,
    db::{Db, DbError},
    ids::{PatientId, UserId},
    notary::time::zone,
};

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SummarySort)]
pub enum Sort {
    /// Who was registered last.
    #[default]
    Newest,
    /// Who has the most values out of their range.
    AbnormalValues,
    /// Who has the lowest latest score; who has none comes last.
    LowestScore,
    /// Whose last document is the oldest; who has none comes first.
    OldestDocument,
}

/// Which patients; everything that is given must fit.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// What comes first; `newest` if nothing is said.
    #[param(inline)]
    pub sort: Option<Sort>,
    /// Which records; `active` if nothing is said.
    #[param(inline)]
    pub state: Option<State>,
    /// With values out of their range, or without.
    pub has_abnormal_values: Option<bool>,
    /// With documents that could not be analysed, or without.
    pub has_failed_documents: Option<bool>,
    /// With a latest score of this at most.
    #[param(minimum = 0, maximum = 100)]
    pub score_at_most: Option<f64>,
    /// Without a document since this day.
    #[param(value_type = Option<String>, format = Date)]
    pub no_document_since: Option<Date>,
}

/// A patient at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PatientSummary {
    /// The patient.
    pub id: PatientId,
    /// The number of the record.
    pub medical_record_number: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The day of birth.
    #[schema(value_type = Option<String>, format = Date)]
    pub born_on: Option<Date>,
    /// Since when there is consent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub consented_at: Option<Timestamp>,
    /// When the record was archived.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<Timestamp>,
    /// Documents.
    pub document_count: i64,
    /// Those that were analysed.
    pub completed_documents: i64,
    /// Those that could not be.
    pub failed_documents: i64,
    /// When the last one came.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_document_at: Option<Timestamp>,
    /// Laboratory values.
    pub value_count: i64,
    /// Those out of their range.
    pub abnormal_count: i64,
    /// Graded analyses; those that were withdrawn do not count.
    pub analysis_count: i64,
    /// The latest fertility score, 0 to 100; `null`: none was computed, or nothing was known.
    pub latest_score: Option<f64>,
    /// Its band.
    pub latest_band: Option<String>,
    /// When it was computed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub latest_score_at: Option<Timestamp>,
    /// Something of the record was written, withdrawn or taken away since.
    pub latest_score_is_outdated: bool,
    /// Where it stands in the order that was asked for.
    #[serde(skip)]
    #[schema(ignore)]
    place: i64,
}

impl PatientSummary {
    /// Where a list goes on.
    pub fn key(&self) -> (i64, PatientId) {
        (self.place, self.id)
    }

    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("patient_id"),
            medical_record_number: row.get("medical_record_number"),
            first_name: row.get("first_name"),
            last_name: row.get("last_name"),
            born_on: row.get("born_on"),
            consented_at: row.get("consented_at"),
            archived_at: row.get("archived_at"),
            document_count: row.get("document_count"),
            completed_documents: row.get("completed_documents"),
            failed_documents: row.get("failed_documents"),
            last_document_at: row.get("last_document_at"),
            value_count: row.get("value_count"),
            abnormal_count: row.get("abnormal_count"),
            analysis_count: row.get("analysis_count"),
            latest_score: row.get("score"),
            latest_band: row.get("latest_band"),
            latest_score_at: row.get("latest_score_at"),
            latest_score_is_outdated: row.get("latest_is_outdated"),
            place: row.get("place"),
        }
    }
}

/// A list whose place is `$place`, from `$from` on, in the order `$order`.
macro_rules! summary_list {
    ($name:literal, $place:literal, $from:literal, $order:literal) => {
        concat!(
            "-- clinic.summary.",
            $name,
            "
            SELECT s.patient_id, p.medical_record_number, p.first_name, p.last_name, p.born_on, p.consented_at,
                p.archived_at, s.document_count, s.completed_documents, s.failed_documents, s.last_document_at,
                s.value_count, s.abnormal_count, s.analysis_count, s.latest_score::float8 AS score, s.latest_band,
                s.latest_score_at, s.latest_is_outdated, ",
            $place,
            "::bigint AS place
            FROM patient_summary AS s JOIN patient AS p ON p.id = s.patient_id
            WHERE ",
            at_clinic!("read_patients", "s.clinic_id", "$1"),
            " AND p.merged_into IS NULL AND p.anonymised_at IS NULL
              AND ($2::boolean IS NULL OR (p.archived_at IS NOT NULL) = $2)
              AND ($3::boolean IS NULL OR (s.abnormal_count > 0) = $3)
              AND ($4::boolean IS NULL OR (s.failed_documents > 0) = $4)
              AND ($5::float8 IS NULL OR s.latest_score <= $5)
              AND ($6::timestamptz IS NULL OR s.last_document_at IS NULL OR s.last_document_at < $6)
              AND ($7::bigint IS NULL OR ",
            $from,
            ") ORDER BY ",
            $order,
            " LIMIT $9"
        )
    };
}

/// By each order; walked by the view's indexes.
pub const NEWEST: &str = summary_list!("newest", "0", "s.patient_id < $8::uuid", "s.patient_id DESC");
/// Most values out of range first.
pub const ABNORMAL: &str = summary_list!(
    "abnormal",
    "s.abnormal_order",
    "(s.abnormal_order, s.patient_id) > ($7, $8::uuid)",
    "s.abnormal_order, s.patient_id"
);
/// The lowest score first.
pub const LOWEST: &str = summary_list!(
    "lowest",
    "s.score_order",
    "(s.score_order, s.patient_id) > ($7, $8::uuid)",
    "s.score_order, s.patient_id"
);
/// The oldest last document first.
pub const OLDEST: &str = summary_list!(
    "oldest",
    "s.document_order",
    "(s.document_order, s.patient_id) > ($7, $8::uuid)",
    "s.document_order, s.patient_id"
);

/// When a day begins.
fn midnight(day: Date) -> Option<Timestamp> {
    day.to_zoned(zone()).ok().map(|at| at.timestamp())
}

/// Patients of the clinic of `user` that fit, from behind `after` on.
pub async fn list(
    db: &Db,
    user: UserId,
    filter: &Filter,
    after: Option<(i64, PatientId)>,
    limit: i64,
) -> Result<Vec<PatientSummary>, DbError> {
    let sql = match filter.sort.unwrap_or_default() {
        Sort::Newest => NEWEST,
        Sort::AbnormalValues => ABNORMAL,
        Sort::LowestScore => LOWEST,
        Sort::OldestDocument => OLDEST,
    };
    let (place, id) = after.unzip();
    let since = filter.no_document_since.and_then(midnight);
    let is_archived = filter.state.unwrap_or_default().is_archived();
    let rows = db
        .read(
            sql,
            args![
                user,
                is_archived,
                filter.has_abnormal_values,
                filter.has_failed_documents,
                filter.score_at_most,
                since,
                place,
                id,
                limit
            ],
        )
        .await?;
    Ok(rows.iter().map(PatientSummary::from_row).collect())
}
