//! What every request passes, once, in one layer: id, deadline, panics, problems, compression, headers, metrics.
//!
//! One layer rather than one per concern: each layer costs a boxed future, and the price of a cached answer is measured.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use ahash::AHashMap;
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tokio::time::Instant;

use super::{compress::compress_response, problem::Problem};
use crate::{
    config::Config,
    metrics::{Metrics, Route},
    scope::Scope,
};

/// The request's id: sent back, and in every log line and problem.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids of clients are not taken over.
const REQUEST_ID_MAX: usize = 64;

/// What the layer needs, made once.
pub struct Front {
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    routes: RwLock<AHashMap<(Method, String), Route>>,
    ids: Ids,
}

/// Makes request ids: a random beginning per process and a counter.
pub struct Ids {
    process: u32,
    next: std::sync::atomic::AtomicU64,
}

impl Ids {
    fn next(&self) -> String {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        format!("{:08x}-{number:x}", self.process)
    }
}

impl Front {
    /// `process` makes the ids of this process its own.
    pub fn new(config: Arc<Config>, metrics: Arc<Metrics>, process: u32) -> Arc<Self> {
        let ids = Ids { process, next: std::sync::atomic::AtomicU64::new(1) };
        Arc::new(Self { config, metrics, routes: RwLock::default(), ids })
    }

    /// The metric of a route; routes are few, so their templates are kept for ever.
    fn route(&self, method: &Method, template: &str) -> Route {
        let key = (method.clone(), template.to_owned());
        if let Some(route) = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return route.clone();
        }
        let name: &'static str = Box::leak(template.to_owned().into_boxed_str());
        let route = self.metrics.http.route(known_method(method), name);
        self.routes.write().unwrap_or_else(PoisonError::into_inner).insert(key, route.clone());
        route
    }
}

/// Methods as labels: anything else is `other`, so that clients cannot make up labels.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Remembers which route answered; sits inside the router, where that is known.
pub async fn name_route(matched: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(matched);
    response
}

/// The layer.
pub async fn front(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let _in_flight = front.metrics.http.enter();
    let id = request_id(request.headers()).map_or_else(|| front.ids.next(), str::to_owned);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let accept = request.headers().get(header::ACCEPT_ENCODING).cloned();

    let scope = Scope::new(id, began + *front.config.server.request_deadline);
    let answer = AssertUnwindSafe(scope.clone().enter(next.run(request))).catch_unwind();
    let response = match tokio::time::timeout_at(scope.deadline(), answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => Problem::internal(what_panicked(panic.as_ref())).into_response(),
        Err(_) => Problem::deadline_exceeded().into_response(),
    };
    let response = explained(response, &uri, scope.request_id());
    let mut response = compressed(response, accept, *front.config.server.compression_min_bytes).await;

    let took = began.elapsed();
    let template = response.extensions_mut().remove::<MatchedPath>();
    let template = template.as_ref().map_or("unmatched", MatchedPath::as_str);
    front.route(&method, template).record(response.status().as_u16(), took);
    front.finish(&mut response, &scope, took);
    log(&front.config, &method, template, &scope, response.status().as_u16(), took);
    response
}

/// A client's id, if it is short and harmless.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(&REQUEST_ID)?.to_str().ok()?;
    let harmless = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!id.is_empty() && id.len() <= REQUEST_ID_MAX && id.chars().all(harmless)).then_some(id)
}

/// The message of a panic; its place and backtrace are logged by the panic hook.
fn what_panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the handler panicked: {}", text.unwrap_or_default())
}

/// Gives a problem its body; logs its cause, once.
fn explained(mut response: Response, uri: &Uri, request_id: &str) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Arc<Problem>>() else { return response };
    if problem.status().is_server_error()
        && let Some(source) = problem.source()
    {
        tracing::error!(request_id = request_id, error = ?source, "request failed");
    }
    let mut rendered = problem.render(uri.path(), request_id);
    for (name, value) in response.headers() {
        if name != header::CONTENT_LENGTH
            && name != header::CONTENT_TYPE
            && !rendered.headers().contains_key(name)
        {
            rendered.headers_mut().append(name.clone(), value.clone());
        }
    }
    *rendered.extensions_mut() = std::mem::take(response.extensions_mut());
    rendered
}

async fn compressed(response: Response, accept: Option<HeaderValue>, min_bytes: usize) -> Response {
    let Some(accept) = accept else { return response };
    let request = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept)]);
    compress_response(&request, response, min_bytes).await
}

impl Front {
    /// Headers that every answer has.
    fn finish(&self, response: &mut Response, scope: &Scope, took: Duration) {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::try_from(scope.request_id()) {
            headers.insert(REQUEST_ID.clone(), id);
        }
        let mut default = |name: HeaderName, value: &'static str| {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        };
        default(header::CACHE_CONTROL, "no-store");
        default(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
        default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        default(header::REFERRER_POLICY, "no-referrer");
        default(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        if self.config.server.hsts {
            default(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
        }
        if self.config.server.server_timing {
            let (queries, _, db) = scope.cost();
            let timing = format!(
                "db;dur={:.1};desc=\"{queries} queries\", app;dur={:.1}",
                db.as_secs_f64() * 1e3,
                took.as_secs_f64() * 1e3
            );
            if let Ok(timing) = HeaderValue::try_from(timing) {
                headers.insert(HeaderName::from_static("server-timing"), timing);
            }
        }
    }
}

fn log(config: &Config, method: &Method, template: &str, scope: &Scope, status: u16, took: Duration) {
    let (queries, rows, db) = scope.cost();
    let (ms, db_ms) = (took.as_millis() as u64, db.as_millis() as u64);
    let id = scope.request_id();
    if took > *config.server.slow_request {
        tracing::warn!(
            request_id = id, http.method = %method, http.route = template, http.status = status, http.ms = ms,
            db.queries = queries, db.rows = rows, db.ms = db_ms, "slow request"
        );
    } else {
        tracing::debug!(request_id = id, http.method = %method, http.route = template, http.status = status, http.ms = ms, "request");
    }
}
