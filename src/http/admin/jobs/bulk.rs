//! Orders to all jobs that fit a filter, so many in one call.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    list::{filters, unknown},
    orders::{Ordering, check_priority, check_until, problem, who},
};
use crate::{
    accounts::policy::Principal,
    http::{
        auth::AdminUser,
        extract::{Json, Query},
        idempotency::{self, Keyed, KeyedRequest, Outcome},
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::{Checks, Ends},
    },
    jobs::inspect::{self, BULK_MAX, Bulk, Count, Filter, Order, State as JobState, parse_fingerprint},
};

/// The bodies: those of orders to one job, and whether every job is meant.
macro_rules! bodies {
    ($($(#[doc = $doc:literal])* $name:ident as $schema:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)? } $check:expr;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(as = $schema)]
        pub(super) struct $name {
            $($(#[$meta])* $field: $type,)?
            /// For the journal.
            #[schema(min_length = 1, max_length = 500)]
            reason: String,
            /// Every job it can be done to: needed when there is no filter.
            #[serde(default)]
            all: bool,
        }

        impl Ordering for $name {
            fn reason(&self) -> &str {
                &self.reason
            }

            fn means_all(&self) -> bool {
                self.all
            }

            fn check(&self, checks: &mut Checks, now: Timestamp) {
                let check: fn(&Self, &mut Checks, Timestamp) = $check;
                check(self, checks, now);
            }
        }
    )*};
}

bodies! {
    /// Why.
    Plain as JobBulkOrder {} |_, _, _| {};
    /// Until when, and why.
    Snooze as JobBulkSnooze {
        /// Not before then.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    } |body, checks, now| check_until(checks, body.until, now);
    /// Which priority, and why.
    Urgency as JobBulkPriority {
        /// Smaller runs first.
        #[schema(minimum = -1000, maximum = 1000)]
        priority: i16,
    } |body, checks, _| check_priority(checks, body.priority);
}

filters! {
    /// Which jobs, how many of them, and whether only to count.
    Selection {
        /// Only counts; nothing is changed.
        dry_run: Option<bool>,
        /// Most jobs of this call.
        #[param(minimum = 1, maximum = 1000, default = 1000)]
        limit: Option<i64>,
        /// Only jobs below this id: `next_before` of the call before.
        #[param(value_type = Option<String>)]
        before: Option<i64>,
    }
}

/// What a dry run would do.
#[derive(Serialize, ToSchema)]
#[schema(as = JobBulkCounted)]
struct Counted {
    /// Nothing was done.
    dry_run: bool,
    /// To how many jobs it would be done.
    matched: Count,
    /// There is nothing to go on from.
    next_before: Option<String>,
}

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = JobBulkDone)]
struct Done {
    /// It was done.
    dry_run: bool,
    /// What, and to which.
    #[serde(flatten)]
    bulk: Bulk,
    /// Send it as `before` to go on; `null` when no job remains.
    next_before: Option<String>,
}

/// What was done, or would be.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = JobBulkOrdered)]
enum Ordered {
    Counted(Counted),
    Done(Done),
}

async fn act(
    state: &AppState,
    admin: &Principal,
    selection: &Selection,
    order: Order,
    body: &impl Ordering,
    request: &KeyedRequest,
) -> Answer {
    let (filter, who) = (selection.filter()?, who(state, admin, body)?);
    let limit = selection.limit.unwrap_or(BULK_MAX);
    if !(1..=BULK_MAX).contains(&limit) {
        let detail = format!("must be a whole number from 1 to {BULK_MAX}");
        return Err(Problem::invalid_parameters(vec![FieldError::query("limit", "out_of_range", detail)]));
    }
    if filter.is_everything() && !body.means_all() {
        let detail = "without a filter every job is meant: give one, or say `\"all\": true`";
        return Err(Problem::unprocessable(vec![FieldError::body("/all", "required", detail)]));
    }
    let mut tx = state.db.begin_admin("admin.jobs.bulk").await?;
    inspect::check_names(&mut tx, state.jobs.registry(), &filter).await.map_err(unknown)?;
    if selection.dry_run == Some(true) {
        let count = inspect::count(&mut tx, order, &filter, selection.before).await.map_err(problem)?;
        tx.rollback().await?;
        let counted = Counted { dry_run: true, matched: count, next_before: None };
        return Ok(Json(Ordered::Counted(counted)).into_response());
    }
    let (claim, now) = (request.claim(admin.user), state.clock.now());
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let bulk = inspect::bulk(&mut tx, &state.jobs, &who, order, &filter, selection.before, limit);
    let bulk = bulk.await.map_err(problem)?;
    let next_before = bulk.next.map(|id| id.to_string());
    let ordered = Ordered::Done(Done { dry_run: false, bulk, next_before });
    let outcome = Outcome::json(StatusCode::OK, &ordered)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

macro_rules! bulk {
    ($($(#[doc = $doc:literal])* $name:ident, $path:literal, $body:ty, $order:expr;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(post, path = $path, tag = "admin", security(("bearer" = [])), request_body = $body,
            params(Selection,
                ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request safe")),
            responses((status = 200, description = "What was done, or would be", body = Ordered),
                (status = 403, description = "Only administrators may do this"),
                (status = 422, description = "There is no filter and no `all`, the filter's state forbids it, or the body is wrong")))]
        pub(super) async fn $name(
            State(state): State<AppState>,
            AdminUser(admin): AdminUser,
            Query(selection): Query<Selection>,
            Keyed { body, request }: Keyed<$body>,
        ) -> Answer {
            let order: fn(&$body) -> Order = $order;
            act(&state, &admin, &selection, order(&body), &body, &request).await
        }
    )*};
}

bulk! {
    /// Runs now, or once more, every job that fits; at most a thousand in one call.
    retry, "/admin/api/jobs/bulk/retry", Plain, |_| Order::Retry;
    /// Cancels every live job that fits; at most a thousand in one call. `retry` runs them once more, except those with sealed
    /// arguments and those of kinds that keep nothing of their jobs.
    cancel, "/admin/api/jobs/bulk/cancel", Plain, |_| Order::Cancel;
    /// Lets every waiting job that fits not be run before a time; at most a thousand in one call.
    snooze, "/admin/api/jobs/bulk/snooze", Snooze, |body| Order::Snooze(body.until);
    /// Changes the priority of every live job that fits; at most a thousand in one call.
    priority, "/admin/api/jobs/bulk/priority", Urgency, |body| Order::Priority(body.priority);
}
