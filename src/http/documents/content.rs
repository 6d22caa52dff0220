//! Downloads: the content of a version as a stream, whole or from where a download broke off. Never shown by a browser as
//! a page of ours.

use std::{fmt::Write as _, ops::Range};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use data_encoding::BASE64;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    desk::Reader,
    range::{Wanted, wanted},
    told::{Teller, write},
};
use crate::{
    documents::versions::{self, Content, Version},
    http::{
        conditional::{ETag, none_match_names, not_modified},
        extract::{Path, Query},
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::DocumentId,
};

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
/// Whatever a browser thinks it is, nothing in it runs.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'");
/// Nobody keeps a copy but the one who asked; a copy that is kept is asked for again.
pub(in crate::http) const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache, no-transform");
const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(download))
}

/// Which version.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// The number of the version; else the newest.
    #[param(minimum = 1)]
    version: Option<i32>,
}

/// The file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body")]
pub(in crate::http) struct DocumentContent(Vec<u8>);

/// Sends the content of a document, or a part of it. Being an administrator is not enough.
#[utoipa::path(get, path = "/documents/{id}/content", tag = "documents", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document"), Which,
        ("Range" = Option<String>, Header, description = "One range of bytes; of several the whole is sent"),
        ("If-Range" = Option<String>, Header, description = "The ETag of the part that one has")),
    responses((status = 200, description = "The file; `Repr-Digest` has its SHA-256", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 206, description = "The part that was asked for", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 304, description = "The client has it"), (status = 416, description = "The file is shorter")))]
async fn download(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    Query(which): Query<Which>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let now = state.clock.now();
    let found = versions::content(&state.db, teller.principal.user, id, which.version, now).await?;
    let Some(content) = found else { return Err(teller.missed(&state, "document.read", id).await?) };
    let number = content.version.number;
    serve(&state, &content, (&method, &headers), PRIVATE, async |_| {
        let due = state.documents.due((Reader::Person(teller.principal.user), id, number), now).await;
        if !due.is_empty() {
            let mut entry = teller.entry(now, "document.read", id);
            entry.details = serde_json::json!({ "version": number });
            write(&state, entry).await?;
            due.said();
        }
        Ok(())
    })
    .await
}

/// What of a content leaves the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Sent {
    /// What is known of it.
    Head,
    /// Some of it.
    Part,
    /// All of it.
    Whole,
}

/// Answers a request for a content by somebody who may have it. Whatever is sent is `told` first, when it is ready to be sent:
/// what cannot be told is not sent.
pub(in crate::http) async fn serve(
    state: &AppState,
    content: &Content,
    (method, headers): (&Method, &HeaderMap),
    cache: HeaderValue,
    told: impl AsyncFnOnce(Sent) -> Result<(), Problem>,
) -> Answer {
    let tag = ETag::of_version(content.version.sha256.hex()).header(Coding::Identity);
    if none_match_names(headers, &tag) {
        return Ok(not_modified(tag, cache));
    }
    let size = content.version.bytes.unsigned_abs();
    if method != Method::GET {
        told(Sent::Head).await?;
        return Ok(sent(&content.version, (tag, cache), None, None));
    }
    let part = match wanted(headers, size, &tag) {
        Wanted::Whole => None,
        Wanted::Part(part) => Some(part),
        Wanted::Nowhere => return Err(not_satisfiable(size)?),
    };
    let range = part.clone().unwrap_or(0..size);
    let extent = if range == (0..size) { Sent::Whole } else { Sent::Part };
    let body = Body::from_stream(state.contents.open(content, range).await?);
    told(extent).await?;
    Ok(sent(&content.version, (tag, cache), part.as_ref(), Some(body)))
}

fn not_satisfiable(size: u64) -> Result<Problem, Problem> {
    let detail = format!("the file has {size} bytes");
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail);
    let whole = HeaderValue::try_from(format!("bytes */{size}")).map_err(Problem::internal)?;
    Ok(problem.header(header::CONTENT_RANGE, whole))
}

fn sent(
    version: &Version,
    (tag, cache): (HeaderValue, HeaderValue),
    part: Option<&Range<u64>>,
    body: Option<Body>,
) -> Response {
    let mut response = body.unwrap_or_default().into_response();
    let size = version.bytes.unsigned_abs();
    let length = part.map_or(size, |part| part.end - part.start);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::ACCEPT_RANGES, BYTES);
    headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    // Ranges and digests are of these bytes: nobody on the way packs them.
    headers.insert(header::CONTENT_ENCODING, IDENTITY);
    let texts = [
        (header::CONTENT_TYPE, version.media_type.clone()),
        (header::CONTENT_DISPOSITION, disposition(&version.name)),
        (REPR_DIGEST, format!("sha-256=:{}:", BASE64.encode(&version.sha256.0))),
    ];
    for (name, text) in texts {
        headers.extend(HeaderValue::try_from(text).ok().map(|value| (name, value)));
    }
    if let Some(Range { start, end }) = part {
        let text = format!("bytes {start}-{}/{size}", end - 1);
        headers.extend(HeaderValue::try_from(text).ok().map(|value| (header::CONTENT_RANGE, value)));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// `Content-Disposition` (RFC 6266): the name for old clients, and in full (RFC 8187).
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' })
        .collect();
    let mut text = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                text.push(byte as char);
            } else {
                let _ = write!(text, "%{byte:02X}"); // strings take everything
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn names_are_written_for_old_and_new_clients() {
        assert_eq!(disposition("Atto 12.pdf"), "attachment; filename=\"Atto 12.pdf\"");
        assert_eq!(
            disposition("perché \"no\".pdf"),
            "attachment; filename=\"perch_ _no_.pdf\"; filename*=UTF-8''perch%C3%A9%20%22no%22.pdf"
        );
    }
}
