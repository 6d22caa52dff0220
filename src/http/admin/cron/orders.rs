//! Orders to schedules: pause, resume, run now.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    changes::{operator, refused},
    shown::tagged,
};
use crate::{
    http::{
        auth::AdminUser,
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    jobs::{
        JobId,
        schedules::{self, View},
    },
};

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CronReason)]
pub(super) struct Reason {
    /// For the journal and the record of decisions.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Reason {
    fn checked(&self) -> Result<&str, Problem> {
        let mut checks = Checks::default();
        let reason = checks.text("/reason", &self.reason, 1..=500);
        checks.done()?;
        Ok(reason)
    }
}

/// Pauses a schedule: its ticks wait, and are not made up for when it goes on. Pausing a paused one takes
/// the new reason.
#[utoipa::path(post, path = "/admin/api/cron/{key}/pause", tag = "cron", security(("bearer" = [])),
    request_body = Reason, params(("key" = String, Path, description = "The schedule's name")),
    responses((status = 200, description = "The paused schedule", body = View),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn pause(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Path(key): Path<String>,
    Json(body): Json<Reason>,
) -> Answer {
    let (reason, who, now) = (body.checked()?, operator(&admin), state.clock.now());
    let mut tx = state.db.begin("admin.cron.pause").await?;
    let paused = schedules::pause(&mut tx, &state.jobs, &key, (&who, Some(reason)), now).await;
    let view = View::from(paused.map_err(refused)?);
    tx.commit().await?;
    Ok(tagged(view))
}

/// Lets a paused schedule tick again. Resuming one that is not paused changes nothing.
#[utoipa::path(post, path = "/admin/api/cron/{key}/resume", tag = "cron", security(("bearer" = [])),
    request_body = Reason, params(("key" = String, Path, description = "The schedule's name")),
    responses((status = 200, description = "The schedule", body = View),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn resume(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Path(key): Path<String>,
    Json(body): Json<Reason>,
) -> Answer {
    let (reason, who, now) = (body.checked()?, operator(&admin), state.clock.now());
    let mut tx = state.db.begin("admin.cron.resume").await?;
    let resumed = schedules::resume(&mut tx, &state.jobs, &key, (&who, Some(reason)), now).await;
    let view = View::from(resumed.map_err(refused)?);
    tx.commit().await?;
    Ok(tagged(view))
}

/// A run beside the ticks.
#[derive(Serialize, ToSchema)]
#[schema(as = CronRun)]
struct Run {
    /// The job.
    #[schema(value_type = String)]
    job: JobId,
    /// Its place among the decisions.
    #[schema(value_type = String, format = DateTime)]
    fire_at: Timestamp,
}

/// Runs a schedule's job now, also of a paused one. The next tick stays as it is.
#[utoipa::path(post, path = "/admin/api/cron/{key}/run", tag = "cron", security(("bearer" = [])),
    request_body = Reason, params(("key" = String, Path, description = "The schedule's name")),
    responses((status = 201, description = "The job", body = Run),
        (status = 403, description = "Only administrators may do this"),
        (status = 409, description = "`run_still_live`: the policy for overlap allows no second run; \
            `unknown_kind`: only a newer server knows the kind")))]
pub(super) async fn run(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Path(key): Path<String>,
    Keyed { body, request }: Keyed<Reason>,
) -> Answer<Response> {
    let (reason, who, now) = (body.checked()?, operator(&admin), state.clock.now());
    let claim = request.claim(admin.user);
    let mut tx = state.db.begin("admin.cron.run").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let ran = schedules::run(&mut tx, &state.jobs, &key, (&who, Some(reason)), now).await;
    let (job, fire_at) = ran.map_err(refused)?;
    let location = format!("/admin/api/jobs/{job}");
    let body = Outcome::json(StatusCode::CREATED, &Run { job, fire_at })?;
    let outcome = Outcome { location: Some(location), ..body };
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}
