//! What the audit log hears of the clinic desk: every access, also reading, by ids and never with what stands in a record;
//! and what the desk's refusals are called.
//!
//! Reading is told once a minute for each person, thing and kind, on each server. Nothing is shown before it was told: who asks
//! for the same at that moment waits, and what could not be told is told with the next request.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::member::Clinician;
use crate::{
    accounts::seldom::Said,
    audit::{self, Entry},
    clinic::{
        patients::{Patient, Unfit, entries, patient},
        staff::Permission,
    },
    db::{DbError, Tx},
    http::{
        notary::told::entry,
        problem::{FieldError, Place, Problem},
        state::AppState,
    },
    ids::{PatientId, UserId},
};

/// Which readings the audit log has heard of. Cheap to clone.
#[derive(Clone)]
pub struct Heard(Arc<Said<(UserId, &'static str, audit::Outcome, Uuid)>>);

impl Default for Heard {
    fn default() -> Self {
        Self(Arc::new(Said::default()))
    }
}

/// One of a patient's things: what it is called, in the log and in refusals, and its id.
pub(super) type Thing = (&'static str, Uuid);

fn details_of(thing: Option<Thing>) -> Value {
    thing.map_or_else(|| json!({}), |(name, id)| json!({ name: id }))
}

impl Clinician {
    /// Something that was done to a patient.
    pub(super) fn entry(&self, state: &AppState, action: &'static str, patient: PatientId) -> Entry {
        entry(state, (&self.principal, self.client), action, ("patient", patient))
    }

    /// Tells how an action on `ids` has ended, unless that was told a moment ago; `entry` makes the entry from what is due.
    async fn tell(
        &self,
        state: &AppState,
        (action, outcome, ids): (&'static str, audit::Outcome, Vec<Uuid>),
        entry: impl FnOnce(Vec<Uuid>) -> Entry,
    ) -> Result<(), Problem> {
        let keys = ids.into_iter().map(|id| (self.principal.user, action, outcome, id)).collect();
        let due = state.clinic.0.due(keys, state.clock.now()).await;
        if due.is_empty() {
            return Ok(());
        }
        write(state, entry(due.things().map(|(.., id)| *id).collect())).await?;
        due.said();
        Ok(())
    }

    /// Somebody has looked at a patient, or at one of the patient's things.
    pub(super) async fn looked(
        &self,
        state: &AppState,
        (action, patient): (&'static str, PatientId),
        thing: Option<Thing>,
    ) -> Result<(), Problem> {
        let id = thing.map_or(patient.0, |(_, id)| id);
        self.tell(state, (action, audit::Outcome::Ok, vec![id]), |_| {
            let told = self.entry(state, action, patient);
            Entry { details: details_of(thing), ..told }
        })
        .await
    }

    /// Somebody has seen patients in a list: whom the log has not heard of lately.
    pub(super) async fn listed(&self, state: &AppState, patients: &[PatientId]) -> Result<(), Problem> {
        const ACTION: &str = "patient.list";
        // An empty list says something, too: somebody is no patient here.
        let clinic = self.standing.clinic;
        let ids = if patients.is_empty() { vec![clinic.0] } else { patients.iter().map(|it| it.0).collect() };
        self.tell(state, (ACTION, audit::Outcome::Ok, ids), |due| {
            let seen: Vec<_> = due.into_iter().filter(|id| *id != clinic.0).collect();
            let told = entry(state, (&self.principal, self.client), ACTION, ("clinic", clinic));
            Entry { details: json!({ "patients": seen }), ..told }
        })
        .await
    }

    /// Somebody asked for a patient who is not there for them.
    pub(super) async fn missed(
        &self,
        state: &AppState,
        action: &'static str,
        patient: PatientId,
    ) -> Result<Problem, Problem> {
        self.in_vain(state, (action, ("patient", patient.0)), None).await?;
        Ok(Problem::not_found("patient"))
    }

    /// Somebody asked for something that this patient has not.
    pub(super) async fn missed_thing(
        &self,
        state: &AppState,
        (action, patient): (&'static str, PatientId),
        thing: Thing,
    ) -> Result<Problem, Problem> {
        self.in_vain(state, (action, ("patient", patient.0)), Some(thing)).await?;
        Ok(Problem::not_found(thing.0))
    }

    /// Somebody asked for something that is no patient's who is there for them.
    pub(super) async fn missed_alone(
        &self,
        state: &AppState,
        action: &'static str,
        thing: Thing,
    ) -> Result<Problem, Problem> {
        self.in_vain(state, (action, thing), None).await?;
        Ok(Problem::not_found(thing.0))
    }

    /// Something was asked for in vain.
    async fn in_vain(
        &self,
        state: &AppState,
        (action, object): (&'static str, Thing),
        thing: Option<Thing>,
    ) -> Result<(), Problem> {
        let id = thing.map_or(object.1, |(_, id)| id);
        self.tell(state, (action, audit::Outcome::Refused, vec![id]), |_| {
            let told = entry(state, (&self.principal, self.client), action, object);
            refusal(told, "not_found", details_of(thing))
        })
        .await
    }

    /// Tells that something was refused, and why.
    pub(super) async fn refused(
        &self,
        state: &AppState,
        (action, object): (&'static str, Thing),
        (reason, details): (&str, Value),
    ) -> Result<(), Problem> {
        let told = entry(state, (&self.principal, self.client), action, object);
        write(state, refusal(told, reason, details)).await
    }

    /// Answers a change with the thing as it is then. Who may not read patients hears that it is done, and the ETag.
    pub(super) fn shown(&self, etag: HeaderValue, whole: impl FnOnce() -> Response) -> Response {
        if self.standing.may(Permission::ReadPatients) {
            return whole();
        }
        (StatusCode::NO_CONTENT, [(header::ETAG, etag)]).into_response()
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
        let admitted = entries::admit(&mut tx, of, id, state.clock.now()).await;
        self.admitted(state, (tx, admitted), (action, id)).await
    }

    /// The same for who takes something away, which needs no consent.
    pub(super) async fn admit_open(
        &self,
        state: &AppState,
        mut tx: Tx,
        (permission, action, id): (Permission, &'static str, PatientId),
    ) -> Result<(Tx, Patient), Problem> {
        let locked = entries::lock_open(&mut tx, (self.principal.user, permission), id).await;
        self.admitted(state, (tx, locked), (action, id)).await
    }

    async fn admitted(
        &self,
        state: &AppState,
        (tx, admitted): (Tx, Result<Patient, entries::Refused>),
        (action, id): (&'static str, PatientId),
    ) -> Result<(Tx, Patient), Problem> {
        match admitted {
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
        self.read_at(state, (action, id), |target| path_below(target, rest)).await
    }

    /// The same, where a record that was merged leads to another path.
    pub(super) async fn read_at(
        &self,
        state: &AppState,
        (action, id): (&'static str, PatientId),
        location: impl FnOnce(PatientId) -> String,
    ) -> Result<Patient, Problem> {
        let found = self.find(state, (action, id)).await?;
        self.looked(state, (action, id), None).await?;
        led_on(found, location)
    }

    /// One of a patient's things to be read, which `find` looks for; `rest` of the path below the patient.
    pub(super) async fn read_thing<T>(
        &self,
        state: &AppState,
        (action, id, rest): (&'static str, PatientId, &str),
        thing: Thing,
        find: impl Future<Output = Result<Option<T>, DbError>>,
    ) -> Result<T, Problem> {
        let patient = self.find(state, (action, id)).await?;
        if patient.merged_into.is_some() {
            self.looked(state, (action, id), Some(thing)).await?;
            led_on(patient, |target| path_below(target, rest))?;
        }
        let Some(found) = find.await? else {
            return Err(self.missed_thing(state, (action, id), thing).await?);
        };
        self.looked(state, (action, id), Some(thing)).await?;
        Ok(found)
    }

    async fn find(
        &self,
        state: &AppState,
        (action, id): (&'static str, PatientId),
    ) -> Result<Patient, Problem> {
        match patient::find(&state.db, self.principal.user, id).await? {
            Some(found) => Ok(found),
            None => Err(self.missed(state, action, id).await?),
        }
    }
}

fn path_below(patient: PatientId, rest: &str) -> String {
    format!("/api/v1/clinic/patients/{patient}{rest}")
}

/// A record that was merged leads to the other one.
fn led_on(found: Patient, location: impl FnOnce(PatientId) -> String) -> Result<Patient, Problem> {
    let Some(target) = found.merged_into else { return Ok(found) };
    let location = location(target);
    let detail = "this record was merged into another";
    let problem = Problem::new(StatusCode::PERMANENT_REDIRECT, "merged_into", detail);
    let location = location.try_into().map_err(Problem::internal)?;
    Err(problem.member("merged_into", target.to_string()).header(header::LOCATION, location))
}

/// The entry of something that was refused.
fn refusal(told: Entry, reason: &str, mut details: Value) -> Entry {
    details["reason"] = reason.into();
    Entry { outcome: audit::Outcome::Refused, details, ..told }
}

/// Writes an entry down by itself.
async fn write(state: &AppState, entry: Entry) -> Result<(), Problem> {
    let mut tx = state.db.begin("clinic.audit").await?;
    audit::record(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok(())
}

/// Refuses what cannot be the patient's. `what`: where it is said what it is.
pub(super) fn ensure_fit(unfit: &[Unfit], what: (Place, &str)) -> Result<(), Problem> {
    let error = |it: &Unfit| {
        let (place, pointer) = match it {
            Unfit::BeforeBirth => (Place::Body, "/observed_on"),
            Unfit::OtherSex => what,
        };
        FieldError {
            place,
            pointer: pointer.to_owned(),
            code: it.code().into(),
            detail: it.to_string().into(),
        }
    };
    if unfit.is_empty() { Ok(()) } else { Err(Problem::unprocessable(unfit.iter().map(error).collect())) }
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
