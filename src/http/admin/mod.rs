//! What administrators see and do, under `/admin/api`. Every route asks for the role; every action asks for a reason and
//! is written into the journal before it is carried out.

mod actors;
mod cron;
mod jobs;
mod journal;
mod orders;
mod queues;
mod restarts;

use axum::{middleware::from_fn, routing::get};
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
        .route(
            WITH_SLASHES,
            get(actors::actor)
                .post(orders::order)
                .fallback(orders::other_method)
                .layer(from_fn(orders::only_described)),
        )
        .route("/admin/api/restarts", get(restarts::list))
        .route("/admin/api/journal", get(journal::list))
        .merge(queues::routes())
        .merge(cron::routes())
        .merge(jobs::routes())
}

/// Where paths of actors are sent with their slashes: routes beside the described ones, with figures of their own.
pub const WITH_SLASHES: &str = "/admin/api/actors/{*path}";
