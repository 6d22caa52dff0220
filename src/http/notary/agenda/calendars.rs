//! Appointments for calendar programs. What stands in them: [`crate::notary::agenda::calendar`].

use axum::{extract::State, http::HeaderMap, routing::get};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    accounts::users,
    http::{
        auth::CurrentUser,
        calendars::{PRIVATE, answer},
        extract::Path,
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::AppointmentId,
    notary::agenda::calendar,
};

#[derive(OpenApi)]
#[openapi(paths(described))]
struct Description;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    // Where the front sends `/appointments/{id}.ics`.
    OpenApiRouter::with_openapi(Description::openapi()).route("/appointments/{id}/ics", get(show))
}

/// An appointment as a calendar entry, for those who see it; a rejected, cancelled or expired one is `CANCELLED`.
#[utoipa::path(get, path = "/appointments/{id}.ics", tag = "calendars", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The appointment"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that is known")),
    responses((status = 200, description = "The calendar (RFC 5545), with its ETag", body = String,
            content_type = "text/calendar"),
        (status = 304, description = "The calendar that is known has not changed")))]
#[expect(dead_code, reason = "a description; `show` is the handler")]
fn described() {}

async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<AppointmentId>,
    headers: HeaderMap,
) -> Answer {
    let user = users::find(&state.db, principal.user).await?.ok_or_else(|| Problem::not_found("account"))?;
    let (reader, base) = ((&principal).into(), state.config.server.base_url());
    let text = calendar::of_appointment(&state.db, reader, user.language, id, &base).await?;
    Ok(answer(text.ok_or_else(|| Problem::not_found("appointment"))?, PRIVATE, &headers))
}
