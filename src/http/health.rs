//! Is it alive, is it ready, how is it: for probes, balancers and people. Exempt from limits.
//!
//! Liveness touches no dependency: a database that is away must not make anybody kill a server that still answers from
//! its cache. Each path answers with and without a slash at its end, because probes do not follow redirects. A flood
//! of probes looks at the database once in [`CACHED_FOR`].

use std::{sync::Arc, sync::atomic::Ordering::Relaxed, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use serde::Serialize;
use tokio::{sync::Mutex, time::Instant};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    client::ClientAddress,
    extract::Json,
    problem::{Answer, Problem},
    state::AppState,
};
use crate::{actors::data::redis, db::DbError, jobs::Dependency, key, metrics::CONTENT_TYPE};

/// How old an answer of the probe may be.
const CACHED_FOR: Duration = Duration::from_secs(1);
/// A bad answer is older news sooner: who was away may be back any moment.
const BAD_CACHED_FOR: Duration = Duration::from_millis(200);
/// A database slower than this is as good as away.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// The routes with their descriptions.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(ready))
        .routes(routes!(alive))
        .routes(routes!(health_ready))
        .routes(routes!(health_live))
        .routes(routes!(metrics))
}

/// The same with a slash at the end.
pub fn aliases() -> Router<AppState> {
    Router::new()
        .route("/health/", get(health))
        .route("/ready/", get(ready))
        .route("/alive/", get(alive))
        .route("/health/ready/", get(ready))
        .route("/health/live/", get(alive))
        .route("/metrics/", get(metrics))
}

/// Looks at the dependencies, at most once in [`CACHED_FOR`]. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Probe(Arc<Mutex<Option<(Instant, Checks)>>>);

/// What the probe found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Checks {
    database: Check,
    cache: Check,
    storage: Check,
    /// What background work needs; `degraded`: some of it waits for something that is away.
    jobs: Check,
    actors: Check,
}

/// One dependency.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Check {
    /// `ok`, `degraded` (answers are right, but slower), or `error`.
    #[schema(example = "ok")]
    status: &'static str,
    /// How long a look took.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
}

impl Check {
    fn plain(status: &'static str) -> Self {
        Self { status, latency_ms: None }
    }

    fn is_ok(&self) -> bool {
        self.status == "ok"
    }
}

/// How the server is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `healthy`, `degraded` (serving, but something is missing), or `unhealthy` (503).
    #[schema(example = "healthy")]
    status: &'static str,
    version: &'static str,
    uptime_s: u64,
    checks: Checks,
    response_time_ms: f64,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// Whether the server wants requests.
#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready` or `not_ready` (503).
    #[schema(example = "ready")]
    status: &'static str,
    checks: ReadinessChecks,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// What readiness depends on.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "a list of checks, each of which passed or did not")]
struct ReadinessChecks {
    database: bool,
    actors: bool,
    /// A stop has begun.
    draining: bool,
    overall: bool,
}

/// That the process lives.
#[derive(Serialize, ToSchema)]
struct Liveness {
    #[schema(example = "alive")]
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// How the server and its dependencies are, for people.
#[utoipa::path(get, path = "/health", tag = "operation", responses(
    (status = 200, description = "Healthy or degraded", body = Health),
    (status = 503, description = "Unhealthy", body = Health)))]
async fn health(State(state): State<AppState>) -> Response {
    let began = Instant::now();
    let checks = state.probe.look(&state).await;
    let serving = checks.database.is_ok();
    let status = match serving {
        true if [&checks.cache, &checks.storage, &checks.jobs, &checks.actors]
            .iter()
            .all(|it| it.is_ok()) =>
        {
            "healthy"
        }
        true => "degraded",
        false => "unhealthy",
    };
    let body = Health {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: state.started.elapsed().as_secs(),
        checks,
        response_time_ms: began.elapsed().as_secs_f64() * 1e3,
        timestamp: state.clock.now(),
    };
    answer(serving, &body)
}

/// Whether to send requests here, for balancers.
#[utoipa::path(get, path = "/ready", tag = "operation", responses(
    (status = 200, description = "Ready", body = Readiness),
    (status = 503, description = "Starting, stopping, or without a database", body = Readiness)))]
async fn ready(State(state): State<AppState>) -> Response {
    let found = state.probe.look(&state).await;
    let draining = state.draining.load(Relaxed);
    let (database, actors) = (found.database.is_ok(), found.actors.is_ok());
    let overall = database && actors && !draining;
    let status = if overall { "ready" } else { "not_ready" };
    let checks = ReadinessChecks { database, actors, draining, overall };
    answer(overall, &Readiness { status, checks, timestamp: state.clock.now() })
}

/// Whether the process lives, for whoever would restart it. Touches nothing.
#[utoipa::path(get, path = "/alive", tag = "operation", responses(
    (status = 200, description = "Alive", body = Liveness)))]
async fn alive(State(state): State<AppState>) -> Response {
    answer(true, &Liveness { status: "alive", timestamp: state.clock.now() })
}

/// The same as /ready.
#[utoipa::path(get, path = "/health/ready", tag = "operation", responses(
    (status = 200, description = "Ready", body = Readiness),
    (status = 503, description = "Starting, stopping, or without a database", body = Readiness)))]
async fn health_ready(state: State<AppState>) -> Response {
    ready(state).await
}

/// The same as /alive.
#[utoipa::path(get, path = "/health/live", tag = "operation", responses(
    (status = 200, description = "Alive", body = Liveness)))]
async fn health_live(state: State<AppState>) -> Response {
    alive(state).await
}

/// Every metric as OpenMetrics text, for those whose address is in `ops.metrics_from`.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses(
    (status = 200, description = "OpenMetrics text", body = String,
        content_type = "application/openmetrics-text"),
    (status = 403, description = "`address_not_allowed`: not from this address; by default only from the machine itself")))]
async fn metrics(State(state): State<AppState>, client: ClientAddress) -> Answer {
    if !client.is_in(&state.config.ops.metrics_from) {
        const DETAIL: &str = "metrics are shown to addresses in ops.metrics_from only";
        return Err(Problem::forbidden("address_not_allowed", DETAIL));
    }
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))]);
    Ok((headers, state.metrics.encode()).into_response())
}

fn answer(well: bool, body: &impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    if !well {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

impl Probe {
    /// The checks, at most a second old. Those who come while one looks wait for its answer.
    async fn look(&self, state: &AppState) -> Checks {
        let mut last = self.0.lock().await;
        if let Some((at, checks)) = &*last
            && at.elapsed()
                < if checks.database.is_ok() && checks.actors.is_ok() { CACHED_FOR } else { BAD_CACHED_FOR }
        {
            return checks.clone();
        }
        let checks = Checks {
            database: ping(state).await,
            cache: cache(state),
            storage: storage(state).await,
            jobs: jobs(state),
            actors: Check::plain(if state.registry.is_ready() { "ok" } else { "degraded" }),
        };
        *last = Some((Instant::now(), checks.clone()));
        checks
    }
}

async fn ping(state: &AppState) -> Check {
    const PING: &str = "-- http.health.ping
        SELECT k.n, k.value FROM unnest($1::bigint[]) WITH ORDINALITY AS k (value, n)";
    let began = Instant::now();
    let ping = tokio::time::timeout(PROBE_LIMIT, state.db.lookup(PING, key![1i64])).await;
    match ping.unwrap_or(Err(DbError::Timeout)) {
        Ok(_) => Check { status: "ok", latency_ms: Some(began.elapsed().as_secs_f64() * 1e3) },
        Err(_) => Check::plain("error"),
    }
}

/// Without it pictures are missing and nothing can be uploaded; all else goes on.
async fn storage(state: &AppState) -> Check {
    let looking = tokio::time::timeout(PROBE_LIMIT, state.storage.is_writable());
    Check::plain(if looking.await.unwrap_or(false) { "ok" } else { "degraded" })
}

/// Requests are served without it.
fn jobs(state: &AppState) -> Check {
    let is_away = Dependency::ALL.into_iter().any(|it| state.breakers.is_open(it));
    Check::plain(if is_away { "degraded" } else { "ok" })
}

/// The in-process level cannot be away; Redis only costs latency when it is.
fn cache(state: &AppState) -> Check {
    match state.redis.state() {
        redis::State::Absent | redis::State::Up => Check::plain("ok"),
        redis::State::SetAside | redis::State::Down => Check::plain("degraded"),
    }
}
