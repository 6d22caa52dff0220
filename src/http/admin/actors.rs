//! The actors, from inside.

use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::{
    actors::{
        core::figures::{Figures, Tree},
        kernel::CallError,
        ops::{console::Console, hub::WatchError},
    },
    http::{
        auth::AdminUser,
        extract::{Json, Path},
        openapi::ServerSentEvent,
        problem::{Answer, Problem, SOON},
        sse,
    },
};

pub(super) fn unavailable(error: CallError) -> Problem {
    Problem::unavailable(SOON).because(error)
}

/// Shows the whole tree: every actor with its mailbox, times, restarts and view.
#[utoipa::path(get, path = "/admin/api/actors", tag = "admin", security(("bearer" = [])),
    responses((status = 200, description = "Every actor", body = Tree),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn tree(State(console): State<Console>, _: AdminUser) -> Answer {
    Ok(Json(console.introspection.tree().await.map_err(unavailable)?).into_response())
}

/// One actor and its last minutes.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = ActorDetail)]
struct Detail {
    /// The actor now.
    #[serde(flatten)]
    figures: Figures,
    /// Once a second, oldest first, over `actors.history`.
    history: History,
}

/// What the meter remembers of an actor.
#[derive(Default, serde::Serialize, ToSchema)]
struct History {
    /// Seconds between two values.
    every_s: u32,
    /// Messages waiting or in hand.
    depth: Vec<u32>,
    /// Messages handled per second.
    rate: Vec<f32>,
    /// Share of the time spent in handlers, in percent.
    busy_pct: Vec<f32>,
}

/// Shows one actor, and its history.
#[utoipa::path(get, path = "/admin/api/actors/{path}", tag = "admin", security(("bearer" = [])),
    params(("path" = String, Path, description = "For example `root/data/pool`; slashes as they are or as %2F")),
    responses((status = 200, description = "The actor", body = Detail),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn actor(State(console): State<Console>, _: AdminUser, Path(path): Path<String>) -> Answer {
    let figures = console.introspection.actor(&path).await.map_err(unavailable)?;
    let figures = figures.ok_or_else(|| Problem::not_found("actor"))?;
    let mut history = History { every_s: 1, ..History::default() };
    for reading in console.meter.history(&path) {
        history.depth.push(reading.depth);
        history.rate.push(reading.rate);
        history.busy_pct.push(reading.busy_pct);
    }
    Ok(Json(Detail { figures, history }).into_response())
}

/// Streams the tree once a second as server-sent events (`event: tree`, the data as of the list above). The stream ends
/// after `ops.sse_life`, with the access token's life, or when the viewer is too slow; reconnect then.
#[utoipa::path(get, path = "/admin/api/actors/stream", tag = "admin", security(("bearer" = [])),
    responses((status = 200, description = "Events", body = ServerSentEvent, content_type = "text/event-stream"),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn stream(State(console): State<Console>, _: AdminUser) -> Answer {
    Ok(event_stream(console.hub.watch().await.map_err(unwatchable)?))
}

/// Why nobody may watch.
pub(super) fn unwatchable(error: WatchError) -> Problem {
    match error {
        WatchError::Full => Problem::unavailable(SOON * 5).because(error),
        WatchError::Down => Problem::unavailable(SOON).because(error),
    }
}

/// Events of the hub, as they come.
pub(super) fn event_stream(events: mpsc::Receiver<Bytes>) -> Response {
    sse::response(futures_util::stream::unfold(events, |mut events| async {
        let event = events.recv().await?;
        Some((event, events))
    }))
}
