//! Calendars of events and bookings. Rules and SQL live in [`crate::events::calendar`].

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue},
    routing::get,
};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    calendar::calendar,
    events::calendar as entries,
    http::{
        auth::MaybeUser,
        calendars::{PRIVATE, Secret, answer, owner, since},
        extract::{Path, Query},
        problem::{Answer, Problem},
        state::AppState,
    },
    mail::Language,
};

/// An event seldom changes.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=300");

#[derive(OpenApi)]
#[openapi(paths(event_described))]
struct Description;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    // Where the front sends `/events/{slug}.ics`: axum's router knows no endings.
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(bookings))
        .route("/events/{slug}/ics", get(event))
}

/// The event as a calendar entry; a withdrawn one is `CANCELLED`.
#[utoipa::path(get, path = "/events/{slug}.ics", tag = "calendars",
    params(("slug" = String, Path, description = "The event's name in URLs"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that is known")),
    responses((status = 200, description = "The calendar (RFC 5545), with its ETag", body = String,
            content_type = "text/calendar"),
        (status = 304, description = "The calendar that is known has not changed")))]
#[expect(dead_code, reason = "a description; `event` is the handler")]
fn event_described() {}

async fn event(State(state): State<AppState>, Path(slug): Path<String>, headers: HeaderMap) -> Answer {
    let text = entries::of_event(&state.db.public(), &slug, &state.config.server.base_url()).await?;
    Ok(answer(text.ok_or_else(|| Problem::not_found("event"))?, PUBLIC, &headers))
}

/// One's bookings as a calendar: those of the last year and all that come, cancelled ones as `CANCELLED`.
#[utoipa::path(get, path = "/me/bookings.ics", tag = "calendars", security((), ("bearer" = [])),
    params(Secret, ("If-None-Match" = Option<String>, Header, description = "The ETag that is known")),
    responses((status = 200, description = "The calendar (RFC 5545), with its ETag", body = String,
            content_type = "text/calendar"),
        (status = 304, description = "The calendar that is known has not changed")))]
async fn bookings(
    State(state): State<AppState>,
    Query(secret): Query<Secret>,
    reader: MaybeUser,
    headers: HeaderMap,
) -> Answer {
    let owner = owner(&state, secret, reader).await?;
    let base = state.config.server.base_url();
    let entries = entries::of_bookings(&state.db, owner, since(&state), &base).await?;
    let name = match owner.1 {
        Language::It => "Le mie prenotazioni",
        Language::En => "My bookings",
    };
    Ok(answer(calendar(name, &entries), PRIVATE, &headers))
}
