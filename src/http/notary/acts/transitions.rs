//! What happens to an act: one route for every event of its state machine.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    refused::{check_survey, done, locked},
    signing::{Asked, sign},
};
use crate::{
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        notary::own_office::outdated,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::ActId,
    jobs::notary::tell,
    notary::{
        acts::{
            act::{Act, Survey},
            transitions,
        },
        licence,
        rules::machine::act::Event,
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(transition))
}

/// What is to happen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActTransition)]
struct Transition {
    /// What.
    event: Event,
    /// Of annulling: why. Of sending: how it was handed over, since it did not go by certified mail.
    #[schema(min_length = 1, max_length = 1000)]
    reason: Option<String>,
    /// Of archiving, if the client has not completed it.
    survey: Option<Survey>,
    /// Of signing, where the account has a second factor: its code.
    #[schema(min_length = 1, max_length = 20)]
    otp: Option<String>,
}

/// Moves an act on; `possible` of the act says what one may do now. Signing, which only the notary does, gives it the next
/// number of its prefix in the register: the deed is set with it and signed (PAdES with a time stamp). Archiving needs the
/// survey, which may come along, and registers the entry for good. Annulling needs a reason; the number stays used. Sending
/// needs one, too: how the act was handed over. What is sent by certified mail needs no event: the act moves on when the
/// provider has taken the mail. Without a valid licence an act is not prepared or signed; what was signed is still sent,
/// archived or annulled.
#[utoipa::path(post, path = "/acts/{id}/transitions", tag = "notary acts", security(("bearer" = [])),
    request_body = Transition,
    params(("id" = uuid::Uuid, Path, description = "The act"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 200, description = "The act, with its ETag", body = Act),
        (status = 403, description = "`not_for_you`; `licence_expired`, `notary_inactive`; `wrong_code`"),
        (status = 409, description = "`not_in_this_state`; `incomplete`: something is missing that its type needs; \
            `deed_missing`, `deed_incomplete`, `deed_outdated`: the newest deed must be whole and say what the act says; \
            `survey_missing`"),
        (status = 412, description = "It was changed meanwhile"),
        (status = 503, description = "`signature_provider_away`, `time_stamp_provider_away`: nothing has changed")))]
async fn transition(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<ActId>,
    if_match: IfMatch,
    Json(body): Json<Transition>,
) -> Answer {
    let now = state.clock.now();
    let Transition { event, reason, survey, otp } = checked(&body)?;
    if event == Event::Sign {
        let (principal, otp) = (&principal, otp.as_deref());
        return sign(&state, Asked { principal, client, id, if_match, otp }).await;
    }
    let mut tx = state.db.begin("notary.acts.transition").await?;
    let found = locked(&mut tx, &principal, id).await?;
    if if_match.0.is_some() {
        if_match.check(&ETag::of_version(found.version))?;
    }
    found.next(event)?;
    if licence::act_needs(event) {
        licence::require(&mut tx, found.notary_id, today(now)).await?;
    }
    let what = (event, reason.as_deref(), survey.as_ref());
    let people = transitions::apply(&mut tx, &found, what, principal.user, now).await?;
    tell(&state.jobs, &mut tx, &people, now).await?;
    let details = serde_json::json!({ "event": event });
    let answer = done(&state, tx, (&principal, client), ("act.transition", id, details)).await?;
    if event == Event::Annul {
        outdated(&state, found.notary_id); // it shows how many acts there are
    }
    Ok(answer)
}

fn checked(body: &Transition) -> Result<Transition, Problem> {
    let mut checks = Checks::default();
    let reason = body.reason.as_deref().map(|reason| checks.text("/reason", reason, 1..=1000).to_owned());
    let needs_reason = matches!(body.event, Event::Annul | Event::Send);
    let needed = match body.event {
        Event::Send => "say how it was handed over: it stands with the act",
        _ => "say why: it stands in the register",
    };
    checks.ensure(!needs_reason || reason.is_some(), "/reason", "required", needed);
    let detail = "only annulling and sending have a reason";
    checks.ensure(needs_reason || reason.is_none(), "/reason", "not_allowed", detail);
    let is_archived = body.event == Event::Archive;
    checks.ensure(
        is_archived || body.survey.is_none(),
        "/survey",
        "not_allowed",
        "only archiving takes the survey along",
    );
    let survey = body.survey.as_ref().map(|survey| check_survey(&mut checks, "/survey", survey));
    let otp = body.otp.as_deref().map(|code| checks.line("/otp", code, 1..=20).to_owned());
    let is_signed = body.event == Event::Sign;
    checks.ensure(is_signed || otp.is_none(), "/otp", "not_allowed", "only signing asks for the code");
    checks.done()?;
    Ok(Transition { event: body.event, reason, survey, otp })
}
