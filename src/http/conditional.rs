//! Conditional requests (RFC 9110, 13): `ETag`, `If-None-Match` → 304, `If-Match` → 412 or 428.
//!
//! Entity tags are strong and belong to one representation: a compressed one has the coding as a suffix. `If-Match`
//! is about the resource, so there the suffix is ignored.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::{
    negotiate::Coding,
    problem::{FieldError, Problem},
};

/// 96 bits: two representations of one resource never collide by accident.
const HASH_BYTES: usize = 12;

/// A strong entity tag, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of a resource that counts its versions.
    pub fn of_version(version: impl std::fmt::Display) -> Self {
        Self(format!("v{version}"))
    }

    /// The tag of a resource that counts its versions, in an answer that also holds what changes without a version
    /// (tickets left, reviews). [`IfMatch`] compares the version alone.
    pub fn of_version_and_bytes(version: impl std::fmt::Display, bytes: &[u8]) -> Self {
        Self(format!("v{version}.{}", Self::of_bytes(bytes).0))
    }

    /// The tag of these bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(BASE64URL_NOPAD.encode(&Sha256::digest(bytes)[..HASH_BYTES]))
    }

    /// The header of this representation in `coding`.
    pub fn header(&self, coding: Coding) -> HeaderValue {
        let text = match coding {
            Coding::Identity => format!("\"{}\"", self.0),
            coding => format!("\"{}-{}\"", self.0, coding.name()),
        };
        HeaderValue::try_from(text).expect("tags are base64url or numbers")
    }
}

/// Tags of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`
    Any,
    /// Opaque parts with their weakness.
    List(Vec<(bool, String)>),
}

impl Tags {
    /// Reads a header that may be repeated; `None` if it is absent, `Err` if it is none of the two forms.
    pub fn parse(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, Problem> {
        let mut found = None;
        for value in headers.get_all(name) {
            let tags = value.to_str().ok().and_then(parse_tags).ok_or_else(|| {
                let detail = "must be `*` or a list of quoted entity tags";
                Problem::invalid_parameters(vec![FieldError::header(name.as_str(), "malformed", detail)])
            })?;
            found = Some(match (found, tags) {
                (Some(Self::List(mut list)), Self::List(more)) => {
                    list.extend(more);
                    Self::List(list)
                }
                (Some(Self::Any), _) | (_, Self::Any) => Self::Any,
                (None, list) => list,
            });
        }
        Ok(found)
    }

    fn any(&self, fits: impl Fn(bool, &str) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::List(list) => list.iter().any(|(weak, tag)| fits(*weak, tag)),
        }
    }
}

fn parse_tags(text: &str) -> Option<Tags> {
    let mut rest = text.trim();
    if rest == "*" {
        return Some(Tags::Any);
    }
    let mut list = Vec::new();
    while !rest.is_empty() {
        let weak = rest.starts_with("W/");
        let opened = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
        let (tag, after) = opened.split_once('"')?;
        list.push((weak, tag.to_owned()));
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => "",
            None => return None,
        };
    }
    (!list.is_empty()).then_some(Tags::List(list))
}

/// The version that the client believes to change.
#[derive(Debug, Clone)]
pub struct IfMatch(pub Option<Tags>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Tags::parse(&parts.headers, &header::IF_MATCH).map(Self)
    }
}

impl IfMatch {
    /// 428 without the header, 412 unless it names the current version.
    pub fn check(&self, current: &ETag) -> Result<(), Problem> {
        let tags = self.0.as_ref().ok_or_else(Problem::precondition_required)?;
        let version = |tag: &str| tag.split_once('.').map_or(tag, |(version, _)| version) == current.0;
        let resource =
            |tag: &str| Coding::ALL.iter().any(|coding| without_suffix(tag, *coding).is_some_and(version));
        if tags.any(|weak, tag| !weak && resource(tag)) {
            Ok(())
        } else {
            Err(Problem::precondition_failed())
        }
    }
}

fn without_suffix(tag: &str, coding: Coding) -> Option<&str> {
    match coding {
        Coding::Identity => Some(tag),
        coding => tag.strip_suffix(coding.name())?.strip_suffix('-'),
    }
}

/// The representations that the client already has.
#[derive(Debug, Clone)]
pub struct IfNoneMatch(pub Option<Tags>);

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Tags::parse(&parts.headers, &header::IF_NONE_MATCH).map(Self)
    }
}

impl IfNoneMatch {
    /// Whether the client has this very resource version, in whatever coding: answer [`not_modified`].
    pub fn has(&self, current: &ETag) -> bool {
        let resource =
            |tag: &str| Coding::ALL.iter().any(|coding| without_suffix(tag, *coding) == Some(&current.0));
        self.0.as_ref().is_some_and(|tags| tags.any(|_, tag| resource(tag)))
    }
}

/// Whether `If-None-Match` names `tag` (with its quotes), by weak comparison. Malformed headers match nothing.
pub fn none_match_names(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let Some(first) = headers.get(header::IF_NONE_MATCH) else { return false };
    // What clients really send: the very tag.
    if first == tag {
        return true;
    }
    let opaque = tag.to_str().unwrap_or_default().trim_matches('"');
    matches!(Tags::parse(headers, &header::IF_NONE_MATCH), Ok(Some(tags)) if tags.any(|_, known| known == opaque))
}

/// 304 with what RFC 9110 15.4.5 wants to be repeated.
pub fn not_modified(etag: HeaderValue, cache_control: HeaderValue) -> Response {
    let headers =
        [(header::ETAG, etag), (header::CACHE_CONTROL, cache_control), (header::VARY, super::VARY_ENCODING)];
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, header};

    use super::{ETag, IfMatch, IfNoneMatch, Tags, none_match_names};
    use crate::http::negotiate::Coding;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_NONE_MATCH, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn if_none_match_takes_lists_weak_tags_and_stars() {
        let tag = ETag::of_version(7).header(Coding::Brotli);
        for (values, expected) in [
            (&["\"v7-br\""][..], true),
            (&["W/\"v7-br\""], true),
            (&["\"a\", W/\"v7-br\" , \"b\""], true),
            (&["\"a\"", "\"v7-br\""], true),
            (&["*"], true),
            (&["\"v7\""], false),
            (&["\"v7-gzip\""], false),
            (&["v7-br"], false),
            (&["\"v7-br"], false),
            (&[""], false),
            (&[], false),
        ] {
            assert_eq!(none_match_names(&headers(values), &tag), expected, "{values:?}");
        }
    }

    #[test]
    fn if_match_is_about_the_resource_and_refuses_weak_tags() {
        let current = ETag::of_version(7);
        let status = |value: Option<&str>| {
            let headers = headers(&value.map_or(vec![], |value| vec![value]));
            let tags = Tags::parse(&headers, &header::IF_NONE_MATCH).unwrap();
            IfMatch(tags).check(&current).map_or_else(|problem| problem.status().as_u16(), |()| 200)
        };
        assert_eq!(status(Some("\"v7\"")), 200);
        assert_eq!(status(Some("\"v7-zstd\"")), 200);
        assert_eq!(status(Some("*")), 200);
        let shown = ETag::of_version_and_bytes(7, b"seven tickets left").header(Coding::Gzip);
        assert_eq!(status(shown.to_str().ok()), 200);
        assert_eq!(status(Some("\"v70.x\"")), 412);
        assert_eq!(status(Some("W/\"v7\"")), 412);
        assert_eq!(status(Some("\"v6\"")), 412);
        assert_eq!(status(None), 428);
        assert!(IfNoneMatch(Some(Tags::List(vec![(true, "v7-br".to_owned())]))).has(&current));
    }
}
