//! What was made: a PDF in the shared store, and of which state of the record it is.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::record::report_state;
use crate::{
    args,
    clinic::patients::Patient,
    db::{Db, DbError, Tx},
    documents::{
        made::{self, Held},
        publish::Stored,
    },
    ids::{DocumentId, PatientId, PatientReportId, UserId},
    mail::Language,
    pdf::Layout,
};

/// What holds the PDF in the store.
pub const HOLDER: &str = "patient_report";
/// Where it is found there: what is of a clinic is reached through the clinic alone.
const DESK: &str = "clinic";

/// A report about a patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PatientReport)]
pub struct Report {
    /// Its id.
    pub id: PatientReportId,
    /// About whom.
    pub patient_id: PatientId,
    /// Its language.
    pub language: Language,
    /// The size of the PDF, in bytes.
    pub bytes: i64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// How many values it shows.
    pub value_count: i32,
    /// Who asked for it first.
    pub requested_by: UserId,
    /// When it was made; the PDF says so.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// Until when the record is known to have said the same: it was asked for again then.
    #[schema(value_type = String, format = DateTime)]
    pub valid_at: Timestamp,
    /// Whether something was written to the record since, or reports are worded or set otherwise now. Asked for again, another
    /// report may come of it.
    pub is_outdated: bool,
}

impl Report {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            patient_id: row.get("patient_id"),
            language: Language::of(row.get("language")),
            bytes: row.get("bytes"),
            sha256: data_encoding::HEXLOWER.encode(row.get("sha256")),
            value_count: row.get("value_count"),
            requested_by: row.get("requested_by"),
            made_at: row.get("made_at"),
            valid_at: row.get("valid_at"),
            is_outdated: row.get("is_outdated"),
        }
    }
}

/// What a [`Report`] is read from: a row `r`, the state `s` of the record, and a parameter, the edition of reports.
macro_rules! report_columns {
    ($edition:literal) => {
        concat!(
            "r.id, r.patient_id, r.language, r.bytes, r.sha256, r.value_count, r.requested_by, r.made_at, r.valid_at, \
             (r.state <> s.state OR r.layout <> ",
            $edition,
            ") AS is_outdated"
        )
    };
}

/// How reports look that are made now.
fn edition() -> &'static str {
    Layout::PatientReport.edition()
}

/// The reports about a patient, newest first, from below `before` on, for who may read the patient.
pub async fn list(
    db: &Db,
    (user, patient): (UserId, PatientId),
    before: Option<PatientReportId>,
    limit: i64,
) -> Result<Vec<Report>, DbError> {
    const LIST: &str = concat!(
        "-- clinic.reports.list
        SELECT ",
        report_columns!("$5"),
        " FROM patient AS p CROSS JOIN LATERAL (SELECT ",
        report_state!(),
        " AS state) AS s JOIN patient_report AS r ON r.patient_id = p.id
        WHERE p.id = $2 AND ",
        at_clinic!("read_patients", "p.clinic_id", "$1"),
        " AND ($3::uuid IS NULL OR r.id < $3) ORDER BY r.id DESC LIMIT $4"
    );
    Ok(db
        .read(LIST, args![user, patient, before, limit, edition()])
        .await?
        .iter()
        .map(Report::from_row)
        .collect())
}

/// A report, for who may read the patient, and where the store has it.
pub async fn find(
    db: &Db,
    (user, patient): (UserId, PatientId),
    id: PatientReportId,
) -> Result<Option<(Report, DocumentId)>, DbError> {
    const FIND: &str = concat!(
        "-- clinic.reports.find
        SELECT r.document_id, ",
        report_columns!("$4"),
        " FROM patient_report AS r JOIN patient AS p ON p.id = r.patient_id CROSS JOIN LATERAL (SELECT ",
        report_state!(),
        " AS state) AS s
        WHERE r.id = $3 AND p.id = $2 AND ",
        at_clinic!("read_patients", "p.clinic_id", "$1")
    );
    let rows = db.read(FIND, args![user, patient, id, edition()]).await?;
    Ok(rows.first().map(|row| (Report::from_row(row), row.get("document_id"))))
}

/// The report about a locked patient that says just this, if there is one: it says it now.
pub async fn still(
    tx: &mut Tx,
    patient: &Patient,
    (language, hash, state): (Language, &[u8; 32], &str),
    now: Timestamp,
) -> Result<Option<PatientReportId>, DbError> {
    const STILL: &str = "-- clinic.reports.still
        UPDATE patient_report SET valid_at = $5, state = $4
        WHERE patient_id = $1 AND language = $2 AND content_hash = $3 RETURNING id";
    let row = tx.query_opt(STILL, &[&patient.id, &language.code(), &&hash[..], &state, &now]).await?;
    Ok(row.map(|row| row.get("id")))
}

/// A report whose PDF is stored.
#[derive(Debug, Clone)]
pub struct New<'a> {
    /// Its id.
    pub id: PatientReportId,
    /// Its language.
    pub language: Language,
    /// Of what it says.
    pub hash: &'a [u8; 32],
    /// Of which state of the record.
    pub state: &'a str,
    /// How many values it shows.
    pub value_count: usize,
    /// Who asked for it.
    pub requested_by: UserId,
    /// When the record was read.
    pub state_at: Timestamp,
    /// What the document is called.
    pub title: &'a str,
    /// The PDF.
    pub stored: &'a Stored,
}

/// Keeps a report about a locked patient; `false`: there is one that says the same.
pub async fn keep(
    tx: &mut Tx,
    patient: &Patient,
    new: &New<'_>,
    document: DocumentId,
) -> Result<bool, DbError> {
    const KEEP: &str = "-- clinic.reports.keep
        INSERT INTO patient_report (id, clinic_id, patient_id, language, layout, content_hash, state, document_id, sha256, bytes,
            value_count, requested_by, made_at, valid_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
        ON CONFLICT ON CONSTRAINT patient_report_once DO NOTHING";
    let New { id, language, hash, state, value_count, requested_by, state_at, title, stored } = new;
    let name = format!("patient-report-{}.{}.pdf", crate::notary::time::today(*state_at), language.code());
    let held =
        Held { id: document, by: *requested_by, title, name: &name, stored, by_desk: (DESK, HOLDER, id.0) };
    made::for_desk(tx, &held, *state_at).await?;
    let (bytes, values) = (stored.kept.bytes as i64, *value_count as i32);
    let (hash, sha256) = (&hash[..], &stored.sha256.0[..]);
    let args: [&(dyn postgres_types::ToSql + Sync); 13] = [
        id,
        &patient.clinic_id,
        &patient.id,
        &language.code(),
        &edition(),
        &hash,
        state,
        &document,
        &sha256,
        &bytes,
        &values,
        requested_by,
        state_at,
    ];
    Ok(tx.execute(KEEP, &args).await? == 1)
}
