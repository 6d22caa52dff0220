//! Processes that run jobs.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::{
        auth::AdminUser,
        extract::{Json, Path},
        problem::{Answer, Problem},
        state::AppState,
    },
    jobs::inspect::{self, Node, Patience},
};

/// All processes.
#[derive(Serialize, ToSchema)]
#[schema(as = JobNodes)]
struct Nodes {
    /// Those that are heard first, then those that are gone, for an hour.
    data: Vec<Node>,
}

/// Lists the processes that run jobs: their beat, their kinds, what they run.
#[utoipa::path(get, path = "/admin/api/nodes", tag = "admin", security(("bearer" = [])),
    responses((status = 200, description = "Every process", body = Nodes),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn list(State(state): State<AppState>, _: AdminUser) -> Answer {
    let mut tx = state.db.begin_admin("admin.jobs.nodes").await?;
    let data = inspect::nodes(&mut tx, Patience::of(&state.config.jobs)).await?;
    tx.rollback().await?;
    Ok(Json(Nodes { data }).into_response())
}

/// Shows one process.
#[utoipa::path(get, path = "/admin/api/nodes/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The number of its boot")),
    responses((status = 200, description = "The process", body = Node),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn show(State(state): State<AppState>, _: AdminUser, Path(id): Path<i64>) -> Answer {
    let mut tx = state.db.begin_admin("admin.jobs.node").await?;
    let found = inspect::node(&mut tx, id, Patience::of(&state.config.jobs)).await?;
    tx.rollback().await?;
    let node = found.ok_or_else(|| Problem::not_found("node"))?;
    Ok::<Response, _>(Json(node).into_response())
}
