//! Tickets as PDF. What stands on them: [`crate::events::ticket`].

use axum::{extract::State, http::HeaderMap};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    events::{booking, ticket},
    http::{
        auth::CurrentUser,
        extract::Path,
        paper::{self, Paper},
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::BookingId,
    mail::Language,
    pdf::Rendering as _,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// The tickets of one of one's bookings as PDF, in one's language: what, when and where, and the code as a picture for the door.
#[utoipa::path(get, path = "/bookings/{id}/ticket.pdf", tag = "bookings", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The booking"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that is known")),
    responses((status = 200, description = "The ticket; `Repr-Digest` has its SHA-256", body = inline(Paper),
            content_type = "application/pdf"),
        (status = 304, description = "The ticket that is known has not changed"),
        (status = 409, description = "`not_confirmed`: there is no ticket before it is paid, and none of what was given back")))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<BookingId>,
    headers: HeaderMap,
) -> Answer {
    let missing = || Problem::not_found("booking");
    let booking = booking::find(&state.db, id, principal.user).await?.ok_or_else(missing)?;
    let (_, contact) = booking::contact(&state.db, id).await?.ok_or_else(missing)?;
    let language = Language::of(&contact.language);
    let document = ticket::document(&booking, &contact, language)
        .filter(|_| booking.status.has_ticket())
        .ok_or_else(|| Problem::conflict("not_confirmed", "there is no ticket of this booking"))?;
    let pdf = state.renderer.render(document).await.map_err(paper::as_problem)?;
    Ok(paper::answer(pdf, "ticket.pdf", &headers))
}
