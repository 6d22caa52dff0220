//! Jobs, queues, kinds, nodes and batches, for administrators. What is shown and done stands in [`crate::jobs::inspect`].

mod batches;
mod bulk;
mod dependencies;
mod enqueue;
mod events;
mod kinds;
mod list;
mod nodes;
mod orders;
mod queues;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::state::AppState;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, enqueue::enqueue))
        .routes(routes!(events::events))
        .routes(routes!(list::show))
        .routes(routes!(orders::retry))
        .routes(routes!(orders::cancel))
        .routes(routes!(orders::snooze))
        .routes(routes!(orders::priority))
        .routes(routes!(bulk::retry))
        .routes(routes!(bulk::cancel))
        .routes(routes!(bulk::snooze))
        .routes(routes!(bulk::priority))
        .routes(routes!(queues::list))
        .routes(routes!(queues::show))
        .routes(routes!(kinds::list))
        .routes(routes!(dependencies::list))
        .routes(routes!(nodes::list))
        .routes(routes!(nodes::show))
        .routes(routes!(batches::list))
        .routes(routes!(batches::show))
}
