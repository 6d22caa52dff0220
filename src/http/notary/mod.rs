//! The notary desk over HTTP. Rules and SQL: [`crate::notary`].

mod agenda;
mod notifications;
mod office;

use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

/// The routes, under `/api/v1`.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(agenda::routes()).merge(notifications::routes())
}
