//! Offices, for administrators: who is a notary, and how many there are.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{own_office::outdated, told::entry};
use crate::{
    audit::{self, Entry},
    http::{
        auth::AdminUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        negotiate::Coding,
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    ids::NotaryId,
    notary::{
        administration::{self, AdminOffice, Filter, Statistics},
        time::today,
    },
};

/// No word that people type is longer.
const QUERY_CHARS_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, verify)).routes(routes!(statistics))
}

pub(super) fn tagged(office: AdminOffice) -> Response {
    let etag = ETag::of_version(office.version).header(Coding::Identity);
    ([(header::ETAG, etag)], Json(office)).into_response()
}

/// Lists offices, newest first. For administrators.
#[utoipa::path(get, path = "/notary/offices", tag = "notary", security(("bearer" = [])), params(Filter, PageParameters),
    responses((status = 200, description = "A page of offices", body = Page<AdminOffice>),
        (status = 403, description = "Only administrators may do this")))]
async fn list(State(state): State<AppState>, _: AdminUser, list: Listing<Filter, NotaryId>) -> Answer {
    if list.filters.q.as_ref().is_some_and(|q| q.chars().count() > QUERY_CHARS_MAX) {
        let error = FieldError::query("q", "too_long", "has more than 200 characters");
        return Err(Problem::invalid_parameters(vec![error]));
    }
    let bounds = (today(state.clock.now()), list.fetch());
    let found = administration::list(&state.db, &list.filters, list.after, bounds).await?;
    Ok(list.answer(found, |office| office.id, |office| office))
}

/// Shows an office. For administrators.
#[utoipa::path(get, path = "/notary/offices/{id}", tag = "notary", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The office")),
    responses((status = 200, description = "The office, with its ETag", body = AdminOffice),
        (status = 403, description = "Only administrators may do this")))]
async fn show(State(state): State<AppState>, _: AdminUser, Path(id): Path<NotaryId>) -> Answer {
    let office = administration::find(&state.db, id, today(state.clock.now())).await?;
    Ok(tagged(office.ok_or_else(|| Problem::not_found("office"))?))
}

/// What an administrator has seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerifyOffice)]
struct Verify {
    /// Whether the notary is one; nobody finds an office that is not verified.
    is_verified: bool,
}

/// Says whether a notary is one. For administrators.
#[utoipa::path(patch, path = "/notary/offices/{id}", tag = "notary", security(("bearer" = [])), request_body = Verify,
    params(("id" = uuid::Uuid, Path, description = "The office"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The office, with its ETag", body = AdminOffice),
        (status = 403, description = "Only administrators may do this"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn verify(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    client: ClientAddress,
    Path(id): Path<NotaryId>,
    if_match: IfMatch,
    Json(body): Json<Verify>,
) -> Answer {
    let now = state.clock.now();
    let today = today(now);
    let had = administration::find(&state.db, id, today).await?;
    let had = had.ok_or_else(|| Problem::not_found("office"))?;
    if_match.check(&ETag::of_version(had.version))?;
    let mut tx = state.db.begin("notary.verify_office").await?;
    let changed = administration::verify(&mut tx, (id, had.version), body.is_verified, (today, now)).await?;
    let changed = changed.ok_or_else(Problem::precondition_failed)?;
    let told = entry(&state, (&admin, client), "office.verify", ("office", id));
    let details = serde_json::json!({ "verified": changed.is_verified, "was_verified": had.is_verified });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    outdated(&state, id);
    Ok(tagged(changed))
}

/// Counts offices by their licences, what these bring in, and appointments. For administrators.
#[utoipa::path(get, path = "/notary/statistics", tag = "notary", security(("bearer" = [])),
    responses((status = 200, description = "The figures of today", body = Statistics),
        (status = 403, description = "Only administrators may do this")))]
async fn statistics(State(state): State<AppState>, _: AdminUser) -> Answer {
    let figures = administration::statistics(&state.db, today(state.clock.now())).await?;
    Ok(Json(figures).into_response())
}
