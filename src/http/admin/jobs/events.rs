//! What happens to jobs, as it happens.

use axum::{extract::State, response::Response};

use crate::{
    actors::ops::console::Console,
    http::{admin::actors, auth::AdminUser, openapi::ServerSentEvent, problem::Answer},
};

/// Streams what happens to jobs as server-sent events (`event: jobs`): four times a second, the last change of each job
/// that this server enqueued, started, ended or changed by order; `more` counts the jobs of which nothing more is told.
/// The stream ends after `ops.sse_life`, or when the viewer is too slow.
#[utoipa::path(get, path = "/admin/api/jobs/events", tag = "admin", security(("bearer" = [])),
    responses((status = 200, description = "Events; the data of each is a `JobChanges`", body = ServerSentEvent, content_type = "text/event-stream"),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn events(State(console): State<Console>, _: AdminUser) -> Answer<Response> {
    let events = console.hub.watch_jobs().await.map_err(actors::unwatchable)?;
    Ok(actors::event_stream(events))
}
