//! What handlers of calendars share, and the calendar of everything where a person is expected.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, ToSpan as _, civil::Date, tz::TimeZone};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::MaybeUser,
    conditional::{ETag, none_match_names, not_modified},
    extract::Query,
    negotiate::Coding,
    problem::{Answer, Problem},
    state::AppState,
};
use crate::{
    accounts::{calendar_links, users},
    calendar::calendar,
    events,
    ids::UserId,
    mail::Language,
    notary::agenda,
};

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/calendar; charset=utf-8");
/// Kept by its owner's program only, and asked about each time.
pub(super) const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// What was within a year stays in the calendar.
const YEARS_BACK: i32 = 1;
/// Of an office's agenda, what was within a season: it is full.
const AGENDA_BACK: SignedDuration = SignedDuration::from_hours(24 * 90);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(everything))
}

/// Who asks for a calendar.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Secret {
    /// The secret of one's calendar link, for programs that cannot send an access token.
    token: Option<String>,
}

/// Whose calendar is asked for: by the secret link, or who is logged in.
pub(super) async fn owner(
    state: &AppState,
    secret: Secret,
    reader: MaybeUser,
) -> Result<(UserId, Language), Problem> {
    match (secret.token, reader.0) {
        (Some(token), _) => {
            let owner = calendar_links::owner(&state.db, &token).await?;
            owner.ok_or_else(|| Problem::invalid_token("the calendar link is unknown or was revoked"))
        }
        (None, Some(reader)) => {
            let user = users::find(&state.db, reader.user).await?;
            let user = user.ok_or_else(|| Problem::not_found("account"))?;
            Ok((user.id, user.language))
        }
        (None, None) => Err(Problem::unauthenticated()),
    }
}

/// The first day of what stays in a calendar, in UTC.
pub(super) fn since(state: &AppState) -> Date {
    state.clock.now().to_zoned(TimeZone::UTC).date().saturating_sub(YEARS_BACK.years())
}

/// Everything where one is expected, as a calendar: bookings, appointments and invitations of the last year and all that
/// come; for who keeps an office's agenda, that too. What was cancelled is `CANCELLED`.
#[utoipa::path(get, path = "/me/calendar.ics", tag = "calendars", security((), ("bearer" = [])),
    params(Secret, ("If-None-Match" = Option<String>, Header, description = "The ETag that is known")),
    responses((status = 200, description = "The calendar (RFC 5545), with its ETag", body = String,
            content_type = "text/calendar"),
        (status = 304, description = "The calendar that is known has not changed")))]
async fn everything(
    State(state): State<AppState>,
    Query(secret): Query<Secret>,
    reader: MaybeUser,
    headers: HeaderMap,
) -> Answer {
    let owner = owner(&state, secret, reader).await?;
    let (now, day, base) = (state.clock.now(), since(&state), state.config.server.base_url());
    let start = day.to_zoned(TimeZone::UTC).map_or(now, |day| day.timestamp());
    let seasons = (start, now.checked_sub(AGENDA_BACK).unwrap_or(start));
    let mut entries = events::calendar::of_bookings(&state.db, owner, day, &base).await?;
    entries.extend(agenda::calendar::of_person(&state.db, owner, seasons, &base).await?);
    let name = match owner.1 {
        Language::It => "I miei impegni",
        Language::En => "My calendar",
    };
    Ok(answer(calendar(name, &entries), PRIVATE, &headers))
}

/// 304 if the client has these bytes, in whatever coding the front gave them.
pub(super) fn answer(text: String, cache_control: HeaderValue, headers: &HeaderMap) -> Response {
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
