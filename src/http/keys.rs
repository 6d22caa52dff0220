//! Keys for programs at the front: a request with one is let through to a route that takes it, or goes no further.
//!
//! A key is looked at here and nowhere else. The extractors of [`super::auth`] know nobody by a key but whom this module has
//! introduced; a route that is not in [`super::scopes`] cannot be reached with one, whatever its handler does.

use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};

use super::{
    auth::{CurrentUser, Stranger, bearer},
    client::ClientAddress,
    limits::{Gate, KEY_POLICY, Verdict},
    problem::Problem,
    routes::Route,
    scopes::Keys,
};
use crate::accounts::{
    key_use::{Holder, KeyUse},
    policy::Principal,
    scopes::Scope,
    sessions::Origin,
    tokens::{TokenHash, Use},
};

/// Where a key may be sent; the other place is `Authorization: Bearer`.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-api-key");

/// A key in a request.
pub(super) enum Sent {
    /// One, and no other credentials; perhaps none that could be right.
    One(Option<TokenHash>),
    /// Besides others.
    Beside,
}

/// The key that a request carries, if it does.
pub(super) fn sent(headers: &HeaderMap) -> Option<Sent> {
    let hash = |text: &str| TokenHash::of(text, Use::ApiKey);
    let Some(value) = headers.get(HEADER) else {
        let token = bearer(headers).filter(|token| token.starts_with(Use::ApiKey.prefix()))?;
        return Some(Sent::One(hash(token)));
    };
    if headers.contains_key(header::AUTHORIZATION) || headers.get_all(HEADER).iter().nth(1).is_some() {
        return Some(Sent::Beside);
    }
    Some(Sent::One(value.to_str().ok().and_then(|text| hash(text.trim()))))
}

/// Whom a handler learns of.
pub(super) enum Caller {
    /// The owner of the key.
    Known(Principal),
    /// Nobody: the route is for everybody, and the key does not say whose it is.
    Stranger,
}

impl Caller {
    /// Tells the extractors.
    pub(super) fn introduce(self, request: &mut Extensions) {
        match self {
            Self::Known(principal) => request.insert(CurrentUser(principal)).map(drop),
            Self::Stranger => request.insert(Stranger).map(drop),
        };
    }
}

/// Checks keys.
#[derive(Clone)]
pub struct KeyGate {
    gate: Gate,
    keys: KeyUse,
}

impl KeyGate {
    /// Beside the gate that counts everybody's requests.
    pub fn new(gate: Gate, keys: KeyUse) -> Self {
        Self { gate, keys }
    }

    /// Whether a request may go on to its route, and what is left of its quotas.
    pub(super) async fn check(
        &self,
        sent: Sent,
        route: &Route,
        client: ClientAddress,
        headers: &HeaderMap,
    ) -> (Verdict, Result<Caller, Problem>) {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned);
        let origin = Origin { address: Some(client.0), user_agent: agent };
        let mut verdict = Verdict::default();
        let caller = self.admit(sent, route, (client, &origin), &mut verdict).await;
        (verdict, caller)
    }

    async fn admit(
        &self,
        sent: Sent,
        route: &Route,
        (client, origin): (ClientAddress, &Origin),
        verdict: &mut Verdict,
    ) -> Result<Caller, Problem> {
        let Sent::One(hash) = sent else {
            let detail = "send one key, or an access token, and nothing else";
            return Err(Problem::bad_request("two_credentials", detail));
        };
        let familiar = hash.is_some_and(|hash| self.keys.is_familiar(&hash));
        if let Some(suspected) = self.gate.suspected(client).filter(|_| !familiar) {
            *verdict = suspected;
            return Err(verdict.problem());
        }
        let found = match hash {
            Some(hash) => self.keys.find(hash, origin).await?,
            None => None,
        };
        let Some(holder) = found else {
            self.gate.count_worthless(client).await;
            return Err(Problem::invalid_token("the key is unknown, expired or revoked"));
        };
        *verdict = self.gate.check_known(route.limit, holder.principal).await;
        if verdict.refused() {
            return Err(verdict.problem());
        }
        let count = self.keys.count(&holder).await?;
        *verdict = verdict.with_key(count);
        if count.left.is_none() {
            return Err(Problem::too_many(count.reset).member("violated-policies", vec![KEY_POLICY]));
        }
        let allowed = allow(&holder, route.keys);
        if allowed.is_err() {
            self.keys.refused(&holder, "scope", origin);
        }
        allowed
    }
}

fn allow(holder: &Holder, keys: Keys) -> Result<Caller, Problem> {
    match keys {
        Keys::Refused => Err(not_allowed()),
        Keys::Open if !holder.scopes.has(Scope::ProfileRead) => Ok(Caller::Stranger),
        Keys::Open => Ok(Caller::Known(holder.principal)),
        Keys::Need(scope) if holder.scopes.has(scope) => Ok(Caller::Known(holder.principal)),
        Keys::Need(scope) => Err(out_of_scope(scope)),
    }
}

/// 403: no key may do this.
pub(super) fn not_allowed() -> Problem {
    Problem::forbidden("key_not_allowed", "this is done by a person who has logged in, not with a key")
}

/// 403: the key is good for other things (RFC 6750, 3.1).
fn out_of_scope(scope: Scope) -> Problem {
    let name = scope.as_str();
    let challenge = format!("Bearer realm=\"sportello\", error=\"insufficient_scope\", scope=\"{name}\"");
    let challenge = HeaderValue::try_from(challenge).expect("names of scopes are visible ASCII");
    Problem::forbidden("insufficient_scope", format!("the key needs the scope `{name}`"))
        .member("scope", name)
        .header(header::WWW_AUTHENTICATE, challenge)
}
