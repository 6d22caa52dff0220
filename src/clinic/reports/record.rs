//! All that is said of a patient, read under the lock of the record: whoever writes about the patient waits.

use jiff::{Timestamp, civil::Date};
use postgres_types::Json;
use serde_json::Value;

use crate::{
    clinic::{
        documents::{Finding, document::of_newer},
        patients::Patient,
        rules::score::FertilityScore,
        values::{LaboratoryValue, list},
    },
    db::{DbError, Tx},
    ids::PatientId,
};

/// Values that are shown, the newest. A thousand rows take some twenty pages and 110 MiB while they are set (a test measures).
pub const VALUES_SHOWN: i64 = 1_000;
/// Documents that are listed, the newest.
pub const DOCUMENTS_SHOWN: i64 = 100;
/// Analyses that are shown, the newest.
pub const ANALYSES_SHOWN: i64 = 100;

/// What the record says.
#[derive(Debug, Clone)]
pub struct Record {
    /// The clinic, as it calls itself.
    pub clinic: Clinic,
    /// The patient.
    pub patient: Patient,
    /// How much there is, also what is not shown.
    pub counts: Counts,
    /// The documents, newest first.
    pub documents: Vec<Document>,
    /// The values, those observed last first.
    pub values: Vec<LaboratoryValue>,
    /// The graded analyses that count, newest first.
    pub analyses: Vec<Analysis>,
    /// The newest score.
    pub score: Score,
    /// What tells this state from any other.
    pub state: String,
}

/// Whose letterhead it is.
#[derive(Debug, Clone)]
pub struct Clinic {
    /// What it is called.
    pub name: String,
    /// Where it is and how it is reached.
    pub lines: Vec<String>,
}

/// How much there is of a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Documents.
    pub documents: i64,
    /// Values.
    pub values: i64,
    /// Those outside of their range.
    pub abnormal: i64,
    /// Analyses that count.
    pub analyses: i64,
}

/// The newest score.
#[derive(Debug, Clone)]
pub enum Score {
    /// There is nothing to compute it from.
    None,
    /// A newer server has computed it.
    Unreadable,
    /// This one.
    Of(Box<FertilityScore>),
}

impl Score {
    /// If it can be shown.
    pub fn shown(&self) -> Option<&FertilityScore> {
        if let Self::Of(score) = self { Some(score) } else { None }
    }
}

/// A document of the patient.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it is.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What has become of its analysis.
    pub status: String,
    /// Why nothing was read: a stable word.
    pub failure: Option<String>,
    /// Where its text is from: a stable word.
    pub text_from: Option<String>,
    /// How far what was read can be relied on, points of 100.
    pub confidence: Option<i16>,
    /// What its analysis says.
    pub findings: Vec<Finding>,
    /// When it came.
    pub created_at: Timestamp,
}

/// A graded analysis.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// Of what.
    pub kind: String,
    /// Which sample.
    pub label: String,
    /// When it was seen.
    pub observed_on: Date,
    /// Where it is from.
    pub source: String,
    /// How it was graded.
    pub method: String,
    /// What was given.
    pub input: Value,
    /// What came of it; its `explained` says it in sentences.
    pub result: Value,
}

/// What tells one state of the record of patient `p` from any other: whatever is written leaves a mark.
macro_rules! report_state {
    () => {
        "md5(concat_ws('|', p.version, (SELECT c.version FROM clinic AS c WHERE c.id = p.clinic_id),
            (SELECT concat_ws(',', count(*), extract(epoch FROM max(d.updated_at))) FROM patient_document AS d
             WHERE d.patient_id = p.id),
            (SELECT concat_ws(',', count(*), extract(epoch FROM max(v.created_at)), max(v.id::text),
                extract(epoch FROM max(v.withdrawn_at)))
             FROM laboratory_value AS v WHERE v.patient_id = p.id),
            (SELECT concat_ws(',', count(*), extract(epoch FROM max(a.updated_at))) FROM graded_analysis AS a
             WHERE a.patient_id = p.id),
            (SELECT s.id FROM fertility_score AS s WHERE s.patient_id = p.id ORDER BY s.id DESC LIMIT 1)))"
    };
}
pub(super) use report_state;

/// Reads the record of a locked patient.
pub async fn read(tx: &mut Tx, patient: Patient) -> Result<Record, DbError> {
    const CLINIC: &str = concat!(
        "-- clinic.reports.clinic
        SELECT c.name, c.street, c.city, c.province, c.phone, c.email, ",
        report_state!(),
        " AS state FROM patient AS p JOIN clinic AS c ON c.id = p.clinic_id WHERE p.id = $1"
    );
    let id = patient.id;
    let row = tx.query_one(CLINIC, &[&id]).await?;
    let part = |name: &str| row.get::<_, Option<String>>(name);
    let city: String = row.get("city");
    let city = part("province").map_or(city.clone(), |province| format!("{city} ({province})"));
    let address = [part("street"), Some(city)].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let reached = [part("phone"), part("email")].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let lines = [address, reached].into_iter().filter(|line| !line.is_empty()).collect();
    Ok(Record {
        clinic: Clinic { name: row.get("name"), lines },
        state: row.get("state"),
        counts: counts(tx, id).await?,
        documents: documents(tx, id).await?,
        values: list::newest(tx, id, VALUES_SHOWN).await?,
        analyses: analyses(tx, id).await?,
        score: score(tx, id).await?,
        patient,
    })
}

async fn counts(tx: &mut Tx, patient: PatientId) -> Result<Counts, DbError> {
    const COUNTS: &str = "-- clinic.reports.counts
        SELECT (SELECT count(*) FROM patient_document WHERE patient_id = $1) AS documents, v.all_of_them, v.abnormal,
            (SELECT count(*) FROM graded_analysis WHERE patient_id = $1 AND withdrawn_at IS NULL) AS analyses
        FROM (SELECT count(*) AS all_of_them, count(*) FILTER (WHERE flag IN ('low', 'high')) AS abnormal
            FROM laboratory_value WHERE patient_id = $1 AND withdrawn_at IS NULL) AS v";
    let row = tx.query_one(COUNTS, &[&patient]).await?;
    Ok(Counts {
        documents: row.get("documents"),
        values: row.get("all_of_them"),
        abnormal: row.get("abnormal"),
        analyses: row.get("analyses"),
    })
}

async fn documents(tx: &mut Tx, patient: PatientId) -> Result<Vec<Document>, DbError> {
    const DOCUMENTS: &str = "-- clinic.reports.documents
        SELECT kind, name, status, failure, text_from, confidence, findings, created_at
        FROM patient_document WHERE patient_id = $1 ORDER BY id DESC LIMIT $2";
    let rows = tx.query(DOCUMENTS, &[&patient, &DOCUMENTS_SHOWN]).await?;
    let document = |row: &tokio_postgres::Row| Document {
        kind: row.get("kind"),
        name: row.get("name"),
        status: row.get("status"),
        failure: row.get("failure"),
        text_from: row.get("text_from"),
        confidence: row.get("confidence"),
        findings: of_newer(row, "findings"),
        created_at: row.get("created_at"),
    };
    Ok(rows.iter().map(document).collect())
}

async fn analyses(tx: &mut Tx, patient: PatientId) -> Result<Vec<Analysis>, DbError> {
    const ANALYSES: &str = "-- clinic.reports.analyses
        SELECT kind, label, observed_on, source, method, input, result FROM graded_analysis
        WHERE patient_id = $1 AND withdrawn_at IS NULL ORDER BY observed_on DESC, id DESC LIMIT $2";
    let rows = tx.query(ANALYSES, &[&patient, &ANALYSES_SHOWN]).await?;
    let analysis = |row: &tokio_postgres::Row| Analysis {
        kind: row.get("kind"),
        label: row.get("label"),
        observed_on: row.get("observed_on"),
        source: row.get("source"),
        method: row.get("method"),
        input: row.get::<_, Json<Value>>("input").0,
        result: row.get::<_, Json<Value>>("result").0,
    };
    Ok(rows.iter().map(analysis).collect())
}

async fn score(tx: &mut Tx, patient: PatientId) -> Result<Score, DbError> {
    const SCORE: &str = "-- clinic.reports.score
        SELECT result FROM fertility_score WHERE patient_id = $1 ORDER BY id DESC LIMIT 1";
    let Some(row) = tx.query_opt(SCORE, &[&patient]).await? else { return Ok(Score::None) };
    let score = serde_json::from_value(row.get::<_, Json<Value>>("result").0);
    Ok(score.map_or(Score::Unreadable, |score| Score::Of(Box::new(score))))
}
