//! Documents over HTTP: sending files (whole, or by tus in pieces), reading them, and what is known of them.

mod content;
mod desk;
mod form;
mod library;
mod range;
mod receive;
mod sending;
mod told;
mod tus;
mod uploads;

pub use desk::{Desk, RECEIVING_MAX};

use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

/// The routes, under `/api/v1`.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(library::routes())
        .merge(sending::routes())
        .merge(content::routes())
        .merge(uploads::routes())
}
