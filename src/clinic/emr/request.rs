//! What another system asks for, and about whom.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clinic::{
        analyses::{Graded, GradedAnalysis, Input, Kind, NewAnalysis, Source, analysis},
        patients::{
            Unfit,
            entries::{self, Refused},
        },
        rules::{checks, patient::mrn::Mrn},
        staff::Permission,
    },
    db::{DbError, Tx},
    ids::{ClinicId, PatientId, UserId},
};

/// Whom it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// By the id.
    Id(PatientId),
    /// By the number that the clinic has given.
    Number(String),
}

impl Subject {
    /// By a number as people write it.
    pub fn numbered(text: &str) -> Result<Self, crate::clinic::rules::patient::mrn::MrnError> {
        text.parse::<Mrn>().map(|it| Self::Number(it.to_string()))
    }
}

/// An analysis that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// About whom.
    pub subject: Subject,
    /// What is graded.
    pub kind: Kind,
    /// What is given.
    pub input: Value,
    /// What the other system calls the case.
    pub case_id: Option<String>,
    /// Which sample, oocyte or embryo.
    pub label: String,
    /// What somebody wants to say of it.
    pub note: String,
    /// When it was seen.
    pub observed_on: Date,
}

/// Why there is no analysis.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Nothing is written about this patient.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What is given cannot be.
    #[error(transparent)]
    Wrong(#[from] checks::Refused),
    /// It cannot be of this patient.
    #[error("this cannot be of the patient")]
    Unfit(Vec<Unfit>),
    /// What is given cannot be read any more.
    #[error("what was given cannot be read")]
    Unreadable(#[from] serde_json::Error),
}

impl From<DbError> for Failed {
    fn from(error: DbError) -> Self {
        Self::Refused(error.into())
    }
}

/// The patient, if it is one of the clinic in which the analysis is asked for; a number of a record that was merged leads to the one
/// that has its things.
async fn resolve(
    tx: &mut Tx,
    (user, clinic): (UserId, ClinicId),
    subject: &Subject,
) -> Result<Option<PatientId>, DbError> {
    const BY_NUMBER: &str = concat!(
        "-- clinic.emr.by_number
        SELECT coalesce(p.merged_into, p.id) AS id FROM patient AS p
        WHERE p.medical_record_number = $3 AND p.clinic_id = $2 AND ",
        at_clinic!("read_patients", "p.clinic_id", "$1")
    );
    const BY_ID: &str = concat!(
        "-- clinic.emr.by_id
        SELECT p.id FROM patient AS p WHERE p.id = $3 AND p.clinic_id = $2 AND ",
        at_clinic!("write_analyses", "p.clinic_id", "$1")
    );
    let row = match subject {
        Subject::Id(id) => tx.query_opt(BY_ID, &[&user, &clinic, id]).await?,
        Subject::Number(number) => tx.query_opt(BY_NUMBER, &[&user, &clinic, number]).await?,
    };
    Ok(row.map(|row| row.get("id")))
}

/// Grades and writes down what is asked for in a clinic, for who may write analyses there. On [`Failed`] nothing was written.
pub async fn perform(
    tx: &mut Tx,
    who: (UserId, ClinicId),
    request: &Request,
    now: Timestamp,
) -> Result<GradedAnalysis, Failed> {
    let graded = Input::stored(request.kind, request.input.clone())?.grade()?;
    write(tx, who, request, graded, now).await
}

/// The same of what was graded already.
pub async fn write(
    tx: &mut Tx,
    who: (UserId, ClinicId),
    request: &Request,
    graded: Graded,
    now: Timestamp,
) -> Result<GradedAnalysis, Failed> {
    let id = resolve(tx, who, &request.subject).await?.ok_or(Refused::NoSuchPatient)?;
    let patient = entries::lock_open(tx, (who.0, Permission::WriteAnalyses), id).await?;
    entries::consented(&patient)?;
    let unfit = patient.content.unfit(Some(request.observed_on), graded.kind().only_of());
    if !unfit.is_empty() {
        return Err(Failed::Unfit(unfit));
    }
    // Not before: the item of a batch that is refused ends in this transaction, and keeps no record any longer.
    entries::touch_each(tx, &[id], now).await?;
    let new = NewAnalysis {
        patient: &patient,
        source: Source::Program,
        document: None,
        case_id: request.case_id.as_deref(),
        label: &request.label,
        note: &request.note,
        observed_on: request.observed_on,
        graded,
        by: who.0,
    };
    Ok(analysis::insert(tx, &new, now).await?)
}
