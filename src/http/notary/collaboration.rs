//! The office where one works, or is invited to work, for collaborators.

use axum::{extract::State, http::StatusCode, response::IntoResponse as _};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{collaborators::tagged, told::entry};
use crate::{
    audit,
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        extract::Json,
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::NotaryId,
    notary::collaborators::{self, Collaborator},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, leave)).routes(routes!(agree))
}

/// Shows where one works, or is invited to work, and what one may do there.
#[utoipa::path(get, path = "/me/collaboration", tag = "notary", security(("bearer" = [])),
    responses((status = 200, description = "The collaboration; `agreed_at` is null while it is an invitation", body = Collaborator),
        (status = 404, description = "There is none")))]
async fn show(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let found = collaborators::of_person(&state.db, principal.user).await?;
    Ok(tagged(found.ok_or_else(|| Problem::not_found("collaboration"))?))
}

/// Which invitation is agreed to: another office may have invited meanwhile.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AgreeToCollaborate)]
struct Agree {
    /// The office.
    notary_id: NotaryId,
}

/// Agrees to work in an office that has invited one. To agree again changes nothing.
#[utoipa::path(post, path = "/me/collaboration/agree", tag = "notary", security(("bearer" = [])), request_body = Agree,
    responses((status = 200, description = "The collaboration", body = Collaborator),
        (status = 404, description = "There is no invitation of this office any more")))]
async fn agree(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Json(body): Json<Agree>,
) -> Answer {
    let mut tx = state.db.begin("notary.agree_to_collaborate").await?;
    let agreed = collaborators::agree(&mut tx, principal.user, body.notary_id, state.clock.now()).await?;
    let agreed = agreed.ok_or_else(|| Problem::not_found("invitation"))?;
    let told = entry(&state, (&principal, client), "collaborator.agree", ("office", agreed.notary_id));
    audit::record(&mut tx, &[told]).await?;
    tx.commit().await?;
    Ok(tagged(agreed))
}

/// Leaves the office, or declines its invitation.
#[utoipa::path(delete, path = "/me/collaboration", tag = "notary", security(("bearer" = [])),
    responses((status = 204, description = "One works in no office")))]
async fn leave(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
) -> Answer {
    let mut tx = state.db.begin("notary.leave_office").await?;
    if let Some(office) = collaborators::leave(&mut tx, principal.user).await? {
        let told = entry(&state, (&principal, client), "collaborator.leave", ("office", office));
        audit::record(&mut tx, &[told]).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
