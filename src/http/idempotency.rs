//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a POST that creates may be repeated safely.
//!
//! A key belongs to a principal, a method and a path; a SHA-256 of the body tells whether a repetition is one. The
//! answer is stored in the *same transaction* as the effect: either both are there or neither. Only successful answers
//! are stored, since a refusal changed nothing. Keys are kept for [`RETENTION`].
//!
//! A handler that holds a transaction:
//!
//! ```ignore
//! async fn create(State(db): State<Db>, user: CurrentUser, Keyed { body, request }: Keyed<NewThing>) -> Answer {
//!     let claim = request.claim(user.id);
//!     let mut tx = db.begin("things.create").await?;
//!     if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
//!         return Ok(replay);
//!     }
//!     let thing = things::create(&mut tx, body).await?;
//!     let answer = Created::new(location, &thing)?;
//!     idempotency::finish(&mut tx, claim, &answer, now).await?;
//!     tx.commit().await?;
//!     Ok(answer.into_response())
//! }
//! ```
//!
//! An answer with secrets in it is not stored: registering stores only whose account was made, compares without the
//! password ([`KeyedRequest::claim_of`]), and answers a repetition like a log-in, with tokens of its own.
//!
//! A request that needs two transactions (paying: one before and one after the provider is asked) stores what can be
//! said already in the first and replaces it in the second ([`amend`]).
//!
//! Actors that commit batches (the sales shards) take the [`Claim`] with the order, do the same over arrays, and their
//! handlers answer a stored result with [`replay`].

use std::fmt::Display;

use axum::{
    body::{Body, Bytes},
    extract::{FromRef, FromRequest, FromRequestParts, OriginalUri, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    extract::{json_bytes, parse_json},
    problem::{FieldError, Problem},
    state::BodyLimits,
};
use crate::{accounts::upkeep, db::Tx, events::selling};

/// How long a repetition is recognised; also what clients are told.
pub const RETENTION: SignedDuration = upkeep::KEYS_KEPT;
/// The request header.
pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Set to `true` on repeated answers.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// A UUID needs 36.
const MAX_KEY: usize = 255;

/// A key as the client sent it, quoted (as the draft wants) or bare (as most clients do).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => parse_key(value).map(|key| Self(Some(key))).ok_or_else(malformed),
            (Some(_), Some(_)) => Err(malformed()),
        }
    }
}

fn malformed() -> Problem {
    let detail = format!("must be one key of 1 to {MAX_KEY} printable ASCII characters, quoted or not");
    Problem::invalid_parameters(vec![FieldError::header(HEADER.as_str(), "malformed", detail)])
}

fn parse_key(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.trim();
    let key = match text.strip_prefix('"') {
        // A structured-field string (RFC 9651, 3.3.3): only `"` and `\` are escaped.
        Some(quoted) => unescape(quoted.strip_suffix('"')?)?,
        None => text.to_owned(),
    };
    let printable = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    ((1..=MAX_KEY).contains(&key.len()) && printable).then_some(key)
}

fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(chars.next().filter(|next| matches!(next, '"' | '\\'))?),
            '"' => return None,
            c => plain.push(c),
        }
    }
    Some(plain)
}

/// An idempotency key, scoped and hashed, with the hash of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim {
    /// SHA-256 of principal, method, path and the client's key.
    pub key: [u8; 32],
    /// SHA-256 of the body.
    pub fingerprint: [u8; 32],
}

impl From<Claim> for selling::Claim {
    fn from(claim: Claim) -> Self {
        Self { key: claim.key, fingerprint: claim.fingerprint }
    }
}

/// What of a request makes it the same request.
#[derive(Debug, Clone)]
pub struct KeyedRequest {
    key: Option<String>,
    method: Method,
    path: String,
    fingerprint: [u8; 32],
}

impl KeyedRequest {
    /// Of a request whose body is not read yet; add [`Self::with_fingerprint`].
    pub async fn read(parts: &mut Parts) -> Result<Self, Problem> {
        let IdempotencyKey(key) = IdempotencyKey::from_request_parts(parts, &()).await?;
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let (path, method) = (uri.path().to_owned(), parts.method.clone());
        Ok(Self { key, method, path, fingerprint: [0; 32] })
    }

    /// With the hash of the body.
    #[must_use]
    pub fn with_fingerprint(self, fingerprint: [u8; 32]) -> Self {
        Self { fingerprint, ..self }
    }

    /// The claim of this principal; `None` if the client sent no key. Requests without an account (registering) name
    /// what they are about: strangers who choose the same key do not meet.
    pub fn claim(&self, principal: impl Display) -> Option<Claim> {
        let key = self.key.as_ref()?;
        let mut hasher = Sha256::new();
        for part in [principal.to_string().as_str(), self.method.as_str(), &self.path, key] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Some(Claim { key: hasher.finalize().into(), fingerprint: self.fingerprint })
    }

    /// The same for a body with secrets: a hash of a password that people can remember tells it to whoever guesses, so
    /// only what was `said` besides is compared.
    pub fn claim_of(self, principal: impl Display, said: &impl Serialize) -> Result<Option<Claim>, Problem> {
        let said = serde_json::to_vec(said).map_err(Problem::internal)?;
        Ok(self.with_fingerprint(Sha256::digest(&said).into()).claim(principal))
    }
}

/// A JSON body of a request that may carry an `Idempotency-Key`.
#[derive(Debug)]
pub struct Keyed<T> {
    /// The body.
    pub body: T,
    /// For [`KeyedRequest::claim`].
    pub request: KeyedRequest,
}

impl<S, T> FromRequest<S> for Keyed<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
    BodyLimits: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let request = KeyedRequest::read(&mut parts).await?;
        let bytes = json_bytes(Request::from_parts(parts, body), BodyLimits::from_ref(state)).await?;
        let fingerprint = Sha256::digest(&bytes).into();
        let body = parse_json(&bytes)?;
        Ok(Self { body, request: request.with_fingerprint(fingerprint) })
    }
}

/// A successful answer that can be stored and repeated.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The status.
    pub status: StatusCode,
    /// `Location` of what was created.
    pub location: Option<String>,
    /// The JSON.
    pub body: Bytes,
}

impl Outcome {
    /// 201 with the JSON of `value` and where it can be read.
    pub fn created(location: impl Into<String>, value: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self { location: Some(location.into()), ..Self::json(StatusCode::CREATED, value)? })
    }

    /// Any status with the JSON of `value`.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(Problem::internal)?;
        Ok(Self { status, location: None, body: body.into() })
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        if self.status != StatusCode::NO_CONTENT {
            response.headers_mut().insert(header::CONTENT_TYPE, super::JSON);
        }
        if let Some(location) = self.location.and_then(|location| HeaderValue::try_from(location).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// Repeats a stored answer.
pub fn replay(outcome: Outcome) -> Response {
    let mut response = outcome.into_response();
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// 422: the key was used with another body.
pub fn key_reused() -> Problem {
    Problem::rule("idempotency_key_reused", "this Idempotency-Key was used for a different request")
}

/// 409: the first request with this key is still being worked on.
pub fn still_running() -> Problem {
    Problem::conflict(
        "idempotency_key_in_use",
        "the first request with this Idempotency-Key is still running",
    )
    .retry_after(super::problem::SOON)
}

/// Looks a claim up and reserves it until the transaction ends: `Some` repeats the stored answer, `None` means go
/// ahead. 422 if the key was used for another body, 409 if the first request is still running.
pub async fn begin(tx: &mut Tx, claim: Option<Claim>, now: Timestamp) -> Result<Option<Response>, Problem> {
    const BEGIN: &str = "-- http.idempotency.begin
        SELECT l.free, k.fingerprint, k.status, k.headers ->> 'location' AS location, k.body
        FROM (SELECT pg_try_advisory_xact_lock($2) AS free) AS l
        LEFT JOIN idempotency_key k ON k.key = $1 AND k.status IS NOT NULL AND k.created_at > $3";
    let Some(claim) = claim else { return Ok(None) };
    let row = tx.query_one(BEGIN, &[&claim.key.as_slice(), &claim.lock(), &(now - RETENTION)]).await?;
    let Some(fingerprint) = row.get::<_, Option<&[u8]>>("fingerprint") else {
        return if row.get("free") { Ok(None) } else { Err(still_running()) };
    };
    if fingerprint != claim.fingerprint {
        return Err(key_reused());
    }
    let status = StatusCode::from_u16(row.get::<_, i16>("status") as u16).map_err(Problem::internal)?;
    let body = row.get::<_, Vec<u8>>("body").into();
    Ok(Some(replay(Outcome { status, location: row.get("location"), body })))
}

/// Stores the answer; the caller commits it together with the effect.
pub async fn finish(
    tx: &mut Tx,
    claim: Option<Claim>,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), Problem> {
    const FINISH: &str = "-- http.idempotency.finish
        INSERT INTO idempotency_key (key, fingerprint, status, headers, body, created_at)
        VALUES ($1, $2, $3, CASE WHEN $4::text IS NULL THEN '{}' ELSE jsonb_build_object('location', $4::text) END,
            $5, $6)
        ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
            headers = excluded.headers, body = excluded.body, created_at = excluded.created_at
        WHERE idempotency_key.created_at <= $7";
    let Some(claim) = claim else { return Ok(()) };
    let (key, fingerprint) = (claim.key.as_slice(), claim.fingerprint.as_slice());
    let status = outcome.status.as_u16() as i16;
    let stored = tx
        .execute(
            FINISH,
            &[&key, &fingerprint, &status, &outcome.location, &&outcome.body[..], &now, &(now - RETENTION)],
        )
        .await?;
    // Another one committed between our look and our lock: ours is rolled back, a repetition finds its answer.
    if stored == 1 { Ok(()) } else { Err(still_running()) }
}

/// Replaces the answer that an earlier transaction of the same request has stored. `None` takes it back: what failed may
/// be tried again with the same key.
pub async fn amend(tx: &mut Tx, claim: Option<Claim>, outcome: Option<&Outcome>) -> Result<(), Problem> {
    const AMEND: &str = "-- http.idempotency.amend
        UPDATE idempotency_key SET status = $3, body = $4 WHERE key = $1 AND fingerprint = $2";
    const TAKE_BACK: &str = "-- http.idempotency.take_back
        DELETE FROM idempotency_key WHERE key = $1 AND fingerprint = $2";
    let Some(claim) = claim else { return Ok(()) };
    let (key, fingerprint) = (claim.key.as_slice(), claim.fingerprint.as_slice());
    match outcome {
        Some(outcome) => {
            let status = outcome.status.as_u16() as i16;
            tx.execute(AMEND, &[&key, &fingerprint, &status, &&outcome.body[..]]).await?
        }
        None => tx.execute(TAKE_BACK, &[&key, &fingerprint]).await?,
    };
    Ok(())
}

impl Claim {
    /// The name of the advisory lock: the first 64 bits of the key.
    fn lock(&self) -> i64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.key[..8]);
        i64::from_le_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Method};

    use super::{KeyedRequest, parse_key};

    #[test]
    fn keys_are_quoted_or_bare_and_bounded() {
        let parse = |text: &str| parse_key(&HeaderValue::from_str(text).unwrap());
        assert_eq!(parse("abc-1").as_deref(), Some("abc-1"));
        assert_eq!(parse("\"abc-1\"").as_deref(), Some("abc-1"));
        assert_eq!(parse(r#""a\"b\\c""#).as_deref(), Some(r#"a"b\c"#));
        for bad in ["", "\"\"", "\"open", r#""a"b""#, r#""a\n""#, &"k".repeat(256)] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_claim_is_scoped_by_principal_method_path_and_key() {
        let request = |key: Option<&str>, path: &str| KeyedRequest {
            key: key.map(str::to_owned),
            method: Method::POST,
            path: path.to_owned(),
            fingerprint: [0; 32],
        };
        let base = request(Some("k"), "/a").claim("anna").unwrap();
        assert_eq!(request(Some("k"), "/a").claim("anna"), Some(base));
        assert_ne!(request(Some("k"), "/a").claim("bruno"), Some(base));
        assert_ne!(request(Some("k"), "/b").claim("anna"), Some(base));
        assert_ne!(request(Some("l"), "/a").claim("anna"), Some(base));
        assert_eq!(request(None, "/a").claim("anna"), None);
    }
}
