//! What other systems (electronic medical records) do with a key: `/clinic/emr/…`. Rules and SQL: [`crate::clinic::emr`].
//!
//! Everything here is also for people who are logged in; a key needs the scopes, and its quota is told in every answer.

mod analyze;
mod batches;
mod read;

use utoipa_axum::router::OpenApiRouter;

use crate::http::state::AppState;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(read::routes()).merge(analyze::routes()).merge(batches::routes())
}
