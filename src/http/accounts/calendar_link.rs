//! The secret link to one's own calendar.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    accounts::calendar_links,
    http::{
        auth::CurrentUser,
        extract::Json,
        problem::{Answer, Problem},
        state::AppState,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, replace, revoke))
}

/// A new link.
#[derive(serde::Serialize, ToSchema)]
struct NewLink {
    /// For the calendar program. Whoever has it can read the bookings and appointments; it is shown this once.
    url: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Makes the secret link to the calendar of one's bookings and appointments; the one before is revoked. A repetition makes another one.
#[utoipa::path(put, path = "/me/calendar-link", tag = "calendars", security(("bearer" = [])),
    responses((status = 200, description = "The link, shown once", body = NewLink)))]
async fn replace(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let now = state.clock.now();
    let mut tx = state.db.begin("accounts.calendar_link").await?;
    let token = calendar_links::replace(&mut tx, principal.user, now).await?;
    tx.commit().await?;
    let url = format!("{}/api/v1/me/calendar.ics?token={}", state.config.server.base_url(), token.expose());
    Ok(Json(NewLink { url, created_at: now }).into_response())
}

/// A link, without its secret.
#[derive(serde::Serialize, ToSchema)]
struct Link {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Shows since when one has a calendar link; the secret itself is not kept.
#[utoipa::path(get, path = "/me/calendar-link", tag = "calendars", security(("bearer" = [])),
    responses((status = 200, description = "There is one", body = Link), (status = 404, description = "There is none")))]
async fn show(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let since = calendar_links::since(&state.db, principal.user).await?;
    let created_at = since.ok_or_else(|| Problem::not_found("calendar link"))?;
    Ok(Json(Link { created_at }).into_response())
}

/// Revokes the calendar link.
#[utoipa::path(delete, path = "/me/calendar-link", tag = "calendars", security(("bearer" = [])),
    responses((status = 204, description = "Revoked, now or before")))]
async fn revoke(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer<Response> {
    let mut tx = state.db.begin("accounts.calendar_link").await?;
    calendar_links::revoke(&mut tx, principal.user).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
