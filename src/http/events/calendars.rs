//! Calendars for calendar programs. Rules, SQL and the format live in [`crate::events::calendar`].

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::ToSpan;
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::catalogue::today;
use crate::{
    accounts::{calendar_links, users},
    events::calendar,
    http::{
        auth::MaybeUser,
        conditional::{ETag, none_match_names, not_modified},
        extract::{Path, Query},
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
    },
};

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/calendar; charset=utf-8");
/// An event seldom changes.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=300");
/// Kept by its owner's program only, and asked about each time.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Bookings of the last year stay in the calendar.
const YEARS_BACK: i32 = 1;

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
    let text = calendar::of_event(&state.db.public(), &slug, &state.config.server.base_url()).await?;
    Ok(answer(text.ok_or_else(|| Problem::not_found("event"))?, PUBLIC, &headers))
}

/// Who asks for a calendar.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Secret {
    /// The secret of one's calendar link, for programs that cannot send an access token.
    token: Option<String>,
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
    MaybeUser(reader): MaybeUser,
    headers: HeaderMap,
) -> Answer {
    let (user, language) = match (secret.token, reader) {
        (Some(token), _) => {
            let owner = calendar_links::owner(&state.db, &token).await?;
            owner.ok_or_else(|| Problem::invalid_token("the calendar link is unknown or was revoked"))?
        }
        (None, Some(reader)) => {
            let user = users::find(&state.db, reader.user).await?;
            let user = user.ok_or_else(|| Problem::not_found("account"))?;
            (user.id, user.language)
        }
        (None, None) => return Err(Problem::unauthenticated()),
    };
    let since = today(&state).saturating_sub(YEARS_BACK.years());
    let base = state.config.server.base_url();
    let text = calendar::of_bookings(&state.db, user, language, since, &base).await?;
    Ok(answer(text, PRIVATE, &headers))
}

/// 304 if the client has these bytes, in whatever coding the front gave them.
fn answer(text: String, cache_control: HeaderValue, headers: &HeaderMap) -> Response {
    let etag = ETag::of_bytes(text.as_bytes());
    let known = Coding::ALL.map(|coding| etag.header(coding));
    if let Some(known) = known.into_iter().find(|known| none_match_names(headers, known)) {
        return not_modified(known, cache_control);
    }
    let described = [
        (header::CONTENT_TYPE, CONTENT_TYPE),
        (header::CACHE_CONTROL, cache_control),
        (header::ETAG, etag.header(Coding::Identity)),
    ];
    (described, Bytes::from(text)).into_response()
}
