//! What the audit log hears of the clinic desk: every access, also reading, by ids and never with what stands in a record;
//! and what the desk's refusals are called.
//!
//! Reading is told once a minute for each person, thing and kind, on each server.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use uuid::Uuid;

use super::member::Clinician;
use crate::{
    accounts::seldom::Said,
    audit::{self, Entry},
    clinic::{
        patients::{Patient, entries, patient},
        staff::Permission,
    },
    db::Tx,
    http::{notary::told::entry, problem::Problem, state::AppState},
    ids::{PatientId, UserId},
};

/// Which readings the audit log has heard of. Cheap to clone.
#[derive(Clone)]
pub struct Heard(Arc<Said<(UserId, &'static str, Uuid)>>);

impl Default for Heard {
    fn default() -> Self {
        Self(Arc::new(Said::default()))
    }
}

impl Clinician {
    /// Something that was done to a patient.
    pub(super) fn entry(&self, state: &AppState, action: &'static str, patient: PatientId) -> Entry {
        entry(state, (&self.principal, self.client), action, ("patient", patient))
    }

    fn is_news(&self, state: &AppState, action: &'static str, id: Uuid) -> bool {
        state.clinic.0.is_due((self.principal.user, action, id), state.clock.now())
    }

    /// Somebody has looked at something of a patient.
    pub(super) async fn looked(
        &self,
        state: &AppState,
        action: &'static str,
        patient: PatientId,
    ) -> Result<(), Problem> {
        if self.is_news(state, action, patient.0) {
            write(state, self.entry(state, action, patient)).await?;
        }
        Ok(())
    }

    /// Somebody has seen patients in a list: whom the log has not heard of lately.
    pub(super) async fn listed(&self, state: &AppState, patients: &[PatientId]) -> Result<(), Problem> {
        const ACTION: &str = "patient.list";
        let seen: Vec<_> = patients.iter().filter(|it| self.is_news(state, ACTION, it.0)).collect();
        // An empty list says something, too: somebody is no patient here.
        let is_told = !seen.is_empty() || self.is_news(state, ACTION, self.standing.clinic.0);
        if is_told {
            let told = entry(state, (&self.principal, self.client), ACTION, ("clinic", self.standing.clinic));
            let details = serde_json::json!({ "patients": seen });
            write(state, Entry { details, ..told }).await?;
        }
        Ok(())
    }

    /// Somebody asked for a patient who is not there for them.
    pub(super) async fn missed(
        &self,
        state: &AppState,
        action: &'static str,
        patient: PatientId,
    ) -> Result<Problem, Problem> {
        if self.is_news(state, "patient.missed", patient.0) {
            let mut told = self.entry(state, action, patient);
            told.outcome = audit::Outcome::Refused;
            told.details = serde_json::json!({ "reason": "not_found" });
            write(state, told).await?;
        }
        Ok(Problem::not_found("patient"))
    }

    /// Lets somebody write about a patient in `tx`, whose record is locked then; an attempt at somebody who is not there for
    /// them is in the audit log.
    pub(super) async fn admit(
        &self,
        state: &AppState,
        mut tx: Tx,
        (permission, action, id): (Permission, &'static str, PatientId),
    ) -> Result<(Tx, Patient), Problem> {
        let of = (self.principal.user, permission);
        match entries::admit(&mut tx, of, id, state.clock.now()).await {
            Ok(patient) => Ok((tx, patient)),
            Err(entries::Refused::NoSuchPatient) => {
                drop(tx);
                Err(self.missed(state, action, id).await?)
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// A patient to be read, and `rest` of the path below it: a record that was merged leads to the other one.
    pub(super) async fn read(
        &self,
        state: &AppState,
        (action, id, rest): (&'static str, PatientId, &str),
    ) -> Result<Patient, Problem> {
        self.read_at(state, (action, id), |target| format!("/api/v1/clinic/patients/{target}{rest}")).await
    }

    /// The same, where a record that was merged leads to another path.
    pub(super) async fn read_at(
        &self,
        state: &AppState,
        (action, id): (&'static str, PatientId),
        location: impl FnOnce(PatientId) -> String,
    ) -> Result<Patient, Problem> {
        let Some(found) = patient::find(&state.db, self.principal.user, id).await? else {
            return Err(self.missed(state, action, id).await?);
        };
        self.looked(state, action, id).await?;
        let Some(target) = found.merged_into else { return Ok(found) };
        let location = location(target);
        let detail = "this record was merged into another";
        let problem = Problem::new(StatusCode::PERMANENT_REDIRECT, "merged_into", detail);
        let location = location.try_into().map_err(Problem::internal)?;
        Err(problem.member("merged_into", target.to_string()).header(header::LOCATION, location))
    }
}

/// Writes an entry down by itself.
async fn write(state: &AppState, entry: Entry) -> Result<(), Problem> {
    let mut tx = state.db.begin("clinic.audit").await?;
    audit::record(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok(())
}

impl From<entries::Refused> for Problem {
    fn from(refused: entries::Refused) -> Self {
        let (code, detail) = (refused.code(), refused.to_string());
        match refused {
            entries::Refused::NoSuchPatient => Self::not_found("patient"),
            entries::Refused::Merged(target) => {
                Self::conflict(code, detail).member("merged_into", target.to_string())
            }
            entries::Refused::Anonymised | entries::Refused::Archived => Self::conflict(code, detail),
            entries::Refused::ConsentMissing => Self::forbidden(code, detail),
            entries::Refused::Db(error) => error.into(),
        }
    }
}
