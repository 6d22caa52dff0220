//! CORS (the Fetch standard) for the origins in `server.cors_origins`; nobody by default, never with credentials.
//!
//! Written here and not as a layer, so that the answers of the front itself (429, 503) carry the headers too, and so
//! that requests without an `Origin` pay nothing.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, if-range, range, x-api-key, x-request-id, traceparent, \
     tus-resumable, upload-length, upload-offset, upload-metadata, upload-checksum",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "etag, idempotency-replayed, link, location, ratelimit, ratelimit-policy, retry-after, x-request-id, content-range, \
     content-disposition, repr-digest, tus-resumable, tus-version, tus-extension, tus-max-size, tus-checksum-algorithm, \
     upload-offset, upload-length, upload-expires, upload-metadata",
);
/// Ten minutes: longer is capped by browsers.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const REQUESTED_METHOD: HeaderName = header::ACCESS_CONTROL_REQUEST_METHOD;

/// The origins that may call from a browser.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// Reads the configuration; values that cannot be origins match nothing.
    pub fn new(origins: &[String]) -> Self {
        Self { origins: origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect() }
    }

    /// The origin of this request, if it is allowed.
    pub fn allowed<'h>(&self, request: &'h HeaderMap) -> Option<&'h HeaderValue> {
        if self.origins.is_empty() {
            return None;
        }
        request.get(header::ORIGIN).filter(|origin| self.origins.contains(origin))
    }

    /// Answers a preflight of an allowed origin.
    pub fn preflight(&self, method: &Method, request: &HeaderMap) -> Option<Response> {
        if method != Method::OPTIONS || !request.contains_key(REQUESTED_METHOD) {
            return None;
        }
        self.allowed(request)?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(response)
    }

    /// Adds what lets a page of an allowed origin read the answer.
    pub fn decorate(&self, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        // Caches must not give one origin's answer to another.
        response.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = origin {
            response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}
