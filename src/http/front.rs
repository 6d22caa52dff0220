//! The front: everything that happens to every request, in one layer around the router.
//!
//! In order: request id, client address, route, limit; then the router inside the request's scope with its one deadline
//! and a panic catcher; then problems get their bodies, answers their headers, and the figures are recorded. One layer
//! and not eight, because the hot path is a cache hit that costs less than eight layers would.

use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody},
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::time::Instant;
use tower::Service as _;

use super::{
    client::ClientAddress,
    clinic::fhir::{is_fhir, outcome},
    compress::compress_response,
    cors::Cors,
    counted::Counted,
    documents::shown_path,
    events::kept_event,
    extract::refuse_query,
    headers,
    keys::{self, KeyGate},
    limits::{Gate, Verdict},
    pages::Pages,
    problem::Problem,
    request_id::{self, RequestIds},
    routes::{Limit, Query, Route, Routes},
    scopes::UNMATCHED,
    sse,
    watched::Tally,
};
use crate::{
    config::{sections::Server, values::Cidr},
    metrics::Metrics,
    scope::Scope,
};

/// What one request may take beyond the time after which it is slow, for each byte it brings: files are stored, hashed and
/// looked through at several times this pace (bytes per second), unless the server has too much to do.
const PACE: u64 = 16 << 20;
/// Longer paths and queries are 414.
const MAX_URI: usize = 8 * 1024;

/// The front of one server. Cheap to clone.
#[derive(Clone)]
pub struct Front(Arc<Parts>);

struct Parts {
    router: Router,
    routes: Routes,
    gate: Gate,
    keys: Option<KeyGate>,
    pages: Option<Pages>,
    metrics: Arc<Metrics>,
    ids: RequestIds,
    cors: Cors,
    trusted: Vec<Cidr>,
    deadline: Duration,
    slow: Duration,
    hsts: bool,
    server_timing: bool,
    compression_min: usize,
    max_header: usize,
}

/// What of a request is still needed when its answer is there.
struct Asked {
    started: Instant,
    id: HeaderValue,
    method: Method,
    uri: Uri,
    accept_encoding: Option<HeaderValue>,
    origin: Option<HeaderValue>,
    trace: Option<String>,
    /// How its body arrives, if it has one.
    body: Option<Tally>,
    scope: Scope,
}

impl Front {
    /// Puts the front around a router.
    pub fn new(config: &Server, router: Router, routes: Routes, gate: Gate, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Parts {
            router,
            routes,
            gate,
            keys: None,
            pages: None,
            metrics,
            ids: RequestIds::new(random_start()),
            cors: Cors::new(&config.cors_origins),
            trusted: config.trusted_proxies.clone(),
            deadline: *config.request_deadline,
            slow: *config.slow_request,
            hsts: config.hsts,
            server_timing: config.server_timing,
            compression_min: *config.compression_min_bytes,
            max_header: *config.max_header_bytes,
        }))
    }

    /// The same, answering with kept pages before anything is routed. To be called before the front is shared.
    #[must_use]
    pub fn with_pages(mut self, pages: Pages) -> Self {
        if let Some(parts) = Arc::get_mut(&mut self.0) {
            parts.pages = Some(pages);
        }
        self
    }

    /// The same, taking keys for programs; without this nobody is known by one. To be called before the front is shared.
    #[must_use]
    pub fn with_keys(mut self, keys: KeyGate) -> Self {
        if let Some(parts) = Arc::get_mut(&mut self.0) {
            parts.keys = Some(keys);
        }
        self
    }

    /// Answers one request of `peer`. Rare and large futures are boxed: hyper moves this one for each request.
    pub async fn call<B>(&self, peer: IpAddr, mut request: Request<B>) -> Response<Counted>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let parts = &*self.0;
        let in_flight = parts.metrics.http.enter();
        let started = Instant::now();
        let route = parts.routes.find(request.method(), request.uri().path());
        let client = ClientAddress::find(peer, request.headers(), &parts.trusted);
        request.extensions_mut().insert(client);
        let asked = parts.ask(started, &request, route);
        if let Some(uri) = parts.routes.calendar(request.uri()) {
            *request.uri_mut() = uri;
        }
        let (verdict, refused) = match parts.misplaced(route, &asked.uri) {
            Some(problem) => {
                // Whoever they say they are, it counts for the address.
                let verdict = Box::pin(parts.check(&asked, route, client, &HeaderMap::new())).await;
                (verdict, Some(problem).filter(|_| !verdict.refused()))
            }
            None => parts.admit(&asked, route, client, &mut request).await,
        };
        let at_once = parts
            .refuse(&request)
            .or_else(|| refused.map(IntoResponse::into_response))
            .or_else(|| verdict.refused().then(|| verdict.problem().into_response()))
            .or_else(|| unheard(route, request.uri()).map(IntoResponse::into_response))
            .or_else(|| parts.kept(route, &request));
        let response = match at_once {
            Some(response) => response,
            None => Box::pin(parts.run(request, &asked)).await,
        };
        let mut response = parts.finish(response, &asked, route).await;
        parts.gate.decorate(verdict, response.headers_mut());
        let status = response.status().as_u16();
        let is_stream = sse::is_stream(response.headers());
        response.map(|body| {
            let counted = Counted::new(body, in_flight, route.figures.clone(), status, started);
            if is_stream { counted.answered() } else { counted }
        })
    }
}

impl Parts {
    fn ask<B>(&self, started: Instant, request: &Request<B>, route: &Route) -> Asked {
        let headers = request.headers();
        let id = self.ids.of(headers);
        let deadline = started + route.deadline.unwrap_or(self.deadline);
        let trace = request_id::trace_id(headers).map(str::to_owned);
        let parent =
            trace.as_ref().and_then(|_| headers.get("traceparent")?.to_str().ok()).map(str::to_owned);
        let scope = Scope::traced(id.to_str().unwrap_or_default().to_owned(), deadline, parent);
        Asked {
            started,
            scope,
            method: request.method().clone(),
            uri: request.uri().clone(),
            accept_encoding: headers.get(header::ACCEPT_ENCODING).cloned(),
            origin: self.cors.allowed(headers).cloned(),
            trace,
            body: request.extensions().get().cloned(),
            id,
        }
    }

    /// 405 for a method that a path does not have, whoever asks: no credentials are looked at.
    fn misplaced(&self, route: &Route, uri: &Uri) -> Option<Problem> {
        let allow = (route.template == UNMATCHED).then(|| self.routes.allow(uri.path())).flatten()?;
        Some(bare(StatusCode::METHOD_NOT_ALLOWED).header(header::ALLOW, allow))
    }

    /// Finds out whose the request is as far as that is needed to count it, and counts it. A key that the route does not
    /// take is a problem already here.
    async fn admit<B>(
        &self,
        asked: &Asked,
        route: &Route,
        client: ClientAddress,
        request: &mut Request<B>,
    ) -> (Verdict, Option<Problem>) {
        let headers = request.headers();
        if route.limit != Limit::Exempt
            && let Some(keys) = &self.keys
            && let Some(sent) = keys::sent(headers)
        {
            let checking = asked.scope.clone().enter(keys.check(sent, route, client, headers));
            let checked = tokio::time::timeout_at(asked.scope.deadline(), Box::pin(checking)).await;
            let (verdict, caller) =
                checked.unwrap_or((Verdict::default(), Err(Problem::deadline_exceeded())));
            return (verdict, caller.map(|caller| caller.introduce(request.extensions_mut())).err());
        }
        let verdict = match self.gate.check_at_once(route.limit, client, headers) {
            Some(verdict) => verdict,
            None => Box::pin(self.check(asked, route, client, headers)).await,
        };
        if let Some(user) = verdict.user() {
            request.extensions_mut().insert(user);
        }
        (verdict, None)
    }

    /// Counts the request, inside its scope: whose it is may have to be looked up.
    async fn check(&self, asked: &Asked, route: &Route, client: ClientAddress, head: &HeaderMap) -> Verdict {
        let checking = asked.scope.clone().enter(self.gate.check(route.limit, client, head));
        // Out of time: the handler is, too, and says so.
        tokio::time::timeout_at(asked.scope.deadline(), checking).await.unwrap_or_default()
    }

    /// Answers that need no handler.
    fn refuse<B>(&self, request: &Request<B>) -> Option<Response> {
        if request.uri().path_and_query().is_some_and(|text| text.as_str().len() > MAX_URI) {
            let detail = format!("the path and query are longer than {MAX_URI} bytes");
            return Some(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail).into_response());
        }
        if header_bytes(request.headers()) > self.max_header {
            let detail = format!("the header is larger than {} bytes", self.max_header);
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Some(Problem::new(status, "header_too_large", detail).into_response());
        }
        self.cors.preflight(request.method(), request.headers())
    }

    /// A page that needs no handler either. Nine requests of ten are for an event, and most of these find it kept.
    fn kept<B>(&self, route: &Route, request: &Request<B>) -> Option<Response> {
        let is_plain =
            route.is_event && request.method() == Method::GET && keys::sent(request.headers()).is_none();
        let pages = self.pages.as_ref().filter(|_| is_plain)?;
        kept_event(pages, request.uri(), request.headers())
    }

    /// The handler, inside its scope, its deadline and the panic catcher.
    async fn run<B>(&self, request: Request<B>, asked: &Asked) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        // Most requests have no body: not boxing one saves an allocation.
        let request = if request.body().is_end_stream() {
            request.map(|_| Body::empty())
        } else {
            request.map(Body::new)
        };
        let handling = asked.scope.clone().enter(self.router.clone().call(request));
        let handling = AssertUnwindSafe(handling).catch_unwind();
        match tokio::time::timeout_at(asked.scope.deadline(), handling).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(panic)) => Problem::internal(panic_text(&*panic)).into_response(),
            Err(_) => Problem::deadline_exceeded().into_response(),
        }
    }

    async fn finish(&self, response: Response, asked: &Asked, route: &Route) -> Response {
        let response = Self::with_problem(response, asked, route);
        let min = self.compression_min;
        let mut response = compress_response(asked.accept_encoding.as_ref(), response, min).await;
        let headers = response.headers_mut();
        headers.insert(request_id::HEADER, asked.id.clone());
        headers::secure(headers, self.hsts);
        self.cors.decorate(asked.origin.as_ref(), headers);
        let took = asked.started.elapsed();
        if self.server_timing {
            let (queries, _, db) = asked.scope.cost();
            headers::server_timing(headers, (queries, db), took);
        }
        self.log(asked, route, &response, took);
        response
    }

    /// Gives problems their body; answers of others that are errors without one become problems too.
    fn with_problem(response: Response, asked: &Asked, route: &Route) -> Response {
        if let Some(problem) = response.extensions().get::<Arc<Problem>>() {
            log_source(problem, asked, route);
            let mut rendered = problem.render(shown_path(asked.uri.path()), asked.scope.request_id());
            if is_fhir(asked.uri.path()) {
                rendered = outcome::told(problem, rendered);
            }
            for (name, value) in response.headers() {
                let body = *name == header::CONTENT_LENGTH || *name == header::CONTENT_TYPE;
                if !body && !rendered.headers().contains_key(name) {
                    rendered.headers_mut().append(name.clone(), value.clone());
                }
            }
            return rendered;
        }
        let status = response.status();
        if !(status.is_client_error() || status.is_server_error()) || headers::is_json(response.headers()) {
            return response;
        }
        let mut problem = bare(status);
        for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
            if let Some(value) = response.headers().get(&name) {
                problem = problem.header(name, value.clone());
            }
        }
        let rendered = problem.render(shown_path(asked.uri.path()), asked.scope.request_id());
        if is_fhir(asked.uri.path()) { outcome::told(&problem, rendered) } else { rendered }
    }

    fn log(&self, asked: &Asked, route: &Route, response: &Response, took: Duration) {
        let (queries, rows, db) = asked.scope.cost();
        let status = response.status().as_u16();
        let trace = asked.trace.as_deref().unwrap_or_default();
        // A client may send as slowly as it likes, and a file may be large.
        let (waited, bytes) = asked.body.as_ref().map(Tally::arrived).unwrap_or_default();
        let worked = took.saturating_sub(waited);
        if worked > self.slow + Duration::from_millis(bytes / (PACE / 1000)) {
            tracing::warn!(
                http.method = %asked.method, http.route = route.template, http.status = status,
                http.ms = worked.as_millis() as u64, http.waited_ms = waited.as_millis() as u64,
                http.bytes = bytes, db.queries = queries, db.rows = rows,
                db.ms = db.as_millis() as u64, request.id = asked.scope.request_id(), trace.id = trace,
                "slow request"
            );
        } else {
            tracing::debug!(
                http.method = %asked.method, http.path = shown_path(asked.uri.path()), http.route = route.template,
                http.status = status, http.us = took.as_micros() as u64, db.queries = queries, db.rows = rows,
                request.id = asked.scope.request_id(), trace.id = trace,
                "request"
            );
        }
    }
}

/// Refuses a query that the route would not hear: whoever sends `?dry_run=true` believes in it.
fn unheard(route: &Route, uri: &Uri) -> Option<Problem> {
    let query = uri.query().filter(|_| route.query == Query::Refused)?;
    refuse_query(query)
}

fn log_source(problem: &Problem, asked: &Asked, route: &Route) {
    let Some(source) = problem.source() else { return };
    let (method, id) = (&asked.method, asked.scope.request_id());
    if problem.status() == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(
            error = ?source, http.method = %method, http.route = route.template, request.id = id,
            "a request failed"
        );
    } else {
        tracing::warn!(
            error = %source, problem.code = problem.code(), http.method = %method,
            http.route = route.template, request.id = id, "a request was refused"
        );
    }
}

/// A problem for a status that came without one, from axum itself.
fn bare(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::new(status, "not_found", "there is nothing at this path"),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(status, "method_not_allowed", "this path has other methods; see Allow")
        }
        StatusCode::INTERNAL_SERVER_ERROR => Problem::internal("an answer without a problem"),
        status => {
            let reason = status.canonical_reason().unwrap_or("Error");
            Problem::new(status, reason.to_ascii_lowercase().replace([' ', '-'], "_"), reason)
        }
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    format!("a handler panicked: {}", text.unwrap_or("without a text"))
}

fn random_start() -> u64 {
    getrandom::u64().unwrap_or(0x5eed)
}
