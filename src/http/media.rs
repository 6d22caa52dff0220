//! Stored pictures, for everybody who knows their address. They never change: a picture that is replaced has another
//! address.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    conditional::{ETag, none_match_names, not_modified},
    extract::Path,
    negotiate::Coding,
    problem::{Answer, Problem, SOON},
    state::AppState,
};
use crate::{
    actors::data::{
        contents::ContentError,
        storage::{Storage, StorageError},
    },
    events::images::Key,
};

/// As long as caches may be told (RFC 9111 knows no "for ever").
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const JPEG: HeaderValue = HeaderValue::from_static("image/jpeg");
const INLINE: HeaderValue = HeaderValue::from_static("inline");
/// Pages of other origins may show them.
const CROSS_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// A full disk is not empty a moment later.
const DISK_PAUSE: std::time::Duration = std::time::Duration::from_secs(10);

/// The route, at the root: addresses of pictures are not part of a version of the API.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(serve))
}

/// A JPEG.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body")]
struct Jpeg(Vec<u8>);

/// Serves a picture.
#[utoipa::path(get, path = "/media/{name}", tag = "events",
    params(("name" = String, Path, description = "As in the addresses of an event's images",
        example = "0f0e0d0c0b0a09080706050403020100-320.jpg")),
    responses((status = 200, description = "The picture", body = inline(Jpeg), content_type = "image/jpeg"),
        (status = 304, description = "The client has it")))]
async fn serve(State(storage): State<Storage>, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let missing = || Problem::not_found("picture");
    let (key, size) = Key::parse(&name).ok_or_else(missing)?;
    let (file, etag) = (key.file(size), ETag::of_version(key.name(size)).header(Coding::Identity));
    if none_match_names(&headers, &etag) && storage.has(&file).await? {
        return Ok(not_modified(etag, IMMUTABLE));
    }
    let bytes = storage.get(&file).await?.ok_or_else(missing)?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JPEG);
    headers.insert(header::CONTENT_DISPOSITION, INLINE);
    headers.insert(header::CACHE_CONTROL, IMMUTABLE);
    headers.insert(header::ETAG, etag);
    headers.insert(RESOURCE_POLICY, CROSS_ORIGIN);
    Ok(response)
}

impl From<ContentError> for Problem {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Storage(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Overloaded => Self::unavailable(SOON),
            StorageError::Away => Self::unavailable(SOON).because(error),
            StorageError::Failed(_) => Self::unavailable(DISK_PAUSE).because(error),
            StorageError::NoKey | StorageError::BrokeOff(_) => Self::internal(error),
        }
    }
}
