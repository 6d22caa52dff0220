//! Accounts over HTTP.

mod auth;
mod calendar_link;
mod me;
mod users;

use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

/// The routes, under `/api/v1`.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(auth::routes()).merge(me::routes()).merge(calendar_link::routes()).merge(users::routes())
}
