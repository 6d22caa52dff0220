//! All that the desk keeps of a patient in figures: for the record of another system.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    clinic::{
        analyses::{self, GradedAnalysis},
        patients::Patient,
        scores::score::{self, ScoreCard},
        values::{self, LaboratoryValue},
    },
    db::{Db, DbError},
    ids::UserId,
};

/// Scores that are exported, the newest.
const SCORES: i64 = 1_000;

/// A patient with everything.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PatientExport {
    /// What the clinic says of the patient.
    pub patient: Patient,
    /// Values, those observed last first.
    pub values: Vec<LaboratoryValue>,
    /// Graded analyses, newest first, also those that were withdrawn.
    pub analyses: Vec<GradedAnalysis>,
    /// Scores, newest first.
    pub scores: Vec<ScoreCard>,
}

/// A line of an export.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Patient(&'a Patient),
    Value(&'a LaboratoryValue),
    Analysis(&'a GradedAnalysis),
    Score(&'a ScoreCard),
}

/// Everything of a patient whom this person may read.
pub async fn of(db: &Db, user: UserId, patient: Patient) -> Result<PatientExport, DbError> {
    let mut tx = db.begin("clinic.export").await?;
    let values = values::list::of_patient(&mut tx, patient.id).await?;
    let analyses = analyses::list::of_patient(&mut tx, (user, patient.id)).await?;
    tx.commit().await?;
    let scores = score::history(db, user, patient.id, (None, SCORES)).await?;
    Ok(PatientExport { patient, values, analyses, scores })
}

impl PatientExport {
    /// One JSON document a line, each with its `type`.
    pub fn lines(&self) -> Result<String, serde_json::Error> {
        let values = self.values.iter().map(Line::Value);
        let analyses = self.analyses.iter().map(Line::Analysis);
        let scores = self.scores.iter().map(Line::Score);
        let mut text = String::new();
        for line in [Line::Patient(&self.patient)].into_iter().chain(values).chain(analyses).chain(scores) {
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        Ok(text)
    }
}
