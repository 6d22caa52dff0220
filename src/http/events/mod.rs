//! The events desk over HTTP.

mod bookings;
mod catalogue;
mod hosted;
mod hosting;
mod payments;
mod warmer;

pub use warmer::warmer;

use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

/// The routes, under `/api/v1`.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(catalogue::routes())
        .merge(bookings::routes())
        .merge(payments::routes())
        .merge(hosting::routes())
        .merge(hosted::routes())
}
