//! Looking at schedules and at what was decided about their ticks.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    db::Db,
    http::{
        auth::AdminUser,
        conditional::ETag,
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        negotiate::Coding,
        problem::{Answer, Problem},
    },
    jobs::{
        schedules::{Source, View},
        store::cron::{self, Fire, FireOutcome},
    },
};

/// Which schedules.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CronFilters {
    /// Only those of the program, or of administrators.
    source: Option<Source>,
    /// Only those that are paused, or are not.
    paused: Option<bool>,
    /// Only those of this kind of job.
    kind: Option<String>,
}

/// Lists schedules by name, with how they stand.
#[utoipa::path(get, path = "/admin/api/cron", tag = "cron", security(("bearer" = [])),
    params(CronFilters, PageParameters),
    responses((status = 200, description = "A page of schedules", body = Page<View>),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn list(State(db): State<Db>, _: AdminUser, list: Listing<CronFilters, String>) -> Answer {
    let CronFilters { source, paused, kind } = &list.filters;
    let filter = cron::Filter { source: *source, paused: *paused, kind: kind.clone() };
    let mut tx = db.begin("admin.cron.list").await?;
    let found = cron::list(&mut tx, &filter, list.after.as_deref(), list.fetch()).await?;
    tx.rollback().await?;
    Ok(list.answer(found, |it| it.definition.key.clone(), View::from))
}

/// Shows a schedule, with how it stands.
#[utoipa::path(get, path = "/admin/api/cron/{key}", tag = "cron", security(("bearer" = [])),
    params(("key" = String, Path, description = "The schedule's name")),
    responses((status = 200, description = "The schedule, with its ETag", body = View),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn show(State(db): State<Db>, _: AdminUser, Path(key): Path<String>) -> Answer {
    let mut tx = db.begin("admin.cron.show").await?;
    let found = cron::find(&mut tx, &key).await?;
    tx.rollback().await?;
    Ok(tagged(found.ok_or_else(no_schedule)?.into()))
}

/// Which decisions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FireFilters {
    /// Only with this outcome.
    outcome: Option<FireOutcome>,
}

/// Lists what was decided about the ticks of a schedule, and why, the newest first.
#[utoipa::path(get, path = "/admin/api/cron/{key}/fires", tag = "cron", security(("bearer" = [])),
    params(("key" = String, Path, description = "The schedule's name"), FireFilters, PageParameters),
    responses((status = 200, description = "A page of decisions", body = Page<Fire>),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn fires(
    State(db): State<Db>,
    _: AdminUser,
    Path(key): Path<String>,
    list: Listing<FireFilters, Timestamp>,
) -> Answer {
    let mut tx = db.begin("admin.cron.fires").await?;
    cron::find(&mut tx, &key).await?.ok_or_else(no_schedule)?;
    let found = cron::fires(&mut tx, &key, list.filters.outcome, list.after, list.fetch()).await?;
    tx.rollback().await?;
    Ok(list.answer(found, |it| it.fire_at, |it| it))
}

pub(super) fn no_schedule() -> Problem {
    Problem::not_found("schedule")
}

/// The schedule with the tag of its version.
pub(super) fn tagged(view: View) -> Response {
    let etag = tag(&view);
    ([(header::ETAG, etag)], Json(view)).into_response()
}

/// Ticks change what is shown, people change the version.
pub(super) fn tag(view: &View) -> axum::http::HeaderValue {
    let shown = serde_json::to_vec(view).unwrap_or_default();
    ETag::of_version_and_bytes(view.version, &shown).header(Coding::Identity)
}
