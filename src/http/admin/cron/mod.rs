//! Schedules over HTTP: look, make, change, pause, run, try. Every change is one transaction with its entry in the journal.

mod changes;
mod orders;
mod preview;
mod shown;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::state::AppState;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(shown::list, changes::create))
        .routes(routes!(shown::show, changes::change, changes::delete))
        .routes(routes!(orders::pause))
        .routes(routes!(orders::resume))
        .routes(routes!(orders::run))
        .routes(routes!(preview::of_schedule))
        .routes(routes!(preview::of_spec))
        .routes(routes!(shown::fires))
}
