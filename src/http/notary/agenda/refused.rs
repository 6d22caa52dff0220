//! How refusals of the agenda become problems, and what its handlers share.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};

use crate::{
    accounts::policy::Principal,
    audit::{self, Entry},
    db::Tx,
    http::{
        client::ClientAddress, conditional::ETag, extract::Json, negotiate::Coding, notary::told,
        problem::Problem, state::AppState,
    },
    ids::AppointmentId,
    notary::{
        agenda::{
            appointment::{self, Appointment},
            decisions::DecisionError,
            openings::OpeningsError,
            papers::PaperError,
            participants::ParticipantError,
            requests::RequestError,
        },
        rules::machine::Forbidden,
    },
};

impl From<Forbidden> for Problem {
    fn from(forbidden: Forbidden) -> Self {
        let detail = forbidden.to_string();
        match forbidden {
            Forbidden::State { from, event, .. } => {
                Self::conflict("not_in_this_state", detail).member("state", from).member("event", event)
            }
            Forbidden::Who { from, event, .. } => {
                Self::forbidden("not_for_you", detail).member("state", from).member("event", event)
            }
        }
    }
}

impl From<DecisionError> for Problem {
    fn from(error: DecisionError) -> Self {
        let detail = error.to_string();
        match error {
            DecisionError::Forbidden(forbidden) => forbidden.into(),
            DecisionError::Overlaps => Self::conflict("overlaps", detail),
            DecisionError::Over => Self::conflict("too_late", detail),
            DecisionError::HandedIn => Self::conflict("documents_handed_in", detail),
            DecisionError::NoSuchActType => Self::rule("unknown_act_type", detail),
            DecisionError::NeedsNone => Self::conflict("needs_no_documents", detail),
            DecisionError::Papers(_) => Self::conflict("documents_missing", detail),
            DecisionError::Db(error) => error.into(),
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        let detail = error.to_string();
        match error {
            RequestError::Taken => Self::conflict("slot_taken", detail),
            RequestError::Twice => Self::conflict("already_requested", detail),
            RequestError::TooMany => Self::conflict("too_many_requests_open", detail),
            RequestError::OwnOffice => Self::conflict("own_office", detail),
            RequestError::NoSuchOffice => Self::not_found("notary"),
            RequestError::Db(error) => error.into(),
        }
    }
}

impl From<ParticipantError> for Problem {
    fn from(error: ParticipantError) -> Self {
        let detail = error.to_string();
        match error {
            ParticipantError::Twice => Self::conflict("already_invited", detail),
            ParticipantError::TooMany => Self::conflict("too_many_participants", detail),
            ParticipantError::NoPartner => Self::rule("no_partner", detail),
            ParticipantError::Ended => Self::conflict("not_in_this_state", detail),
            ParticipantError::Conflict => Self::conflict("time_conflict", detail),
            ParticipantError::Forbidden(forbidden) => forbidden.into(),
            ParticipantError::Db(error) => error.into(),
        }
    }
}

impl From<PaperError> for Problem {
    fn from(error: PaperError) -> Self {
        let detail = error.to_string();
        match error {
            PaperError::Forbidden(forbidden) => forbidden.into(),
            PaperError::NoSuchDocument => Self::rule("unknown_document", detail),
            PaperError::Missing(_) => Self::conflict("documents_missing", detail),
            PaperError::TooMany => Self::conflict("too_many_documents", detail),
            PaperError::Twice => Self::conflict("already_required", detail),
            PaperError::NoSuchType => Self::rule("unknown_document_type", detail),
            PaperError::Db(error) => error.into(),
        }
    }
}

impl From<OpeningsError> for Problem {
    fn from(error: OpeningsError) -> Self {
        match error {
            OpeningsError::Slots(error) => Self::bad_request("invalid_slots", error.to_string()),
            OpeningsError::Db(error) => error.into(),
        }
    }
}

/// They work there, but may not do this.
pub(super) fn not_permitted() -> Problem {
    Problem::forbidden("not_permitted", "the notary has not permitted you to manage the agenda")
}

/// An appointment with its ETag.
pub(super) fn tagged(status: StatusCode, appointment: &Appointment) -> Response {
    let etag = ETag::of_version(appointment.version).header(Coding::Identity);
    (status, [(header::ETAG, etag)], Json(appointment)).into_response()
}

/// An appointment to be changed, and the agenda of its office, locked.
pub(super) async fn locked(
    tx: &mut Tx,
    principal: &Principal,
    id: AppointmentId,
) -> Result<Appointment, Problem> {
    let found = appointment::lock(tx, principal.into(), id).await?;
    found.ok_or_else(|| Problem::not_found("appointment"))
}

/// The same, for what only the office may do.
pub(super) async fn locked_by_office(
    tx: &mut Tx,
    principal: &Principal,
    id: AppointmentId,
) -> Result<Appointment, Problem> {
    let found = locked(tx, principal, id).await?;
    if found.standing.is_office() {
        return Ok(found);
    }
    Err(Problem::forbidden("not_for_you", "this is for the office"))
}

/// Who does something, from where, for the audit log.
#[derive(Clone, Copy)]
pub(super) struct Teller<'p> {
    pub(super) principal: &'p Principal,
    pub(super) client: ClientAddress,
}

impl Teller<'_> {
    /// Writes down what was done to something of the agenda.
    pub(super) async fn told(
        &self,
        state: &AppState,
        tx: &mut Tx,
        action: &'static str,
        (object, id): (&'static str, String),
        details: serde_json::Value,
    ) -> Result<(), Problem> {
        let entry =
            Entry { details, ..told::entry(state, (self.principal, self.client), action, (object, id)) };
        Ok(audit::record(tx, &[entry]).await?)
    }

    /// Writes down what was done to an appointment.
    pub(super) async fn of(
        &self,
        state: &AppState,
        tx: &mut Tx,
        action: &'static str,
        id: AppointmentId,
        details: serde_json::Value,
    ) -> Result<(), Problem> {
        self.told(state, tx, action, ("appointment", id.to_string()), details).await
    }
}
