//! Favourites. Rules and SQL live in [`crate::events::favourites`].

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use jiff::Timestamp;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    events::favourites::{self, Added, Favourite},
    http::{
        auth::CurrentUser,
        extract::Path,
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::EventId,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(add, remove)).routes(routes!(list))
}

/// Keeps an event among one's favourites.
#[utoipa::path(put, path = "/events/{slug}/favourite", tag = "favourites", security(("bearer" = [])),
    params(("slug" = String, Path, description = "The event's name in URLs")),
    responses((status = 204, description = "Kept, now or before"),
        (status = 409, description = "`event_withdrawn`: nobody finds it any more")))]
async fn add(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(slug): Path<String>,
) -> Answer {
    let mut tx = state.db.begin("events.favourite").await?;
    match favourites::add(&mut tx, principal.user, &slug, state.clock.now()).await? {
        Added::Kept => {}
        Added::NoSuchEvent => return Err(Problem::not_found("event")),
        Added::Withdrawn => {
            return Err(Problem::conflict(
                "event_withdrawn",
                "the event was withdrawn: nobody finds it any more",
            ));
        }
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Removes an event from one's favourites.
#[utoipa::path(delete, path = "/events/{slug}/favourite", tag = "favourites", security(("bearer" = [])),
    params(("slug" = String, Path, description = "The event's name in URLs")),
    responses((status = 204, description = "Removed, now or before")))]
async fn remove(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(slug): Path<String>,
) -> Answer {
    let mut tx = state.db.begin("events.unfavourite").await?;
    if !favourites::remove(&mut tx, principal.user, &slug).await? {
        return Err(Problem::not_found("event"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lists one's favourites, latest first; withdrawn events are left out.
#[utoipa::path(get, path = "/me/favourites", tag = "favourites", security(("bearer" = [])), params(PageParameters),
    responses((status = 200, description = "A page of events", body = Page<Favourite>)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    list: Listing<NoFilters, (Timestamp, EventId)>,
) -> Answer {
    let found = favourites::list(&state.db, principal.user, list.after, list.fetch()).await?;
    Ok(list.answer(found, |kept| (kept.favourite_since, kept.id), |kept| kept))
}
