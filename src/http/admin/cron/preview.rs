//! The next ticks, of a schedule that is there and of one that is only being tried.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::shown::no_schedule;
use crate::{
    http::{
        auth::AdminUser,
        extract::{Json, Path, Query},
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Checks,
    },
    jobs::{
        schedules::{Fold, Gap, PREVIEW_MAX, Preview, Timing, TimingError, preview},
        store::cron,
    },
};

/// Ticks when nobody says how many.
const USUAL: u16 = 10;

/// How much of the future.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// So many ticks.
    #[param(minimum = 1, maximum = 100, default = 10)]
    n: Option<u16>,
    /// Those after this time; now by default.
    #[param(value_type = Option<String>, format = DateTime)]
    after: Option<Timestamp>,
}

/// Shows the next ticks of a schedule, with what changes of the clocks do to them. A pause is not looked at.
#[utoipa::path(get, path = "/admin/api/cron/{key}/preview", tag = "cron", security(("bearer" = [])),
    params(("key" = String, Path, description = "The schedule's name"), Range),
    responses((status = 200, description = "The next ticks", body = Preview),
        (status = 403, description = "Only administrators may do this"),
        (status = 409, description = "`unreadable`: only a newer server can read this schedule")))]
pub(super) async fn of_schedule(
    State(state): State<AppState>,
    _: AdminUser,
    Path(key): Path<String>,
    Query(Range { n, after }): Query<Range>,
) -> Answer {
    if !is_count(n) {
        let error = FieldError::query("n", "out_of_range", format!("must be from 1 to {PREVIEW_MAX}"));
        return Err(Problem::invalid_parameters(vec![error]));
    }
    let mut tx = state.db.begin("admin.cron.preview").await?;
    let found = cron::find(&mut tx, &key).await?.ok_or_else(no_schedule)?;
    tx.rollback().await?;
    let it = &found.definition;
    let timing = Timing::new(&it.spec, &it.tz, it.gap, it.fold);
    let timing = timing.map_err(|error| Problem::conflict("unreadable", error.to_string()))?;
    Ok(answer(&timing, after.unwrap_or_else(|| state.clock.now()), n))
}

/// A timing to be tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CronTrial)]
pub(super) struct Trial {
    /// Five fields, or six with the second first, or `@daily` and its like.
    #[schema(example = "30 2 * * *", max_length = 500)]
    spec: String,
    /// The IANA time zone; UTC by default.
    #[schema(example = "Europe/Rome")]
    tz: Option<String>,
    /// What happens to a tick whose local time does not exist; `shift` by default.
    gap: Option<Gap>,
    /// What happens to a tick whose local time exists twice; `first` by default.
    fold: Option<Fold>,
    /// So many ticks; ten by default.
    #[schema(minimum = 1, maximum = 100)]
    n: Option<u16>,
    /// Those after this time; now by default.
    #[schema(value_type = Option<String>, format = DateTime)]
    after: Option<Timestamp>,
}

/// Shows the next ticks of a schedule that is only being tried. Nothing is stored.
#[utoipa::path(post, path = "/admin/api/cron/preview", tag = "cron", security(("bearer" = [])), request_body = Trial,
    responses((status = 200, description = "The next ticks", body = Preview),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn of_spec(State(state): State<AppState>, _: AdminUser, Json(trial): Json<Trial>) -> Answer {
    let mut checks = Checks::default();
    if !is_count(trial.n) {
        checks.fail("/n", "out_of_range", format!("must be from 1 to {PREVIEW_MAX}"));
    }
    let (gap, fold) = (trial.gap.unwrap_or(Gap::Shift), trial.fold.unwrap_or(Fold::First));
    let timing = Timing::new(&trial.spec, trial.tz.as_deref().unwrap_or("UTC"), gap, fold);
    match timing {
        Ok(timing) => {
            checks.done()?;
            Ok(answer(&timing, trial.after.unwrap_or_else(|| state.clock.now()), trial.n))
        }
        Err(error) => {
            let (pointer, code) = match &error {
                TimingError::Spec(_) => ("/spec", "invalid_schedule"),
                TimingError::Zone(_) => ("/tz", "unknown_time_zone"),
            };
            checks.fail(pointer, code, error.to_string());
            checks.done()?;
            Err(Problem::internal(error))
        }
    }
}

fn is_count(n: Option<u16>) -> bool {
    n.is_none_or(|n| (1..=PREVIEW_MAX).contains(&n.into()))
}

fn answer(timing: &Timing, after: Timestamp, n: Option<u16>) -> Response {
    Json(preview(timing, after, n.unwrap_or(USUAL).into())).into_response()
}
