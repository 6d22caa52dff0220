//! The ledger of restarts: what went down, why, what it cost, and how long it took to come back.

use axum::{extract::State, response::IntoResponse};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    actors::kernel::{Exit, Registry},
    http::{
        auth::AdminUser,
        extract::{Json, Query},
        problem::Answer,
    },
};

/// Which restarts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// Only those from then on.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
}

/// One end of one actor.
#[derive(serde::Serialize, ToSchema)]
struct Restart {
    /// Which actor.
    path: String,
    /// What happened.
    #[serde(flatten)]
    exit: Exit,
}

/// The ledger.
#[derive(serde::Serialize, ToSchema)]
struct Ledger {
    /// Newest first; the last 32 of each actor.
    data: Vec<Restart>,
}

/// Shows what went down, why, what was lost, and how long it took to recover.
#[utoipa::path(get, path = "/admin/api/restarts", tag = "admin", security(("bearer" = [])), params(Since),
    responses((status = 200, description = "The ledger", body = Ledger),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn list(
    State(registry): State<Registry>,
    _: AdminUser,
    Query(Since { since }): Query<Since>,
) -> Answer {
    let cells = registry.cells();
    let exits = cells
        .iter()
        .flat_map(|cell| cell.exits().into_iter().map(|exit| Restart { path: cell.path.clone(), exit }));
    let mut data: Vec<Restart> =
        exits.filter(|restart| since.is_none_or(|since| restart.exit.at >= since)).collect();
    data.sort_by_key(|restart| std::cmp::Reverse(restart.exit.at));
    Ok(Json(Ledger { data }).into_response())
}
