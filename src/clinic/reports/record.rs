//! All that is said of a patient, read under the lock of the record: whoever writes about the patient waits.

use jiff::{Timestamp, civil::Date};
use postgres_types::Json;
use serde_json::Value;

use crate::{
    clinic::{
        patients::Patient,
        rules::score::FertilityScore,
        values::{LaboratoryValue, list},
    },
    db::{DbError, Tx},
    ids::PatientId,
};

/// Documents that are listed, the newest.
const DOCUMENTS_MAX: i64 = 500;
/// Analyses that are shown, the newest.
const ANALYSES_MAX: i64 = 200;

/// What the record says.
#[derive(Debug, Clone)]
pub struct Record {
    /// The clinic, as it calls itself.
    pub clinic: Clinic,
    /// The patient.
    pub patient: Patient,
    /// The documents, newest first.
    pub documents: Vec<Document>,
    /// The values, those observed last first.
    pub values: Vec<LaboratoryValue>,
    /// The graded analyses that count, newest first.
    pub analyses: Vec<Analysis>,
    /// The newest score.
    pub score: Option<FertilityScore>,
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

/// A document of the patient.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it is.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What has become of its analysis.
    pub status: String,
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
        documents: documents(tx, id).await?,
        values: list::counting(tx, id).await?,
        analyses: analyses(tx, id).await?,
        score: score(tx, id).await?,
        patient,
    })
}

async fn documents(tx: &mut Tx, patient: PatientId) -> Result<Vec<Document>, DbError> {
    const DOCUMENTS: &str = "-- clinic.reports.documents
        SELECT kind, name, status, created_at FROM patient_document WHERE patient_id = $1 ORDER BY id DESC LIMIT $2";
    let rows = tx.query(DOCUMENTS, &[&patient, &DOCUMENTS_MAX]).await?;
    let document = |row: &tokio_postgres::Row| Document {
        kind: row.get("kind"),
        name: row.get("name"),
        status: row.get("status"),
        created_at: row.get("created_at"),
    };
    Ok(rows.iter().map(document).collect())
}

async fn analyses(tx: &mut Tx, patient: PatientId) -> Result<Vec<Analysis>, DbError> {
    const ANALYSES: &str = "-- clinic.reports.analyses
        SELECT kind, label, observed_on, source, method, result FROM graded_analysis
        WHERE patient_id = $1 AND withdrawn_at IS NULL ORDER BY observed_on DESC, id DESC LIMIT $2";
    let rows = tx.query(ANALYSES, &[&patient, &ANALYSES_MAX]).await?;
    let analysis = |row: &tokio_postgres::Row| Analysis {
        kind: row.get("kind"),
        label: row.get("label"),
        observed_on: row.get("observed_on"),
        source: row.get("source"),
        method: row.get("method"),
        result: row.get::<_, Json<Value>>("result").0,
    };
    Ok(rows.iter().map(analysis).collect())
}

/// The newest score; one that only a newer server can read is not shown.
async fn score(tx: &mut Tx, patient: PatientId) -> Result<Option<FertilityScore>, DbError> {
    const SCORE: &str = "-- clinic.reports.score
        SELECT result FROM fertility_score WHERE patient_id = $1 ORDER BY id DESC LIMIT 1";
    let row = tx.query_opt(SCORE, &[&patient]).await?;
    Ok(row.and_then(|row| serde_json::from_value(row.get::<_, Json<Value>>("result").0).ok()))
}
