//! What jobs need besides the database, as this node sees it.

use axum::{extract::State, response::IntoResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::{auth::AdminUser, extract::Json, problem::Answer, state::AppState},
    jobs::breaker::View,
};

/// All of them.
#[derive(Serialize, ToSchema)]
#[schema(as = JobDependencies)]
struct Dependencies {
    /// In a fixed order.
    data: Vec<Needed>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
#[schema(as = NeededDependency)]
struct Needed {
    /// How it is.
    #[serde(flatten)]
    view: View,
    /// The kinds that wait while it is away.
    kinds: Vec<&'static str>,
}

/// Lists what jobs need besides the database, whether it is away on this node, and which kinds wait for it.
#[utoipa::path(get, path = "/admin/api/dependencies", tag = "admin", security(("bearer" = [])),
    responses((status = 200, description = "Every dependency", body = Dependencies),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn list(State(state): State<AppState>, _: AdminUser) -> Answer {
    let kinds = |dependency| {
        let kinds = state.jobs.registry().kinds().filter(|kind| kind.needs.contains(&dependency));
        kinds.map(|kind| kind.name).collect()
    };
    let views = state.breakers.views().into_iter();
    let data = views.map(|view| Needed { kinds: kinds(view.dependency), view }).collect();
    Ok(Json(Dependencies { data }).into_response())
}
