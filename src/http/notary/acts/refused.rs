//! How refusals about acts become problems, and what their handlers share.

use std::time::Duration;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;

use crate::{
    accounts::policy::Principal,
    audit::{self, Entry},
    db::Tx,
    http::{
        client::ClientAddress, conditional::ETag, extract::Json, negotiate::Coding, notary::told,
        problem::Problem, state::AppState, validate::Checks,
    },
    ids::ActId,
    notary::{
        acts::{
            act::{self, Act, Survey},
            transitions::ActError,
        },
        licence,
        time::today,
    },
};

/// When a number that another act has taken is worth another try.
const SOON: Duration = Duration::from_secs(1);

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        let detail = error.to_string();
        match error {
            ActError::Forbidden(forbidden) => forbidden.into(),
            ActError::NotPermitted => Self::forbidden("not_permitted", detail),
            ActError::OwnOffice => Self::conflict("own_office", detail),
            ActError::NoSuchType => Self::rule("unknown_act_type", detail),
            ActError::NoSuchAppointment => Self::rule("unknown_appointment", detail),
            ActError::NotReady => Self::conflict("appointment_not_ready", detail),
            ActError::Twice => Self::conflict("already_opened", detail),
            ActError::Final | ActError::NotSigned => Self::conflict("not_in_this_state", detail),
            ActError::Incomplete(_) => Self::conflict("incomplete", detail),
            ActError::NumberTaken => Self::unavailable(SOON),
            ActError::NoDeed => Self::conflict("deed_missing", detail),
            ActError::DeedIncomplete(_) => Self::conflict("deed_incomplete", detail),
            ActError::DeedOutdated => Self::conflict("deed_outdated", detail),
            ActError::NoSurvey => Self::conflict("survey_missing", detail),
            ActError::Db(error) => error.into(),
        }
    }
}

/// An act with its ETag.
pub(super) fn tagged(status: StatusCode, act: &Act) -> Response {
    let etag = ETag::of_version(act.version).header(Coding::Identity);
    (status, [(header::ETAG, etag)], Json(act)).into_response()
}

/// An act to be changed, locked.
pub(super) async fn locked(tx: &mut Tx, principal: &Principal, id: ActId) -> Result<Act, Problem> {
    act::lock(tx, principal.into(), id).await?.ok_or_else(|| Problem::not_found("act"))
}

/// The same, for what only the office may do, and only with a licence.
pub(super) async fn locked_by_office(
    tx: &mut Tx,
    principal: &Principal,
    id: ActId,
    now: Timestamp,
) -> Result<Act, Problem> {
    let found = locked(tx, principal, id).await?;
    if !found.standing.is_office() {
        return Err(Problem::forbidden("not_for_you", "this is for the office"));
    }
    licence::require(tx, found.notary_id, today(now)).await?;
    Ok(found)
}

/// The act as it is now, told to the audit log, and the end of the transaction.
pub(super) async fn done(
    state: &AppState,
    mut tx: Tx,
    (principal, client): (&Principal, ClientAddress),
    (action, id, details): (&'static str, ActId, serde_json::Value),
) -> Result<Response, Problem> {
    let entry = Entry { details, ..told::entry(state, (principal, client), action, ("act", id)) };
    audit::record(&mut tx, &[entry]).await?;
    let changed = locked(&mut tx, principal, id).await?;
    tx.commit().await?;
    Ok(tagged(StatusCode::OK, &changed))
}

/// A survey as it is stored; `at` is where it stands in the body.
pub(super) fn check_survey(checks: &mut Checks, at: &str, survey: &Survey) -> Survey {
    checks.range(&format!("{at}/satisfaction"), survey.satisfaction, 1..=5);
    checks.range(&format!("{at}/clarity"), survey.clarity, 1..=5);
    let comment = checks.text(&format!("{at}/comment"), &survey.comment, 0..=2000).to_owned();
    Survey { comment, ..*survey }
}
