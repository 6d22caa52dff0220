//! Queues.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::{
        auth::AdminUser,
        conditional::ETag,
        extract::{Json, Path},
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
    },
    jobs::inspect::{self, Queue},
};

/// All queues.
#[derive(Serialize, ToSchema)]
#[schema(as = JobQueues)]
struct Queues {
    /// By name.
    data: Vec<Queue>,
}

async fn read(state: &AppState, name: Option<&str>) -> Result<Vec<Queue>, Problem> {
    let mut tx = state.db.begin_admin("admin.jobs.queues").await?;
    let queues = inspect::queues(&mut tx, name, state.clock.now()).await?;
    tx.rollback().await?;
    Ok(queues)
}

/// Lists the queues: what is in them, their limits, their pace.
#[utoipa::path(get, path = "/admin/api/queues", tag = "admin", security(("bearer" = [])),
    responses((status = 200, description = "Every queue", body = Queues),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn list(State(state): State<AppState>, _: AdminUser) -> Answer {
    Ok(Json(Queues { data: read(&state, None).await? }).into_response())
}

/// Shows one queue, with the ETag for changing it.
#[utoipa::path(get, path = "/admin/api/queues/{name}", tag = "admin", security(("bearer" = [])),
    params(("name" = String, Path, description = "The queue")),
    responses((status = 200, description = "The queue", body = Queue),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn show(State(state): State<AppState>, _: AdminUser, Path(name): Path<String>) -> Answer {
    let queue = read(&state, Some(&name)).await?.pop().ok_or_else(|| Problem::not_found("queue"))?;
    let etag = ETag::of_version(queue.revision).header(Coding::Identity);
    Ok::<Response, _>(([(header::ETAG, etag)], Json(queue)).into_response())
}
