//! Problems (RFC 9457): the only error a handler returns, and the only mapping from errors to statuses.
//!
//! A [`Problem`] travels as a response extension; [`super::front`] writes its body, because only there the request id
//! and the path are at hand, and logs its source once. The source is never shown. `code` and `title` are stable,
//! `detail` is for people.

use std::{borrow::Cow, error::Error, sync::Arc, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;

/// What every handler returns.
pub type Answer<T = Response> = Result<T, Problem>;

/// The media type of problems.
pub const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An error as the client will see it. Small: one pointer.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    members: serde_json::Map<String, serde_json::Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Which part of the request: `body`, `query`, `path` or `header`.
    #[serde(rename = "in")]
    pub place: Place,
    /// JSON pointer (RFC 6901) to the field inside that part; `""` is the whole part.
    #[schema(example = "/title")]
    pub pointer: String,
    /// Stable word for programs.
    #[schema(example = "too_long")]
    pub code: Cow<'static, str>,
    /// Sentence for people.
    #[schema(example = "has 300 characters, at most 200 are allowed")]
    pub detail: Cow<'static, str>,
}

/// Part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The body.
    Body,
    /// The query string.
    Query,
    /// The path.
    Path,
    /// A header.
    Header,
}

impl FieldError {
    /// A wrong field of the body.
    pub fn body(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { place: Place::Body, pointer: pointer.into(), code: code.into(), detail: detail.into() }
    }

    /// A wrong query parameter.
    pub fn query(parameter: &str, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { place: Place::Query, pointer: pointer_to(parameter), code: code.into(), detail: detail.into() }
    }

    /// A wrong header.
    pub fn header(name: &str, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { place: Place::Header, pointer: pointer_to(name), code: code.into(), detail: detail.into() }
    }
}

/// The JSON pointer to a top-level member.
fn pointer_to(member: &str) -> String {
    format!("/{}", member.replace('~', "~0").replace('/', "~1"))
}

/// The document as written, and its schema in OpenAPI.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Problem")]
pub struct ProblemDocument<'a> {
    /// Names the kind of problem: `urn:sportello:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:sportello:problem:not_found")]
    pub kind: String,
    /// The kind of problem in words; never changes for a code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable word for programs.
    #[schema(example = "not_found")]
    pub code: &'a str,
    /// This occurrence in words.
    pub detail: &'a str,
    /// The path that was asked for.
    pub instance: &'a str,
    /// Quote it when you ask for help.
    pub request_id: &'a str,
    /// Every wrong field.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub errors: &'a [FieldError],
    /// Further members of some kinds, documented where they occur.
    #[serde(flatten)]
    #[schema(ignore)]
    pub members: &'a serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// A problem of one's own; prefer the constructors below.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            members: serde_json::Map::new(),
            headers: Vec::new(),
            source: None,
        }))
    }

    /// 400: the request makes no sense.
    pub fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400 with the parameters or headers that are wrong.
    pub fn invalid_parameters(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => Cow::from(format!("{}: {}", only.pointer.trim_start_matches('/'), only.detail)),
            _ => Cow::from("some parameters are wrong; see errors"),
        };
        Self::bad_request("invalid_parameters", detail).with_errors(errors)
    }

    /// 401 without credentials.
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "sign in and send `Authorization: Bearer …`")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sportello\""))
    }

    /// 401 with credentials that are not (or no longer) valid.
    pub fn invalid_token(detail: impl Into<Cow<'static, str>>) -> Self {
        const CHALLENGE: HeaderValue =
            HeaderValue::from_static("Bearer realm=\"sportello\", error=\"invalid_token\"");
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", detail)
            .header(header::WWW_AUTHENTICATE, CHALLENGE)
    }

    /// 401 for a wrong password and the like, where a token was never the question.
    pub fn invalid_credentials(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sportello\""))
    }

    /// 403: known, but not allowed. For foreign objects answer [`Problem::not_found`].
    pub fn forbidden(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404: there is no such thing, or it is not the caller's.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// 409: the state of the thing forbids it.
    pub fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 412: somebody else changed the resource (`If-Match` does not match).
    pub fn precondition_failed() -> Self {
        const DETAIL: &str = "the resource has changed since you read it; read it again";
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", DETAIL)
    }

    /// 428: `If-Match` is missing.
    pub fn precondition_required() -> Self {
        const DETAIL: &str = "send If-Match with the ETag of the version you read";
        Self::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", DETAIL)
    }

    /// 422 with every wrong field of the body.
    pub fn unprocessable(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] if only.pointer.is_empty() => only.detail.clone(),
            [only] => Cow::from(format!("{}: {}", only.pointer, only.detail)),
            _ => Cow::from(format!("{} fields are wrong; see errors", errors.len())),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", detail).with_errors(errors)
    }

    /// 422: every field is right by itself, a rule forbids it all the same.
    pub fn rule(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 429.
    pub fn too_many(retry_after: Duration) -> Self {
        const DETAIL: &str = "too many requests; wait as long as Retry-After says";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", DETAIL).retry_after(retry_after)
    }

    /// 500: our fault. The source is logged, never shown.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        const DETAIL: &str = "something went wrong on our side; it has been logged under the request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", DETAIL).because(source)
    }

    /// 500 from an error without a type.
    pub fn internal_anyhow(source: anyhow::Error) -> Self {
        Self::internal(source.into_boxed_dyn_error())
    }

    /// 503: a part is overloaded or away, and nothing has been done.
    pub fn unavailable(retry_after: Duration) -> Self {
        const DETAIL: &str = "the service is overloaded or restarting; nothing was done, try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", DETAIL).retry_after(retry_after)
    }

    /// 503: the request ran out of time. Writes may have happened or not.
    pub fn deadline_exceeded() -> Self {
        const DETAIL: &str =
            "no answer in time; a write may have happened: repeat it with its Idempotency-Key";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "deadline_exceeded", DETAIL).retry_after(SOON)
    }

    /// 503: the connection broke while committing; only a repetition with the same key can tell.
    pub fn outcome_unknown() -> Self {
        const DETAIL: &str = "it is not known whether this happened: repeat it with the same Idempotency-Key, \
                              or look before you repeat it";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", DETAIL).retry_after(SOON)
    }

    /// Adds the fields that are wrong.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds a member of one's own, for example how many tickets are left.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Adds `Retry-After`, rounded up to whole seconds: never too early.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(secs.max(1)))
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What people read.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The fields that are wrong.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The cause, for the log.
    pub fn source(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.0.source.as_deref()
    }

    /// The body.
    pub fn document<'a>(&'a self, instance: &'a str, request_id: &'a str) -> ProblemDocument<'a> {
        ProblemDocument {
            kind: format!("urn:sportello:problem:{}", self.0.code),
            title: title(&self.0.code),
            status: self.0.status.as_u16(),
            code: &self.0.code,
            detail: &self.0.detail,
            instance,
            request_id,
            errors: &self.0.errors,
            members: &self.0.members,
        }
    }

    /// The whole response, body included.
    pub fn render(&self, instance: &str, request_id: &str) -> Response {
        let body = serde_json::to_vec(&self.document(instance, request_id))
            .expect("a problem has only string keys and values that serialize");
        let mut response = (self.0.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        for (name, value) in &self.0.headers {
            headers.append(name.clone(), value.clone());
        }
        response
    }
}

/// When to come back if nothing better is known.
pub const SOON: Duration = Duration::from_secs(1);

/// Parts of codes that are written in capitals.
const ACRONYMS: [&str; 2] = ["json", "uri"];

/// `sold_out` becomes `Sold out`: as stable as the code.
fn title(code: &str) -> String {
    let words = code.split('_').map(|word| match word {
        acronym if ACRONYMS.contains(&acronym) => acronym.to_uppercase(),
        word => word.to_owned(),
    });
    let mut title = words.collect::<Vec<_>>().join(" ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unknown => Self::outcome_unknown().because(error),
            DbError::Overloaded => Self::unavailable(SOON),
            _ if error.is_unavailable() => Self::unavailable(SOON).because(error),
            // The only such days are those that were asked for: the service's own are of this age.
            _ if error.is_beyond_time() => {
                Self::bad_request("time_out_of_range", "a day or time lies too far from today").because(error)
            }
            _ => Self::internal(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FieldError, Problem, title};

    #[test]
    fn a_problem_shows_code_title_and_pointers_but_never_its_source() {
        let problem = Problem::unprocessable(vec![FieldError::body("/title", "too_long", "is too long")])
            .because("SELECT secret FROM users")
            .member("left", 3);
        let shown = serde_json::to_value(problem.document("/api/v1/events", "r-1")).unwrap();
        assert_eq!(
            shown,
            serde_json::json!({
                "type": "urn:sportello:problem:validation_failed", "title": "Validation failed", "status": 422,
                "code": "validation_failed", "detail": "/title: is too long", "instance": "/api/v1/events",
                "request_id": "r-1", "left": 3,
                "errors": [{"in": "body", "pointer": "/title", "code": "too_long", "detail": "is too long"}],
            })
        );
    }

    #[test]
    fn titles_are_the_codes_as_people_write_them() {
        for (code, expected) in [
            ("sold_out", "Sold out"),
            ("malformed_json", "Malformed JSON"),
            ("uri_too_long", "URI too long"),
            ("", ""),
        ] {
            assert_eq!(title(code), expected);
        }
    }

    #[test]
    fn retry_after_is_rounded_up() {
        let response = Problem::too_many(Duration::from_millis(2_001)).render("/", "r");
        assert_eq!(response.headers()["retry-after"], "3");
        let response = Problem::unavailable(Duration::ZERO).render("/", "r");
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
