//! The clinic where one works, or is invited to work.

use axum::{extract::State, http::StatusCode, response::IntoResponse as _};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::members::tagged;
use crate::{
    audit,
    clinic::{
        clinics,
        members::{self, Member},
    },
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        extract::Json,
        notary::told::entry,
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::ClinicId,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, leave)).routes(routes!(agree))
}

/// Shows in which clinic one works, or is invited to work, and what one may do there.
#[utoipa::path(get, path = "/me/clinic-membership", tag = "clinic", security(("bearer" = [])),
    responses((status = 200, description = "The membership; `agreed_at` is null while it is an invitation", body = Member),
        (status = 404, description = "There is none")))]
async fn show(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let found = members::of_person(&state.db, principal.user).await?;
    Ok(tagged(found.ok_or_else(|| Problem::not_found("membership"))?))
}

/// Which invitation is agreed to: another clinic may have invited meanwhile.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AgreeToWork {
    /// The clinic.
    clinic_id: ClinicId,
}

/// Agrees to work in a clinic that has invited one. To agree again changes nothing.
#[utoipa::path(post, path = "/me/clinic-membership/agree", tag = "clinic", security(("bearer" = [])),
    request_body = AgreeToWork,
    responses((status = 200, description = "The membership", body = Member),
        (status = 404, description = "There is no invitation of this clinic any more")))]
async fn agree(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Json(body): Json<AgreeToWork>,
) -> Answer {
    let mut tx = state.db.begin("clinic.agree").await?;
    let agreed = members::agree(&mut tx, principal.user, body.clinic_id, state.clock.now()).await?;
    let (agreed, is_new) = agreed.ok_or_else(|| Problem::not_found("invitation"))?;
    if is_new {
        let told = entry(&state, (&principal, client), "clinic_member.agree", ("clinic", agreed.clinic_id));
        audit::record(&mut tx, &[told]).await?;
    }
    tx.commit().await?;
    Ok(tagged(agreed))
}

/// Leaves the clinic, or declines its invitation.
#[utoipa::path(delete, path = "/me/clinic-membership", tag = "clinic", security(("bearer" = [])),
    responses((status = 204, description = "One works in no clinic"),
        (status = 409, description = "`last_manager`: nobody else manages the clinic")))]
async fn leave(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
) -> Answer {
    let Some(member) = members::of_person(&state.db, principal.user).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let mut tx = state.db.begin("clinic.leave").await?;
    clinics::lock(&mut tx, member.clinic_id).await?;
    if members::remove(&mut tx, member.clinic_id, principal.user).await? {
        let told = entry(&state, (&principal, client), "clinic_member.leave", ("clinic", member.clinic_id));
        audit::record(&mut tx, &[told]).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
