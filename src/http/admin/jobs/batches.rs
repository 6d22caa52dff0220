//! Batches.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        auth::AdminUser,
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
    },
    jobs::inspect::{self, Batch, Filter, Listed},
};

/// With a batch so many of its jobs are shown; the list of jobs with the filter `batch` has all.
const MEMBERS: i64 = 20;

/// Which batches.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filters {
    /// Only those with jobs that have not ended, or only those without.
    open: Option<bool>,
}

/// A batch with its jobs.
#[derive(Serialize, ToSchema)]
#[schema(as = JobBatchDetail)]
struct Detail {
    /// The batch.
    #[serde(flatten)]
    batch: Batch,
    /// Its newest jobs, at most twenty.
    members: Vec<Listed>,
    /// Where all of them are listed.
    jobs: String,
}

/// Lists batches, newest first.
#[utoipa::path(get, path = "/admin/api/batches", tag = "admin", security(("bearer" = [])),
    params(Filters, PageParameters),
    responses((status = 200, description = "A page of batches", body = Page<Batch>),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn list(State(state): State<AppState>, _: AdminUser, list: Listing<Filters, i64>) -> Answer {
    let mut tx = state.db.begin_admin("admin.jobs.batches").await?;
    let found = inspect::batches(&mut tx, list.filters.open, list.after, list.fetch()).await?;
    tx.rollback().await?;
    Ok(list.answer(found, |batch| batch.id.0, |batch| batch))
}

/// Shows one batch with its newest jobs.
#[utoipa::path(get, path = "/admin/api/batches/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The batch")),
    responses((status = 200, description = "The batch", body = Detail),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn show(State(state): State<AppState>, _: AdminUser, Path(id): Path<i64>) -> Answer {
    let mut tx = state.db.begin_admin("admin.jobs.batch").await?;
    let batch = inspect::batch(&mut tx, id).await?;
    let members = Filter { batch: Some(id), ..Filter::default() };
    let members = inspect::list(&mut tx, &members, None, MEMBERS).await?.jobs;
    tx.rollback().await?;
    let batch = batch.ok_or_else(|| Problem::not_found("batch"))?;
    let jobs = format!("/admin/api/jobs?batch={id}");
    Ok::<Response, _>(Json(Detail { batch, members, jobs }).into_response())
}
