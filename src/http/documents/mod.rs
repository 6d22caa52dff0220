//! Documents over HTTP: sending files (whole, or by tus in pieces), reading them, what is known of them, and who
//! else may do what with them.

mod content;
mod desk;
mod form;
mod library;
mod links;
mod opened;
mod permissions;
mod range;
mod receive;
mod sending;
mod time_stamps;
mod told;
mod tus;
mod uploads;

pub(super) use content::{DocumentContent, PRIVATE, serve};
pub use desk::{Desk, RECEIVING_MAX};
pub(super) use form::{file_name, open, text, within, wrong};
pub use opened::shown_path;
pub(super) use receive::Received;
pub(super) use sending::forget;

use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

/// The routes, under `/api/v1`.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(library::routes())
        .merge(sending::routes())
        .merge(content::routes())
        .merge(uploads::routes())
        .merge(permissions::routes())
        .merge(links::routes())
        .merge(time_stamps::routes())
}

/// The route of links, at the root: whoever has one knows nothing of the API.
pub fn open_routes() -> OpenApiRouter<AppState> {
    opened::routes()
}
