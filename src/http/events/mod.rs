//! The events desk over HTTP.

mod bookings;
mod calendars;
mod catalogue;
mod favourites;
mod hosted;
mod hosting;
mod images;
mod moderation;
mod payments;
mod reviews;
mod tickets;
mod warmer;

pub(super) use catalogue::kept_event;
pub(super) use images::unusable;
pub use warmer::warmer;

use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

/// The routes, under `/api/v1`.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(catalogue::routes())
        .merge(tickets::routes())
        .merge(bookings::routes())
        .merge(payments::routes())
        .merge(hosting::routes())
        .merge(hosted::routes())
        .merge(reviews::routes())
        .merge(moderation::routes())
        .merge(favourites::routes())
        .merge(calendars::routes())
        .merge(images::routes())
}
