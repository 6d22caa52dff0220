//! An analysis as it is kept.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use postgres_types::Json;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::graded::{Graded, Kind};
use crate::{
    args,
    clinic::{
        patients::{Patient, Sex, entries},
        rules::score::Measure,
        values::Place,
        worded::InWords,
    },
    db::{Db, DbError, Tx},
    ids::{AnalysisId, ClinicId, PatientDocumentId, PatientId, UserId},
};

stored! {
    /// Where an analysis is from.
    Source as AnalysisSource {
        /// Somebody has entered what was seen.
        Form = "form",
        /// It was found in a document.
        Document = "document",
        /// Another system has asked for it.
        Program = "program",
    }
}

/// Which analysis of a document it is, and where it stands there.
#[derive(Debug, Clone, Copy)]
pub struct InDocument<'a> {
    /// The document.
    pub id: PatientDocumentId,
    /// Which of its kind: the same in every run, empty if there is one.
    pub item: &'a str,
    /// What it was made of.
    pub places: &'a [Place],
}

/// An analysis that is to be written down. Whoever does it was admitted to write about the patient, whose record is locked.
#[derive(Debug, Clone)]
pub struct NewAnalysis<'a> {
    /// Of whom.
    pub patient: &'a Patient,
    /// Where it is from.
    pub source: Source,
    /// Where it was found.
    pub document: Option<InDocument<'a>>,
    /// What the other system calls the case.
    pub case_id: Option<&'a str>,
    /// Which sample, oocyte or embryo.
    pub label: &'a str,
    /// What somebody wants to say of it.
    pub note: &'a str,
    /// When it was seen.
    pub observed_on: Date,
    /// What was given, and what came out.
    pub graded: Graded,
    /// Who entered it, uploaded the document, or has given the key.
    pub by: UserId,
}

/// An analysis.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct GradedAnalysis {
    /// Its id.
    pub id: AnalysisId,
    /// The clinic.
    #[serde(skip)]
    #[schema(ignore)]
    pub clinic_id: ClinicId,
    /// Of whom.
    pub patient_id: PatientId,
    /// Where it is from.
    pub source: Source,
    /// The document in which it was found.
    pub patient_document_id: Option<PatientDocumentId>,
    /// Where in it stands what was given; empty if it was entered.
    pub places: Vec<Place>,
    /// What the other system calls the case.
    pub case_id: Option<String>,
    /// Which sample, oocyte or embryo.
    pub label: String,
    /// What somebody wants to say of it.
    pub note: String,
    /// When it was seen.
    #[schema(value_type = String, format = Date)]
    pub observed_on: Date,
    /// The whole in one word, as the result has it, if it says one.
    pub grade: Option<String>,
    /// How heavy what was found is at least, if the grade is not known but that is: a hysteroscopy that was not wholly described.
    pub grade_at_least: Option<String>,
    /// Name of the method, with its version.
    pub method: String,
    /// What was given, and what came out.
    #[serde(flatten)]
    pub graded: Graded,
    /// Why, in words.
    pub explanation: InWords,
    /// Who entered it, uploaded the document, or has given the key.
    pub recorded_by: UserId,
    /// When it was withdrawn: it was entered by mistake, and counts no more.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub withdrawn_at: Option<Timestamp>,
    /// When it was written down.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its label or note was changed, or it was withdrawn.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// What a [`GradedAnalysis`] is read from: a row `g`.
macro_rules! analysis_columns {
    () => {
        "g.id, g.clinic_id, g.patient_id, g.kind, g.source, g.patient_document_id, g.places, g.case_id, g.label, g.note, \
         g.observed_on, g.input, g.result, g.method, g.recorded_by, g.withdrawn_at, g.created_at, g.updated_at, g.version"
    };
}

impl GradedAnalysis {
    pub(super) fn from_row(row: &Row) -> Self {
        let graded = Graded::from_row(row);
        Self {
            id: row.get("id"),
            clinic_id: row.get("clinic_id"),
            patient_id: row.get("patient_id"),
            source: source(row.get("source")),
            patient_document_id: row.get("patient_document_id"),
            places: row.get::<_, Json<Vec<Place>>>("places").0,
            case_id: row.get("case_id"),
            label: row.get("label"),
            note: row.get("note"),
            observed_on: row.get("observed_on"),
            grade: graded.grade(),
            grade_at_least: graded.grade_at_least(),
            method: row.get("method"),
            explanation: InWords::from(graded.explained()),
            graded,
            recorded_by: row.get("recorded_by"),
            withdrawn_at: row.get("withdrawn_at"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }
}

pub(super) fn source(name: &str) -> Source {
    Source::ALL.iter().copied().find(|it| it.as_str() == name).expect("a constraint lists the sources")
}

/// Why nothing was done with an analysis.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is none, for this person.
    #[error("there is no such analysis")]
    NoSuchAnalysis,
    /// Nothing is written to this record.
    #[error(transparent)]
    Refused(#[from] entries::Refused),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Writes an analysis down. That of a document takes the place of what an earlier run has found there.
pub async fn insert(tx: &mut Tx, new: &NewAnalysis<'_>, now: Timestamp) -> Result<GradedAnalysis, DbError> {
    const INSERT: &str = concat!(
        "-- clinic.analyses.insert
        INSERT INTO graded_analysis AS g (id, clinic_id, patient_id, kind, source, patient_document_id, case_id, label, note,
            observed_on, input, result, method, recorded_by, created_at, updated_at, item, places)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17)
        ON CONFLICT (patient_document_id, kind, item) WHERE patient_document_id IS NOT NULL DO UPDATE SET
            observed_on = excluded.observed_on, places = excluded.places, input = excluded.input, result = excluded.result,
            method = excluded.method, updated_at = excluded.updated_at, version = g.version + 1
        RETURNING ",
        analysis_columns!()
    );
    let (input, result) = new.graded.columns().expect("results are plain data, with text for keys");
    let id = AnalysisId::new(now);
    let (kind, source) = (new.graded.kind().as_str(), new.source.as_str());
    let row = tx
        .query_one(
            INSERT,
            &[
                &id,
                &new.patient.clinic_id,
                &new.patient.id,
                &kind,
                &source,
                &new.document.map(|it| it.id),
                &new.case_id,
                &new.label,
                &new.note,
                &new.observed_on,
                &Json(input),
                &Json(result),
                &new.graded.explained().method,
                &new.by,
                &now,
                &new.document.map_or("", |it| it.item),
                &Json(new.document.map_or(&[][..], |it| it.places)),
            ],
        )
        .await?;
    Ok(GradedAnalysis::from_row(&row))
}

/// An analysis, for who may read patients.
pub async fn find(db: &Db, user: UserId, id: AnalysisId) -> Result<Option<GradedAnalysis>, DbError> {
    const FIND: &str = concat!(
        "-- clinic.analyses.find
        SELECT ",
        analysis_columns!(),
        " FROM graded_analysis AS g WHERE g.id = $2 AND ",
        at_clinic!("read_patients", "g.clinic_id", "$1")
    );
    Ok(db.read(FIND, args![user, id]).await?.first().map(GradedAnalysis::from_row))
}

/// An analysis and its record, locked until the transaction ends, for who may write analyses. To put a mistake right needs
/// no consent.
pub async fn lock(tx: &mut Tx, user: UserId, id: AnalysisId) -> Result<GradedAnalysis, ChangeError> {
    const RECORD: &str = concat!(
        "-- clinic.analyses.lock_record
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.id = (SELECT g.patient_id FROM graded_analysis AS g WHERE g.id = $2) AND ",
        at_clinic!("write_analyses", "p.clinic_id", "$1"),
        " FOR NO KEY UPDATE OF p"
    );
    const LOCK: &str = concat!(
        "-- clinic.analyses.lock
        SELECT ",
        analysis_columns!(),
        " FROM graded_analysis AS g WHERE g.id = $1 AND g.patient_id = $2 FOR NO KEY UPDATE"
    );
    let record = tx.query_opt(RECORD, &[&user, &id]).await?.ok_or(ChangeError::NoSuchAnalysis)?;
    let patient = Patient::from_row(&record);
    entries::open(&patient)?;
    let row = tx.query_opt(LOCK, &[&id, &patient.id]).await?.ok_or(ChangeError::NoSuchAnalysis)?;
    Ok(GradedAnalysis::from_row(&row))
}

/// Changes what people call a locked analysis, and what they say of it.
pub async fn describe(
    tx: &mut Tx,
    id: AnalysisId,
    (label, note): (&str, &str),
    now: Timestamp,
) -> Result<GradedAnalysis, DbError> {
    const DESCRIBE: &str = concat!(
        "-- clinic.analyses.describe
        UPDATE graded_analysis AS g SET label = $2, note = $3, version = g.version + 1, updated_at = $4
        WHERE g.id = $1 RETURNING ",
        analysis_columns!()
    );
    Ok(GradedAnalysis::from_row(&tx.query_one(DESCRIBE, &[&id, &label, &note, &now]).await?))
}

/// Withdraws a locked analysis.
pub async fn withdraw(tx: &mut Tx, id: AnalysisId, now: Timestamp) -> Result<GradedAnalysis, DbError> {
    const WITHDRAW: &str = concat!(
        "-- clinic.analyses.withdraw
        UPDATE graded_analysis AS g SET withdrawn_at = $2, version = g.version + 1, updated_at = $2
        WHERE g.id = $1 RETURNING ",
        analysis_columns!()
    );
    Ok(GradedAnalysis::from_row(&tx.query_one(WITHDRAW, &[&id, &now]).await?))
}

/// What counts of the analyses of a patient that were not withdrawn, for who was admitted. What is of the other sex is the
/// partner's, and does not: the sex may have been put right since.
pub async fn counting(
    tx: &mut Tx,
    (patient, sex): (PatientId, Sex),
) -> Result<Vec<(AnalysisId, Date, Vec<Measure>)>, DbError> {
    // The kinds that count for something.
    const COUNTING: &str = "-- clinic.analyses.counting
        SELECT g.id, g.kind, g.observed_on, g.input, g.result FROM graded_analysis AS g
        WHERE g.patient_id = $1 AND g.withdrawn_at IS NULL AND g.kind IN ('semen', 'follicle', 'hysteroscopy')
        ORDER BY g.id DESC LIMIT $2";
    /// The newest; more than anybody was examined.
    const MOST: i64 = 1_000;
    let rows = tx.query(COUNTING, &[&patient, &MOST]).await?;
    let of = |row: &Row| {
        let graded = Graded::from_row(row);
        let is_own = sex.may_have(graded.kind().only_of());
        is_own.then(|| (row.get("id"), row.get("observed_on"), graded.measures()))
    };
    Ok(rows.iter().filter_map(of).collect())
}

/// Documents of a patient of which an analysis of some kind was withdrawn, for who was admitted.
pub async fn withdrawn_of_documents(
    tx: &mut Tx,
    patient: PatientId,
) -> Result<BTreeSet<(PatientDocumentId, Kind)>, DbError> {
    const WITHDRAWN: &str = "-- clinic.analyses.withdrawn_of_documents
        SELECT DISTINCT g.patient_document_id, g.kind FROM graded_analysis AS g
        WHERE g.patient_id = $1 AND g.withdrawn_at IS NOT NULL AND g.patient_document_id IS NOT NULL";
    let rows = tx.query(WITHDRAWN, &[&patient]).await?;
    let of = |row: &Row| Some((row.get("patient_document_id"), Kind::of(row.get("kind"))?));
    Ok(rows.iter().filter_map(of).collect())
}
