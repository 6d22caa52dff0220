//! All that the desk keeps of a patient in figures: for the record of another system.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    clinic::{
        analyses::{self, GradedAnalysis, list::EXPORTED_MAX},
        patients::Patient,
        scores::score::{self, ScoreCard},
        values::{self, LaboratoryValue, list::VALUES_MAX},
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
    /// Values, those observed last first; not those that were withdrawn.
    pub values: Vec<LaboratoryValue>,
    /// Graded analyses, newest first, also those that were withdrawn.
    pub analyses: Vec<GradedAnalysis>,
    /// Scores, newest first.
    pub scores: Vec<ScoreCard>,
    /// There are more than 5,000 values, 1,000 analyses or 1,000 scores: these are the newest. The lists show all of them.
    pub is_truncated: bool,
}

/// A line of an export.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Patient(&'a Patient),
    Value(&'a LaboratoryValue),
    Analysis(&'a GradedAnalysis),
    Score(&'a ScoreCard),
    End { is_truncated: bool },
}

/// Everything of a patient whom this person may read.
pub async fn of(db: &Db, user: UserId, patient: Patient) -> Result<PatientExport, DbError> {
    let whose = (user, patient.id);
    let mut values = values::list::exported(db, whose, false).await?;
    let mut analyses = analyses::list::of_patient(db, whose).await?;
    let mut scores = score::history(db, user, patient.id, (None, SCORES + 1)).await?;
    let cuts = [cut(&mut values, VALUES_MAX), cut(&mut analyses, EXPORTED_MAX), cut(&mut scores, SCORES)];
    Ok(PatientExport { patient, values, analyses, scores, is_truncated: cuts.contains(&true) })
}

/// Leaves the first `most`. Whether there were more.
pub fn cut<T>(all: &mut Vec<T>, most: i64) -> bool {
    let most = most.unsigned_abs() as usize;
    let is_more = all.len() > most;
    all.truncate(most);
    is_more
}

impl PatientExport {
    /// One JSON document a line, each with its `type`; the last one (`end`) says whether there is more.
    pub fn lines(&self) -> Result<String, serde_json::Error> {
        let values = self.values.iter().map(Line::Value);
        let analyses = self.analyses.iter().map(Line::Analysis);
        let scores = self.scores.iter().map(Line::Score);
        let mut text = String::new();
        let end = [Line::End { is_truncated: self.is_truncated }];
        let begin = [Line::Patient(&self.patient)].into_iter();
        for line in begin.chain(values).chain(analyses).chain(scores).chain(end) {
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        Ok(text)
    }
}
