//! What happens to an appointment: one route for every event of its state machine that people cause.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{Teller, locked, tagged};
use crate::{
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::AppointmentId,
    jobs::notary::tell,
    notary::{
        agenda::{
            appointment::{self, Appointment},
            decisions,
        },
        licence,
        rules::machine::appointment::Event,
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(transition))
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AppointmentAction)]
enum Action {
    /// The office agrees to a request; those that overlap lose.
    Confirm,
    /// The office does not agree; `reason` is needed.
    Reject,
    /// One side gives it up; `reason` is needed.
    Cancel,
    /// Nothing is missing any more.
    MakeReady,
    /// It begins.
    Begin,
    /// It is over.
    Complete,
}

impl Action {
    const fn event(self) -> Event {
        match self {
            Self::Confirm => Event::Confirm,
            Self::Reject => Event::Reject,
            Self::Cancel => Event::Cancel,
            Self::MakeReady => Event::MakeReady,
            Self::Begin => Event::Begin,
            Self::Complete => Event::Complete,
        }
    }

    const fn needs_reason(self) -> bool {
        matches!(self, Self::Reject | Self::Cancel)
    }
}

/// What is to happen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AppointmentTransition)]
struct Transition {
    /// What.
    event: Action,
    /// Why: of rejecting and cancelling.
    #[schema(min_length = 1, max_length = 1000)]
    reason: Option<String>,
}

/// Confirms, rejects, cancels, begins or completes an appointment, or makes it ready; `possible` of the appointment says what
/// one may do now. Confirming gives the slot away: overlapping requests are rejected with it, and those people are told.
#[utoipa::path(post, path = "/appointments/{id}/transitions", tag = "notary agenda", security(("bearer" = [])),
    request_body = Transition,
    params(("id" = uuid::Uuid, Path, description = "The appointment"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 200, description = "The appointment, with its ETag", body = Appointment),
        (status = 403, description = "`not_for_you`; `licence_expired`, `notary_inactive`: nothing is confirmed"),
        (status = 409, description = "`not_in_this_state`; `overlaps`: another appointment takes the time; `too_late`; \
            `documents_missing`"),
        (status = 412, description = "It was changed meanwhile")))]
async fn transition(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<AppointmentId>,
    if_match: IfMatch,
    Json(body): Json<Transition>,
) -> Answer {
    let now = state.clock.now();
    let reason = checked(&body)?;
    let mut tx = state.db.begin("notary.appointments.transition").await?;
    let found = locked(&mut tx, &principal, id).await?;
    if if_match.0.is_some() {
        if_match.check(&ETag::of_version(found.version))?;
    }
    let told = match body.event {
        Action::Confirm => {
            licence::require(&mut tx, found.notary_id, today(now)).await?;
            decisions::confirm(&mut tx, &found, principal.user, now).await?
        }
        action => {
            let event = (action.event(), reason.as_deref());
            decisions::apply(&mut tx, &found, event, principal.user, now).await?
        }
    };
    tell(&state.jobs, &mut tx, &told, now).await?;
    let details = serde_json::json!({ "event": body.event.event(), "told": told.len() });
    Teller { principal: &principal, client }
        .of(&state, &mut tx, "appointment.transition", id, details)
        .await?;
    let changed = appointment::lock(&mut tx, (&principal).into(), id).await?;
    tx.commit().await?;
    Ok(tagged(StatusCode::OK, &changed.ok_or_else(|| Problem::not_found("appointment"))?))
}

fn checked(body: &Transition) -> Result<Option<String>, Problem> {
    let mut checks = Checks::default();
    let reason = body.reason.as_deref().map(|reason| checks.text("/reason", reason, 1..=1000).to_owned());
    let needs = body.event.needs_reason();
    checks.ensure(!needs || reason.is_some(), "/reason", "required", "say why: the other side is told");
    checks.ensure(
        needs || reason.is_none(),
        "/reason",
        "not_allowed",
        "only rejecting and cancelling have a reason",
    );
    checks.done()?;
    Ok(reason)
}
