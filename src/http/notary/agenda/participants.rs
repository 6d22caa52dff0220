//! Who is invited to an appointment, and whether they come.

use axum::{extract::State, http::StatusCode, response::IntoResponse as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{Teller, locked, locked_by_office};
use crate::{
    accounts::users,
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{AppointmentId, UserId},
    jobs::notary::tell,
    notary::{
        agenda::{
            appointment,
            participants::{self, Participant, Role},
        },
        rules::machine::participant::Event,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, invite)).routes(routes!(remove)).routes(routes!(answer))
}

/// All who take part: there are never more than twenty.
#[derive(Serialize, ToSchema)]
struct Participants {
    /// In the order in which they were invited.
    data: Vec<Participant>,
}

/// Lists who takes part in an appointment.
#[utoipa::path(get, path = "/appointments/{id}/participants", tag = "notary agenda", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The appointment")),
    responses((status = 200, description = "Who takes part", body = Participants)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<AppointmentId>,
) -> Answer {
    let found = appointment::find(&state.db, (&principal).into(), id).await?;
    let found = found.ok_or_else(|| Problem::not_found("appointment"))?;
    let data = participants::list(&state.db, (&principal).into(), id, found.standing.is_office()).await?;
    Ok(Json(Participants { data }).into_response())
}

/// Whether an invitation binds.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InvitationRole)]
enum Invited {
    /// They are to come.
    Invited,
    /// They may come.
    Optional,
}

/// Somebody to be invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Invitation)]
struct Invitation {
    /// The verified e-mail address of their account.
    #[schema(max_length = 254)]
    email: String,
    /// Whether it binds; `invited` if nothing is said.
    role: Option<Invited>,
    /// As a partner of the office; they need a partner profile.
    #[serde(default)]
    is_partner: bool,
}

/// Who was invited.
#[derive(Serialize, ToSchema)]
#[schema(as = InvitedPerson)]
struct Asked {
    /// The person.
    user_id: UserId,
}

/// Invites somebody to an appointment; they are told. For the office.
#[utoipa::path(post, path = "/appointments/{id}/participants", tag = "notary agenda", security(("bearer" = [])),
    request_body = Invitation, params(("id" = uuid::Uuid, Path, description = "The appointment")),
    responses((status = 201, description = "Who was invited", body = Asked),
        (status = 403, description = "`not_for_you`: this is for the office"),
        (status = 409, description = "`already_invited`, `too_many_participants`, `not_in_this_state`"),
        (status = 422, description = "`unknown_person`: nobody has verified this address; `no_partner`; or the body is wrong")))]
async fn invite(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<AppointmentId>,
    Keyed { body, request }: Keyed<Invitation>,
) -> Answer {
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let mut checks = Checks::default();
    let email = checks.email("/email", &body.email);
    checks.done()?;
    let mut tx = state.db.begin("notary.participants.invite").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let found = locked_by_office(&mut tx, &principal, id).await?;
    let user = users::of_proven_address(&mut tx, &email).await?;
    let user = user.ok_or_else(|| Problem::rule("unknown_person", "nobody has verified this address"))?;
    let role = if matches!(body.role, Some(Invited::Optional)) { Role::Optional } else { Role::Invited };
    let told =
        participants::invite(&mut tx, &found, (user, role, body.is_partner), principal.user, now).await?;
    tell(&state.jobs, &mut tx, &told, now).await?;
    let details = serde_json::json!({ "person": user });
    Teller { principal: &principal, client }.of(&state, &mut tx, "appointment.invite", id, details).await?;
    let outcome =
        Outcome::created(format!("/api/v1/appointments/{id}/participants"), &Asked { user_id: user })?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

/// Takes an invitation back. For the office.
#[utoipa::path(delete, path = "/appointments/{id}/participants/{user}", tag = "notary agenda", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The appointment"), ("user" = uuid::Uuid, Path, description = "The person")),
    responses((status = 204, description = "Taken back"), (status = 403, description = "`not_for_you`: this is for the office")))]
async fn remove(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path((id, user)): Path<(AppointmentId, UserId)>,
) -> Answer {
    let mut tx = state.db.begin("notary.participants.remove").await?;
    let found = locked_by_office(&mut tx, &principal, id).await?;
    if !participants::remove(&mut tx, &found, user).await? {
        return Err(Problem::not_found("participant"));
    }
    let details = serde_json::json!({ "person": user });
    Teller { principal: &principal, client }.of(&state, &mut tx, "appointment.uninvite", id, details).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What somebody says to an invitation.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InvitationAnswer)]
enum Reply {
    /// They come.
    Accept,
    /// They do not.
    Decline,
    /// They may.
    Hesitate,
}

/// An answer to an invitation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AnswerInvitation)]
struct Reaction {
    /// Whether they come.
    answer: Reply,
    /// Said with it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: String,
}

/// Answers an invitation of one's own. Who has agreed to another appointment at this time cannot accept.
#[utoipa::path(put, path = "/appointments/{id}/answer", tag = "notary agenda", security(("bearer" = [])),
    request_body = Reaction, params(("id" = uuid::Uuid, Path, description = "The appointment")),
    responses((status = 204, description = "Answered"),
        (status = 409, description = "`time_conflict`; `not_in_this_state`: it has ended, or this was the answer already")))]
async fn answer(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<AppointmentId>,
    Json(body): Json<Reaction>,
) -> Answer {
    let now = state.clock.now();
    let mut checks = Checks::default();
    let note = checks.text("/note", &body.note, 0..=1000).to_owned();
    checks.done()?;
    let event = match body.answer {
        Reply::Accept => Event::Accept,
        Reply::Decline => Event::Decline,
        Reply::Hesitate => Event::Hesitate,
    };
    let mut tx = state.db.begin("notary.participants.answer").await?;
    let found = locked(&mut tx, &principal, id).await?;
    let told = participants::answer(&mut tx, &found, principal.user, (event, &note), now).await?;
    let told = told.ok_or_else(|| Problem::not_found("invitation"))?;
    tell(&state.jobs, &mut tx, &told, now).await?;
    let details = serde_json::json!({ "answer": event });
    Teller { principal: &principal, client }.of(&state, &mut tx, "appointment.answer", id, details).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
