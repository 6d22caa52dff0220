//! Is it alive, is it ready, how is it: for probes, balancers and people. Exempt from limits.
//!
//! Liveness touches no dependency: a database that is away must not make anybody kill a server that still answers from
//! its cache. Each path answers with and without a slash at its end.

use std::{
    sync::{Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{extract::Json, state::AppState};
use crate::{db::DbError, key, metrics::CONTENT_TYPE};

/// A flood of probes asks the database once in this time.
const CACHED_FOR: Duration = Duration::from_secs(1);
/// A database slower than this is as good as away.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// The routes.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/health", get(health))
        .route("/health/", get(health))
        .route("/ready", get(ready))
        .route("/ready/", get(ready))
        .route("/health/ready", get(ready))
        .route("/health/ready/", get(ready))
        .route("/alive", get(alive))
        .route("/alive/", get(alive))
        .route("/health/live", get(alive))
        .route("/health/live/", get(alive))
        .route("/metrics", get(metrics))
        .route("/metrics/", get(metrics))
}

async fn alive(State(state): State<AppState>) -> Response {
    Json(json!({ "status": "alive", "timestamp": state.clock.now() })).into_response()
}

async fn ready(State(state): State<AppState>) -> Response {
    let checks = checks(&state).await;
    let draining = state.draining.load(Relaxed);
    let (database, actors) = (checks["database"]["status"] == "ok", checks["actors"]["status"] == "ok");
    let is_ready = database && actors && !draining;
    let body = json!({
        "status": if is_ready { "ready" } else { "not ready" },
        "checks": { "database": database, "actors": actors, "draining": draining, "overall": is_ready },
        "timestamp": state.clock.now(),
    });
    answer(is_ready, body)
}

async fn health(State(state): State<AppState>) -> Response {
    let began = Instant::now();
    let checks = checks(&state).await;
    let healthy = checks["database"]["status"] == "ok";
    let degraded = checks["actors"]["status"] != "ok";
    let body = json!({
        "status": if !healthy { "unhealthy" } else if degraded { "degraded" } else { "healthy" },
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": state.started.elapsed().as_secs(),
        "checks": checks,
        "response_time_ms": began.elapsed().as_secs_f64() * 1e3,
        "timestamp": state.clock.now(),
    });
    answer(healthy, body)
}

fn answer(well: bool, body: Value) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, Json(body)).into_response();
    if !well {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// The checks, at most a second old.
async fn checks(state: &AppState) -> Value {
    static LAST: Mutex<Vec<(usize, Instant, Value)>> = Mutex::new(Vec::new());
    let server = std::sync::Arc::as_ptr(&state.draining) as usize; // one entry per server of this process
    let known = LAST.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|it| it.0 == server).cloned();
    if let Some((_, at, checks)) = known
        && at.elapsed() < CACHED_FOR
    {
        return checks;
    }
    let checks = look(state).await;
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.retain(|it| it.0 != server);
    last.push((server, Instant::now(), checks.clone()));
    checks
}

async fn look(state: &AppState) -> Value {
    const PING: &str = "-- http.health.ping
        SELECT k.n, k.value FROM unnest($1::bigint[]) WITH ORDINALITY AS k (value, n)";
    let began = Instant::now();
    let ping = tokio::time::timeout(PROBE_LIMIT, state.db.lookup(PING, key![1i64])).await;
    let latency = began.elapsed().as_secs_f64() * 1e3;
    let database = match ping.unwrap_or(Err(DbError::Timeout)) {
        Ok(_) => json!({ "status": "ok", "latency_ms": latency }),
        Err(_) => json!({ "status": "error" }),
    };
    let actors = json!({ "status": if state.registry.is_ready() { "ok" } else { "degraded" } });
    json!({ "database": database, "actors": actors })
}

async fn metrics(State(state): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], state.metrics.encode()).into_response()
}
