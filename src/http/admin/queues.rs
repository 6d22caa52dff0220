//! Orders to queues, kinds and nodes: pause, resume, limit, scale, drain.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::orders::Reason;
use crate::{
    accounts::policy::Principal,
    db::{DbError, Tx},
    http::{
        auth::AdminUser,
        conditional::{ETag, IfMatch},
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        merge_patch::MergePatch,
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    jobs::{
        Jobs,
        settings::{KindState, NodeState, QueueLimits, QueueSettings, Steward},
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(change))
        .routes(routes!(pause_queue))
        .routes(routes!(resume_queue))
        .routes(routes!(pause_kind))
        .routes(routes!(resume_kind))
        .routes(routes!(drain_node))
        .routes(routes!(resume_node))
}

/// Nobody runs more at once on one node.
const WORKERS_MAX: i32 = 10_000;
/// From one a day to more than PostgreSQL takes.
const RATES: std::ops::RangeInclusive<f32> = 0.00001..=1_000_000.0;

/// A changed queue, with the ETag for changing it again.
fn tagged(queue: &QueueSettings) -> Result<Response, Problem> {
    let etag = ETag::of_version(queue.revision).header(Coding::Identity);
    Ok(([(header::ETAG, etag)], Outcome::json(StatusCode::OK, queue)?).into_response())
}

/// Changes to a queue: a JSON merge patch (RFC 7396). What is left out stays; `null` removes a limit.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeQueue)]
struct Change {
    /// For the journal: whoever reads it next year should understand.
    #[schema(min_length = 1, max_length = 500)]
    #[serde(skip_serializing)]
    reason: String,
    /// Jobs that run at once on each node; `null`: as the node is configured; 0: what runs is finished, nothing begins.
    #[schema(minimum = 0, maximum = 10_000)]
    #[serde(default)]
    workers: Option<i32>,
    /// Jobs that run at once on all nodes together; `null`: no limit.
    #[schema(minimum = 0)]
    #[serde(default)]
    max_running: Option<i32>,
    /// Jobs that may start per second on all nodes together; `null`: no limit.
    #[serde(default)]
    rate_per_s: Option<f32>,
    /// And at once after a quiet time. Goes with the rate.
    #[schema(minimum = 1)]
    #[serde(default)]
    rate_burst: Option<i32>,
    /// One step of priority is worth this much waiting; `null`: priority is strict.
    #[schema(minimum = 0)]
    #[serde(default)]
    aging_ms: Option<i32>,
    /// Tenants take turns.
    #[serde(default)]
    fair: bool,
}

impl Change {
    fn of(limits: &QueueLimits) -> Self {
        let QueueLimits { workers, max_running, rate_per_s, rate_burst, aging_ms, fair } = limits.clone();
        Self { reason: String::new(), workers, max_running, rate_per_s, rate_burst, aging_ms, fair }
    }

    /// The limits and the reason, when all is right.
    fn checked(self) -> Result<(QueueLimits, String), Problem> {
        let mut checks = Checks::default();
        let reason = checks.text("/reason", &self.reason, 1..=500).to_owned();
        let Self { workers, max_running, rate_per_s, rate_burst, aging_ms, fair, .. } = self;
        let number = |checks: &mut Checks, pointer, value: Option<i32>, least, most| {
            if let Some(value) = value {
                checks.range(pointer, value, least..=most);
            }
        };
        number(&mut checks, "/workers", workers, 0, WORKERS_MAX);
        number(&mut checks, "/max_running", max_running, 0, i32::MAX);
        number(&mut checks, "/rate_burst", rate_burst, 1, i32::MAX);
        number(&mut checks, "/aging_ms", aging_ms, 0, i32::MAX);
        let is_rate = rate_per_s.is_none_or(|rate| RATES.contains(&rate));
        checks.ensure(is_rate, "/rate_per_s", "out_of_range", "must be from 0.00001 to 1000000");
        let are_paired = rate_per_s.is_some() == rate_burst.is_some();
        checks.ensure(are_paired, "/rate_burst", "required", "goes with `rate_per_s`: both or neither");
        checks.done()?;
        Ok((QueueLimits { workers, max_running, rate_per_s, rate_burst, aging_ms, fair }, reason))
    }
}

/// Limits and scales a queue, on all nodes, within a second.
#[utoipa::path(patch, path = "/admin/api/queues/{name}", tag = "admin", security(("bearer" = [])),
    request_body(content((Change = "application/merge-patch+json"), (Change = "application/json"))),
    params(("name" = String, Path, description = "The queue"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read: `\"v<revision>\"`; without it 428")),
    responses((status = 200, description = "The queue, with its ETag", body = QueueSettings),
        (status = 403, description = "Only administrators may do this"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Path(name): Path<String>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Answer {
    let mut tx = state.db.begin_admin("admin.queues.change").await?;
    let locked = state.jobs.lock_queue(&mut tx, &name).await?.ok_or_else(|| Problem::not_found("queue"))?;
    if_match.check(&ETag::of_version(locked.revision))?;
    let (limits, reason) = patch.apply(&Change::of(&locked.limits))?.checked()?;
    let by = steward(&admin, reason);
    let queue = state.jobs.limit_queue(&mut tx, &name, &limits, &by).await?;
    let queue = queue.ok_or_else(|| Problem::not_found("queue"))?;
    tx.commit().await?;
    tagged(&queue)
}

fn steward(admin: &Principal, reason: String) -> Steward {
    let details = serde_json::json!({ "session": admin.session() });
    Steward { user: Some(admin.user), name: admin.user.to_string(), details, reason }
}

/// Carries out an order and answers with what it was given to, once per Idempotency-Key.
async fn order<T: Serialize>(
    state: &AppState,
    admin: &Principal,
    what: &'static str,
    Keyed { body, request }: Keyed<Reason>,
    act: impl AsyncFnOnce(&Jobs, &mut Tx, &Steward) -> Result<Option<T>, DbError>,
) -> Answer {
    let mut checks = Checks::default();
    let reason = checks.text("/reason", &body.reason, 1..=500).to_owned();
    checks.done()?;
    let (claim, now) = (request.claim(admin.user), state.clock.now());
    let mut tx = state.db.begin_admin("admin.jobs.steer").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let changed = act(&state.jobs, &mut tx, &steward(admin, reason)).await?;
    let outcome = Outcome::json(StatusCode::OK, &changed.ok_or_else(|| Problem::not_found(what))?)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

macro_rules! orders {
    ($($(#[doc = $doc:literal])* $name:ident($what:literal, $key:literal: $type:ident), $path:literal, $body:ty, $said:literal;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(post, path = $path, tag = "admin", security(("bearer" = [])), request_body = Reason,
            params(($key = String, Path, description = $said),
                ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request safe")),
            responses((status = 200, description = "It was done", body = $body),
                (status = 403, description = "Only administrators may do this")))]
        async fn $name(
            State(state): State<AppState>,
            AdminUser(admin): AdminUser,
            Path(id): Path<$type>,
            keyed: Keyed<Reason>,
        ) -> Answer {
            order(&state, &admin, $what, keyed, async |jobs, tx, by| jobs.$name(tx, orders!(@pass id: $type), by).await).await
        }
    )*};
    (@pass $id:ident: String) => { &$id };
    (@pass $id:ident: i64) => { $id };
}

orders! {
    /// Starts nothing more of a queue, on any node; what runs goes on.
    pause_queue("queue", "name": String), "/admin/api/queues/{name}/pause", QueueSettings, "The queue";
    /// Lets a queue run again.
    resume_queue("queue", "name": String), "/admin/api/queues/{name}/resume", QueueSettings, "The queue";
    /// Starts no more jobs of a kind, on any node; what runs goes on.
    pause_kind("kind", "name": String), "/admin/api/kinds/{name}/pause", KindState, "The kind";
    /// Lets a kind run again.
    resume_kind("kind", "name": String), "/admin/api/kinds/{name}/resume", KindState, "The kind";
    /// Drains a node: it takes nothing more and finishes what it runs.
    drain_node("node", "id": i64), "/admin/api/nodes/{id}/drain", NodeState, "The number of its boot";
    /// Lets a drained node work again.
    resume_node("node", "id": i64), "/admin/api/nodes/{id}/resume", NodeState, "The number of its boot";
}
