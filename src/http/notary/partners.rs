//! Partners, for administrators.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{partner_profile::tagged, told::entry};
use crate::{
    audit::{self, Entry},
    http::{
        auth::AdminUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::UserId,
    notary::profiles::partner::{self, Profile},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, verify))
}

/// Which partners.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Verified, or not.
    verified: Option<bool>,
}

/// Lists partners. For administrators.
#[utoipa::path(get, path = "/notary/partners", tag = "notary", security(("bearer" = [])), params(Filter, PageParameters),
    responses((status = 200, description = "A page of partners", body = Page<Profile>),
        (status = 403, description = "Only administrators may do this")))]
async fn list(State(state): State<AppState>, _: AdminUser, list: Listing<Filter, UserId>) -> Answer {
    let found = partner::list(&state.db, list.filters.verified, list.after, list.fetch()).await?;
    Ok(list.answer(found, |partner| partner.user_id, |partner| partner))
}

/// Shows a partner. For administrators.
#[utoipa::path(get, path = "/notary/partners/{user}", tag = "notary", security(("bearer" = [])),
    params(("user" = uuid::Uuid, Path, description = "The partner's account")),
    responses((status = 200, description = "The partner, with its ETag", body = Profile),
        (status = 403, description = "Only administrators may do this")))]
async fn show(State(state): State<AppState>, _: AdminUser, Path(user): Path<UserId>) -> Answer {
    let profile = partner::find(&state.db, user).await?;
    Ok(tagged(StatusCode::OK, profile.ok_or_else(|| Problem::not_found("partner"))?))
}

/// What an administrator has seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerifyPartner)]
struct Verify {
    /// Whether what the partner says is true.
    is_verified: bool,
}

/// Says whether a partner is verified. For administrators.
#[utoipa::path(patch, path = "/notary/partners/{user}", tag = "notary", security(("bearer" = [])), request_body = Verify,
    params(("user" = uuid::Uuid, Path, description = "The partner's account"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The partner, with its ETag", body = Profile),
        (status = 403, description = "Only administrators may do this"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn verify(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    address: ClientAddress,
    Path(user): Path<UserId>,
    if_match: IfMatch,
    Json(body): Json<Verify>,
) -> Answer {
    let had = partner::find(&state.db, user).await?.ok_or_else(|| Problem::not_found("partner"))?;
    if_match.check(&ETag::of_version(had.version))?;
    let mut tx = state.db.begin("notary.verify_partner").await?;
    let changed = partner::verify(&mut tx, (user, had.version), body.is_verified, state.clock.now()).await?;
    let changed = changed.ok_or_else(Problem::precondition_failed)?;
    let told = entry(&state, (&admin, address), "partner.verify", ("account", user));
    let details = serde_json::json!({ "verified": changed.is_verified });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok(tagged(StatusCode::OK, changed))
}
