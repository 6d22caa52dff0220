//! Orders to one job.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    accounts::policy::Principal,
    http::{
        auth::AdminUser,
        extract::Path,
        idempotency::{self, Keyed, KeyedRequest, Outcome},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    jobs::{
        JobId,
        inspect::{self, Order, OrderError, OrderResult, SNOOZE_MAX, Who},
    },
};

/// Priorities go from the most to the least urgent.
const PRIORITIES: std::ops::RangeInclusive<i16> = -1000..=1000;

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobOrder)]
pub(super) struct Plain {
    /// For the journal: whoever reads it next year should understand.
    #[schema(min_length = 1, max_length = 500)]
    pub(super) reason: String,
}

/// Until when, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobSnooze)]
pub(super) struct Snooze {
    /// Not before then.
    #[schema(value_type = String, format = DateTime)]
    pub(super) until: Timestamp,
    /// For the journal.
    #[schema(min_length = 1, max_length = 500)]
    pub(super) reason: String,
}

/// Which priority, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobPriority)]
pub(super) struct Priority {
    /// Smaller runs first.
    #[schema(minimum = -1000, maximum = 1000)]
    pub(super) priority: i16,
    /// For the journal.
    #[schema(min_length = 1, max_length = 500)]
    pub(super) reason: String,
}

/// What a body orders.
pub(super) trait Ordering {
    /// The reason.
    fn reason(&self) -> &str;
    /// Whether it says that every job is meant.
    fn means_all(&self) -> bool {
        false
    }
    /// Checks what else is said.
    fn check(&self, _checks: &mut Checks, _now: Timestamp) {}
}

impl Ordering for Plain {
    fn reason(&self) -> &str {
        &self.reason
    }
}

impl Ordering for Snooze {
    fn reason(&self) -> &str {
        &self.reason
    }

    fn check(&self, checks: &mut Checks, now: Timestamp) {
        check_until(checks, self.until, now);
    }
}

impl Ordering for Priority {
    fn reason(&self) -> &str {
        &self.reason
    }

    fn check(&self, checks: &mut Checks, _now: Timestamp) {
        check_priority(checks, self.priority);
    }
}

pub(super) fn check_until(checks: &mut Checks, until: Timestamp, now: Timestamp) {
    let is_future = until > now && until <= now + SNOOZE_MAX;
    checks.ensure(is_future, "/until", "out_of_range", "must be in the future, within a year");
}

pub(super) fn check_priority(checks: &mut Checks, priority: i16) {
    checks.range("/priority", priority, PRIORITIES);
}

/// Who orders, when what is said is right.
pub(super) fn who(state: &AppState, admin: &Principal, body: &impl Ordering) -> Result<Who, Problem> {
    let mut checks = Checks::default();
    let reason = checks.text("/reason", body.reason(), 1..=500).to_owned();
    body.check(&mut checks, state.clock.now());
    checks.done()?;
    let details = serde_json::json!({ "session": admin.session() });
    Ok(Who { user: Some(admin.user), details, reason })
}

/// What was done to a job.
#[derive(Serialize, ToSchema)]
#[schema(as = JobOrdered)]
pub(super) struct Ordered {
    /// The job.
    #[schema(value_type = String)]
    id: JobId,
    /// What became of it.
    #[serde(flatten)]
    result: OrderResult,
}

async fn act(
    state: &AppState,
    admin: &Principal,
    id: i64,
    order: Order,
    body: &impl Ordering,
    request: &KeyedRequest,
) -> Answer {
    let who = who(state, admin, body)?;
    let (claim, now) = (request.claim(admin.user), state.clock.now());
    let mut tx = state.db.begin_admin("admin.jobs.order").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let result = inspect::order(&mut tx, &state.jobs, &who, order, id).await.map_err(problem)?;
    if let OrderResult::Refused { code, detail } = result {
        return Err(Problem::conflict(code, detail));
    }
    let outcome = Outcome::json(StatusCode::OK, &Ordered { id: JobId(id), result })?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

pub(super) fn problem(error: OrderError) -> Problem {
    let detail = error.to_string();
    match error {
        OrderError::Unknown => Problem::not_found("job"),
        OrderError::State(_) => Problem::rule("state_does_not_fit", detail),
        OrderError::Db(error) => error.into(),
    }
}

macro_rules! orders {
    ($($(#[doc = $doc:literal])* $name:ident, $path:literal, $body:ty, $order:expr;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(post, path = $path, tag = "admin", security(("bearer" = [])), request_body = $body,
            params(("id" = String, Path, description = "The job"),
                ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request safe")),
            responses((status = 200, description = "It was done", body = Ordered),
                (status = 403, description = "Only administrators may do this"),
                (status = 409, description = "The job is in a state that forbids it: `code` says why")))]
        pub(super) async fn $name(
            State(state): State<AppState>,
            AdminUser(admin): AdminUser,
            Path(id): Path<i64>,
            Keyed { body, request }: Keyed<$body>,
        ) -> Answer {
            let order: fn(&$body) -> Order = $order;
            act(&state, &admin, id, order(&body), &body, &request).await
        }
    )*};
}

orders! {
    /// Runs a job now that waits for its time, or runs one that has ended once more: as a new job, if its arguments were
    /// kept.
    retry, "/admin/api/jobs/{id}/retry", Plain, |_| Order::Retry;
    /// Cancels a job: one that waits has ended at once, a running one is asked to end. `retry` runs it once more, unless its
    /// arguments are sealed or its kind keeps nothing of its jobs.
    cancel, "/admin/api/jobs/{id}/cancel", Plain, |_| Order::Cancel;
    /// Lets a job that waits not be run before a time.
    snooze, "/admin/api/jobs/{id}/snooze", Snooze, |body| Order::Snooze(body.until);
    /// Changes the priority of a live job.
    priority, "/admin/api/jobs/{id}/priority", Priority, |body| Order::Priority(body.priority);
}
