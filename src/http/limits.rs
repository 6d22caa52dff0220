//! Rate limits at the front: which quota a request counts against, and the headers that tell the client.
//!
//! Requests of a known person count for the account, all others for the address (see [`ClientAddress`]). Logging in,
//! registering and webhooks count for the address always: nobody has an account yet. A token that is not remembered
//! is looked up, but only while its address has not sent too many worthless ones: guessing is limited before it costs
//! anything, and a busy address with many people behind it keeps none of them out.
//!
//! A key for programs has a quota of its own per hour (see [`key_use`]), counted besides what its owner may send.
//!
//! The headers are those of draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy: "user";q=600;w=60` says what is
//! allowed, `RateLimit: "user";r=42;t=56` that 42 requests are left and all 600 in 56 seconds. On a 429, `t` is the time
//! until the next request is allowed, as `Retry-After` says. Answers to a key say its quota in `X-RateLimit-Limit`,
//! `X-RateLimit-Remaining` and `X-RateLimit-Reset` (seconds) as well.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, header},
};

use super::{
    auth::{CurrentUser, bearer},
    client::ClientAddress,
    problem::Problem,
    routes::Limit,
    state::AppState,
};
use crate::{
    accounts::{
        key_use::{self, Count},
        policy::Principal,
        sessions::{Recall, Sessions},
    },
    actors::edge::limiter::{Class, Decision, Key, Limiter},
    config::values::Quota,
};

/// What is allowed.
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What the quota of a key is called there.
pub const KEY_POLICY: &str = "api_key";
/// What is left.
pub const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// The quota of a key once more, as programs know it that do not read the draft.
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
/// What is left of it.
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// Seconds until all of it is there again.
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Checks requests against their quota; the default limits nothing.
#[derive(Clone, Default)]
pub struct Gate(Option<Parts>);

#[derive(Clone)]
struct Parts {
    limiter: Limiter,
    sessions: Sessions,
    /// `RateLimit-Policy` of each class.
    policies: Arc<[HeaderValue]>,
}

/// What the limiter said of a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verdict {
    decision: Option<Decision>,
    principal: Option<Principal>,
    key: Option<Count>,
}

/// Whose a request is.
enum Caller {
    Somebody(Principal),
    Nobody,
    /// Its address has sent too many worthless tokens to have another one looked up.
    Refused(Decision),
}

impl Gate {
    /// The gate of this server.
    pub fn new(state: &AppState) -> Self {
        let parts = || Parts {
            limiter: state.limiter.clone(),
            sessions: state.accounts.sessions().clone(),
            policies: Class::ALL.into_iter().map(|class| policy(class, state.limiter.quota(class))).collect(),
        };
        Self(state.limiter.is_enabled().then(parts))
    }

    /// What [`Self::check`] says, for requests whose sender need not be looked up and which are counted here alone.
    pub fn check_at_once(&self, limit: Limit, client: ClientAddress, headers: &HeaderMap) -> Option<Verdict> {
        let parts = match &self.0 {
            Some(parts) if limit != Limit::Exempt => parts,
            _ => return Some(Verdict::default()),
        };
        if limit != Limit::ByCaller || headers.contains_key(header::AUTHORIZATION) {
            return None;
        }
        let decision = parts.limiter.check_here(Class::Anonymous, Key::Address(client.key()))?;
        Some(Verdict { decision: Some(decision), ..Verdict::default() })
    }

    /// Counts a request; probes are not counted.
    pub async fn check(&self, limit: Limit, client: ClientAddress, headers: &HeaderMap) -> Verdict {
        match &self.0 {
            Some(parts) if limit != Limit::Exempt => parts.check(limit, client.key(), headers).await,
            _ => Verdict::default(),
        }
    }

    /// Counts a request of somebody who has shown a key.
    pub async fn check_known(&self, limit: Limit, principal: Principal) -> Verdict {
        let Some(parts) = &self.0 else { return Verdict::default() };
        let (class, account) = (class_of(limit, principal), Key::Account(principal.user));
        Verdict { decision: Some(parts.limiter.check(class, account).await), ..Verdict::default() }
    }

    /// Whether an address has sent too many worthless tokens and keys to have another one looked up.
    pub fn suspected(&self, client: ClientAddress) -> Option<Verdict> {
        let spent = self.0.as_ref()?.limiter.spent(Class::Token, Key::Address(client.key()))?;
        Some(Verdict { decision: Some(spent), ..Verdict::default() })
    }

    /// Counts a worthless key.
    pub async fn count_worthless(&self, client: ClientAddress) {
        if let Some(parts) = &self.0 {
            parts.limiter.check(Class::Token, Key::Address(client.key())).await;
        }
    }
}

impl Parts {
    async fn check(&self, limit: Limit, address: IpAddr, headers: &HeaderMap) -> Verdict {
        let address = Key::Address(address);
        let by_address = match limit {
            Limit::Login => Some(Class::Login),
            Limit::Register => Some(Class::Register),
            Limit::Webhook => Some(Class::Webhook),
            Limit::Exempt
            | Limit::ByCaller
            | Limit::Upload
            | Limit::Booking
            | Limit::CreatePatient
            | Limit::ClinicReport
            | Limit::ClinicUpload => None,
        };
        if let Some(class) = by_address {
            return Verdict {
                decision: Some(self.limiter.check(class, address).await),
                ..Verdict::default()
            };
        }
        let principal = match self.caller(address, headers).await {
            Caller::Somebody(principal) => Some(principal),
            Caller::Nobody => None,
            Caller::Refused(decision) => {
                return Verdict { decision: Some(decision), ..Verdict::default() };
            }
        };
        let (class, key) = match principal {
            None => (Class::Anonymous, address),
            Some(principal) => (class_of(limit, principal), Key::Account(principal.user)),
        };
        Verdict { decision: Some(self.limiter.check(class, key).await), principal, key: None }
    }

    async fn caller(&self, address: Key, headers: &HeaderMap) -> Caller {
        let Some(token) = bearer(headers) else { return Caller::Nobody };
        match self.sessions.recall(token) {
            Recall::Somebody(principal) => return Caller::Somebody(principal),
            Recall::Nobody => return Caller::Nobody,
            Recall::Unknown => {}
        }
        if let Some(spent) = self.limiter.spent(Class::Token, address) {
            return Caller::Refused(spent);
        }
        match self.sessions.authenticate(token).await {
            Ok(Some(principal)) => Caller::Somebody(principal),
            Ok(None) => {
                self.limiter.check(Class::Token, address).await;
                Caller::Nobody
            }
            // The database is away; the handler will say so, if it needs it.
            Err(_) => Caller::Nobody,
        }
    }
}

fn class_of(limit: Limit, principal: Principal) -> Class {
    match limit {
        Limit::Upload => Class::Upload,
        Limit::Booking => Class::Booking,
        Limit::CreatePatient => Class::CreatePatient,
        Limit::ClinicReport => Class::ClinicReport,
        Limit::ClinicUpload => Class::ClinicUpload,
        _ if principal.is_admin() => Class::Admin,
        _ => Class::User,
    }
}

impl Verdict {
    /// Whether the request must be answered 429.
    pub fn refused(&self) -> bool {
        self.decision.is_some_and(|decision| !decision.is_allowed())
    }

    /// Who sent the request, when that had to be found out.
    pub fn user(&self) -> Option<CurrentUser> {
        self.principal.map(CurrentUser)
    }

    /// The same, also counted against the quota of its key.
    #[must_use]
    pub fn with_key(self, count: Count) -> Self {
        Self { key: Some(count), ..self }
    }

    /// The 429.
    pub fn problem(&self) -> Problem {
        let wait = self.decision.and_then(|decision| decision.retry_after).unwrap_or_default();
        let policies: Vec<_> = self.decision.iter().map(|decision| decision.class.name()).collect();
        Problem::too_many(wait).member("violated-policies", policies)
    }
}

impl Gate {
    /// Tells the client.
    pub fn decorate(&self, verdict: Verdict, headers: &mut HeaderMap) {
        self.tell_limit(verdict, headers);
        if let Some(Count { quota, left, reset }) = verdict.key {
            let (window, reset) = (key_use::HOUR.as_secs(), whole_seconds(reset));
            let policy = format!("\"{KEY_POLICY}\";q={quota};w={window}");
            let state = format!("\"{KEY_POLICY}\";r={};t={reset}", left.unwrap_or(0));
            for (name, text) in [(POLICY, policy), (STATE, state)] {
                headers.append(name, HeaderValue::try_from(text).expect("numbers are visible ASCII"));
            }
            let left = left.unwrap_or(0).unsigned_abs();
            for (name, number) in [(LIMIT, quota.unsigned_abs()), (REMAINING, left)] {
                headers.insert(name, number.into());
            }
            headers.insert(RESET, reset.into());
        }
    }

    fn tell_limit(&self, verdict: Verdict, headers: &mut HeaderMap) {
        let (Some(parts), Some(decision)) = (&self.0, verdict.decision) else { return };
        let Decision { class, remaining, reset, retry_after, .. } = decision;
        let mut text = Vec::with_capacity(48);
        text.push(b'"');
        text.extend_from_slice(class.name().as_bytes());
        text.extend_from_slice(b"\";r=");
        push_number(&mut text, remaining.into());
        text.extend_from_slice(b";t=");
        push_number(&mut text, whole_seconds(retry_after.unwrap_or(reset)));
        headers.insert(POLICY, parts.policies[class as usize].clone());
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
            headers.insert(STATE, value);
        }
    }
}

fn policy(class: Class, quota: Quota) -> HeaderValue {
    let text = format!("\"{}\";q={};w={}", class.name(), quota.limit, whole_seconds(quota.window));
    HeaderValue::from_str(&text).expect("names and numbers are visible ASCII")
}

/// Decimal digits, without the formatting machinery: this is done for every answer.
fn push_number(text: &mut Vec<u8>, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(b'0' + (number % 10) as u8);
}

/// Rounded up, at least one: never too early, and the same as in `Retry-After`.
fn whole_seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}
