//! Extractors whose rejections are problems.
//!
//! Types that are read from requests carry `#[serde(deny_unknown_fields)]`: an unknown field is 422, an unknown
//! parameter 400. Text with a NUL character never gets past here, because PostgreSQL cannot store it.

use std::{borrow::Cow, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{FromRef, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    problem::{FieldError, Problem},
    state::BodyLimits,
};
use crate::{
    text::{self, pointer_part},
    wording,
};

/// A JSON body, read within its limits; as a response, the JSON of its value.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<S, T> FromRequest<S> for Json<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
    BodyLimits: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = json_bytes(request, BodyLimits::from_ref(state)).await?;
        parse_json(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, super::JSON)], body).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// The bytes of a JSON body: media type, size and time are checked, the content is not.
pub async fn json_bytes(request: Request, limits: BodyLimits) -> Result<Bytes, Problem> {
    check_media_type(request.headers())?;
    read_body(request, limits).await
}

/// A whole body within its limits.
pub async fn read_body(request: Request, limits: BodyLimits) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {} bytes", limits.max_bytes);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limits.max_bytes) {
        return Err(too_large());
    }
    let body: Body = request.into_body();
    let reading = Limited::new(body, limits.max_bytes).collect();
    match tokio::time::timeout(limits.deadline, reading).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => {
            Err(Problem::bad_request("incomplete_body", "the body did not arrive whole").because(error))
        }
        Err(_) => Err(body_timeout(limits.deadline)),
    }
}

/// 408: the body took too long.
pub fn body_timeout(deadline: Duration) -> Problem {
    let detail = format!("the body had not arrived after {} ms", deadline.as_millis());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    const UNSUPPORTED: StatusCode = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Problem::new(UNSUPPORTED, "unsupported_encoding", "send the body without compression"));
    }
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (essence, parameters) = given.split_once(';').unwrap_or((given, ""));
    let essence = essence.trim().to_ascii_lowercase();
    let json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    let parameters = parameters.to_ascii_lowercase();
    let utf8 = !parameters.contains("charset") || parameters.contains("utf-8");
    if json && utf8 {
        return Ok(());
    }
    Err(Problem::new(UNSUPPORTED, "unsupported_media_type", "send the body as application/json"))
}

/// Parses JSON: 400 if it is none, 422 with a pointer if it does not fit.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take a list for a struct, field by field.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::unprocessable(vec![FieldError::body("", "wrong_type", "must be an object")]));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        if error.inner().is_data() || is_json(bytes) {
            unfitting::<T>(bytes, error.path(), &error.inner().to_string())
        } else {
            malformed(error.inner())
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    refuse_nul(bytes)?;
    Ok(value)
}

/// serde_json calls some values wrong syntax that are only not what was expected there.
fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::bad_request("malformed_json", format!("the body is not JSON: {error}"))
}

fn unfitting<T: DeserializeOwned>(bytes: &[u8], path: &serde_path_to_error::Path, message: &str) -> Problem {
    let mut pointer = String::new();
    let mut last = None;
    for segment in path {
        let text = match segment {
            serde_path_to_error::Segment::Seq { index } => Cow::from(index.to_string()),
            serde_path_to_error::Segment::Map { key } => Cow::from(pointer_part(key)),
            _ => continue,
        };
        pointer.push('/');
        pointer.push_str(&text);
        last = Some(text);
    }
    let value: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let is_null =
        value.as_ref().and_then(|value| value.pointer(&pointer)).is_some_and(serde_json::Value::is_null);
    let wording = wording::of::<T>(wording::From::Body { is_null }, path, message);
    if wording.code == "too_deep" {
        // The place where reading stopped helps nobody: the member that goes so deep does.
        pointer.truncate(pointer.match_indices('/').nth(1).map_or(pointer.len(), |(at, _)| at));
    }
    // serde's path ends at the parent of a missing member.
    if let Some(member) = wording.member.map(|member| pointer_part(&member))
        && last.as_deref() != Some(&member)
    {
        pointer.push('/');
        pointer.push_str(&member);
    }
    Problem::unprocessable(vec![FieldError::body(pointer, wording.code, wording.detail)])
}

/// Refuses strings with U+0000, which can only have come as an escape.
fn refuse_nul(bytes: &[u8]) -> Result<(), Problem> {
    const ESCAPE: &[u8] = br"\u0000";
    if !bytes.windows(ESCAPE.len()).any(|window| window == ESCAPE) {
        return Ok(());
    }
    let value = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    let error = |pointer| FieldError::body(pointer, "nul", text::NUL);
    let errors: Vec<_> = text::nuls(&value).into_iter().map(error).collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::unprocessable(errors)) }
}

/// Query parameters of a route that is not a list; lists use [`super::listing::Listing`].
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse_query(&query_pairs(parts.uri.query().unwrap_or_default())?).map(Self)
    }
}

/// Most parameters in one query: no route has half as many.
const MAX_PARAMETERS: usize = 64;

/// The decoded parameters; refuses NUL, text that is not UTF-8, and too many of them.
pub fn query_pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query)
        .map_err(|_| Problem::bad_request("malformed_query", "the query string does not parse"))?;
    if pairs.len() > MAX_PARAMETERS {
        return Err(Problem::bad_request("too_many_parameters", "the query string has too many parameters"));
    }
    match pairs
        .iter()
        .find(|(name, value)| [name, value].iter().any(|text| text.contains(['\0', '\u{fffd}'])))
    {
        Some((name, _)) => Err(Problem::invalid_parameters(vec![FieldError::query(
            name,
            "invalid_text",
            "is not valid UTF-8 text without U+0000",
        )])),
        None => Ok(pairs),
    }
}

/// 400 for parameters where there are none: names the first one.
pub fn refuse_query(query: &str) -> Option<Problem> {
    match query_pairs(query) {
        Ok(pairs) => pairs.first().map(|(name, _)| {
            let detail = "there is no such parameter; there are none";
            Problem::invalid_parameters(vec![FieldError::query(name, "unknown_parameter", detail)])
        }),
        Err(problem) => Some(problem),
    }
}

/// Reads parameters into a type; 400 names the parameter that is wrong, and those that exist.
pub fn parse_query<T: DeserializeOwned>(pairs: &[(String, String)]) -> Result<T, Problem> {
    let encoded = serde_urlencoded::to_string(pairs).expect("pairs of strings encode");
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded(&encoded));
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let message = error.inner().to_string();
        let wording = wording::of::<T>(wording::From::Query, error.path(), &message);
        let name = wording.member.unwrap_or_else(|| error.path().to_string());
        Problem::invalid_parameters(vec![FieldError::query(&name, wording.code, wording.detail)])
    })
}

fn form_urlencoded(encoded: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(encoded.as_bytes())
}

/// Path parameters; one that does not parse names nothing, so it is 404.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.path().contains("%00") {
            return Err(Problem::not_found("resource"));
        }
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) if rejection.status().is_server_error() => Err(Problem::internal(rejection)),
            Err(_) => Err(Problem::not_found("resource")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{parse_json, parse_query, query_pairs};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only its reading is tested")]
        title: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only its reading is tested")]
        slots: Vec<Slot>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Slot {
        #[expect(dead_code, reason = "only its reading is tested")]
        start: u32,
    }

    fn body(text: &str) -> (u16, String, String) {
        let problem = parse_json::<Body>(text.as_bytes()).unwrap_err();
        let (pointer, code) = problem
            .errors()
            .first()
            .map_or((String::new(), problem.code().to_owned()), |e| (e.pointer.clone(), e.code.to_string()));
        (problem.status().as_u16(), pointer, code)
    }

    #[test]
    fn wrong_bodies_name_the_place() {
        let cases = [
            (r#"{"title": 3}"#, 422, "/title", "wrong_type"),
            (r#"{"slots": []}"#, 422, "/title", "required"),
            (
                r#"{"title": "x", "slots": [{"start": 1}, {"start": "x"}]}"#,
                422,
                "/slots/1/start",
                "wrong_type",
            ),
            (r#"{"title": "x", "slots": [{}]}"#, 422, "/slots/0/start", "required"),
            (r#"{"title": "x", "slots": [{"start": 1, "end": 2}]}"#, 422, "/slots/0/end", "unknown_field"),
            (r#"{"title": "x", "title": "y"}"#, 422, "/title", "duplicate_field"),
            (r#"{"title": "a\u0000b"}"#, 422, "/title", "nul"),
            (r#"{"title": "x""#, 400, "", "malformed_json"),
            (r#"{"title": "x"} y"#, 400, "", "malformed_json"),
            ("", 400, "", "malformed_json"),
            ("[]", 422, "", "wrong_type"),
        ];
        for (text, status, pointer, code) in cases {
            assert_eq!(body(text), (status, pointer.to_owned(), code.to_owned()), "{text}");
        }
        assert!(parse_json::<Body>(br#"{"title": "back\\u0000slash"}"#).is_ok());
    }

    #[derive(Debug, Deserialize)]
    struct Anything {
        #[expect(dead_code, reason = "only its reading is tested")]
        any: serde_json::Value,
    }

    #[test]
    fn what_is_nested_too_deeply_is_pointed_at_where_it_begins() {
        let deep = format!(r#"{{"any": {}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        let problem = parse_json::<Anything>(deep.as_bytes()).unwrap_err();
        let error = &problem.errors()[0];
        assert_eq!((error.pointer.as_str(), error.code.as_ref()), ("/any", "too_deep"));
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filters {
        #[expect(dead_code, reason = "only its reading is tested")]
        city: Option<String>,
        #[expect(dead_code, reason = "only its reading is tested")]
        min_price: Option<u32>,
    }

    #[test]
    fn wrong_queries_name_the_parameter() {
        let check = |query: &str| {
            let error = query_pairs(query).and_then(|pairs| parse_query::<Filters>(&pairs)).unwrap_err();
            let first = &error.errors()[0];
            (error.status().as_u16(), first.pointer.clone(), first.code.to_string(), first.detail.to_string())
        };
        let (status, pointer, code, detail) = check("town=roma");
        assert_eq!((status, pointer.as_str(), code.as_str()), (400, "/town", "unknown_parameter"));
        assert!(detail.contains("`city`") && detail.contains("`min_price`"), "{detail}");
        assert_eq!(check("city=a&city=b").2, "repeated_parameter");
        assert_eq!(check("min_price=x").1, "/min_price");
        assert_eq!(check("city=%00").2, "invalid_text");
        assert_eq!(check("city=%ff").2, "invalid_text");
    }
}
