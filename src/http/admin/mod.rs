//! What administrators see and do, under `/admin/api`. Every route asks for the role; every action asks for a reason and
//! is written into the journal before it is carried out.

mod actors;
mod journal;
mod orders;
mod restarts;

use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

/// The descriptions. Written apart from the routes, because paths of actors contain slashes and OpenAPI knows no
/// wildcard: `{path}` may be sent with its slashes as they are, or as `%2F`.
#[derive(OpenApi)]
#[openapi(paths(
    actors::tree,
    actors::stream,
    actors::actor,
    orders::restart,
    orders::suspend,
    orders::resume,
    orders::crash,
    restarts::list,
    journal::list
))]
struct Description;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Description::openapi())
        .route("/admin/api/actors", get(actors::tree))
        .route("/admin/api/actors/stream", get(actors::stream))
        .route("/admin/api/actors/{*path}", get(actors::actor).post(orders::order))
        .route("/admin/api/restarts", get(restarts::list))
        .route("/admin/api/journal", get(journal::list))
}

/// The router's template of a described path.
pub fn template(described: &str) -> &str {
    if described.starts_with("/admin/api/actors/{path}") { "/admin/api/actors/{*path}" } else { described }
}
