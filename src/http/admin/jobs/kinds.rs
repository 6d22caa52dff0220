//! Kinds of jobs.

use axum::{extract::State, response::IntoResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::{auth::AdminUser, extract::Json, problem::Answer, state::AppState},
    jobs::inspect::{self, Kind, Patience},
};

/// All kinds.
#[derive(Serialize, ToSchema)]
#[schema(as = JobKinds)]
struct Kinds {
    /// By name.
    data: Vec<Kind>,
}

/// Lists the kinds of jobs: where they wait, what limits them, whether they are paused, and which processes know them.
#[utoipa::path(get, path = "/admin/api/kinds", tag = "admin", security(("bearer" = [])),
    responses((status = 200, description = "Every kind", body = Kinds),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn list(State(state): State<AppState>, _: AdminUser) -> Answer {
    let mut tx = state.db.begin_admin("admin.jobs.kinds").await?;
    let patience = Patience::of(&state.config.jobs);
    let data = inspect::kinds(&mut tx, state.jobs.registry(), patience).await?;
    tx.rollback().await?;
    Ok(Json(Kinds { data }).into_response())
}
