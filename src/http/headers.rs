//! Headers that every answer carries (OWASP Secure Headers), and `Server-Timing`.
//!
//! A handler that sets one of them keeps its own: public pages set `Cache-Control`, `/docs` a content security policy
//! that lets its own scripts run.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
/// Two years, as preload lists want.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Adds what is missing.
pub fn secure(headers: &mut HeaderMap, hsts: bool) {
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(POLICY);
    headers.entry(RESOURCE_POLICY).or_insert(SAME_ORIGIN);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    if hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

/// Adds how long the database and the whole request took, to a tenth of a millisecond (finer would help attackers that
/// measure), and how many statements there were.
pub fn server_timing(headers: &mut HeaderMap, (queries, db): (u32, Duration), total: Duration) {
    let ms = |took: Duration| took.as_secs_f64() * 1000.0;
    let text = format!("db;dur={:.1};desc=\"{queries}\", app;dur={:.1}", ms(db), ms(total));
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.append(SERVER_TIMING, value);
    }
}

/// Whether the body is JSON of whatever kind.
pub fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| {
        let essence = kind.split(';').next().unwrap_or_default().trim();
        essence.ends_with("/json") || essence.ends_with("+json")
    })
}
