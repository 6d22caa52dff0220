//! PDF documents that are set when somebody asks for them.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::{
    conditional::{ETag, none_match_names, not_modified},
    documents::PRIVATE,
    negotiate::Coding,
    problem::{Problem, SOON},
};
use crate::pdf::{PressError, RenderError};

const PDF: HeaderValue = HeaderValue::from_static("application/pdf");
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// A PDF document.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body")]
pub(super) struct Paper(Vec<u8>);

/// Busy passes; a text that has become too long is the sender's; everything else is ours.
pub(super) fn as_problem(error: RenderError) -> Problem {
    match error {
        RenderError::Busy | RenderError::Late => Problem::unavailable(SOON).because(error),
        RenderError::Refused(PressError::TooLarge) => Problem::rule("too_large", error.to_string()),
        RenderError::Refused(PressError::Broken { .. }) => Problem::internal(error),
    }
}

/// Sends a PDF under a plain name, to the one who asked and nobody else; who has it already hears so.
pub(super) fn answer(pdf: Bytes, name: &str, headers: &HeaderMap) -> Response {
    let tag = ETag::of_bytes(&pdf).header(Coding::Identity);
    if none_match_names(headers, &tag) {
        return not_modified(tag, PRIVATE);
    }
    let digest = format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(&pdf)));
    let disposition = format!("attachment; filename=\"{name}\"");
    let mut response = pdf.into_response();
    let headers = response.headers_mut();
    for (name, text) in [(REPR_DIGEST, digest), (header::CONTENT_DISPOSITION, disposition)] {
        headers.extend(HeaderValue::try_from(text).ok().map(|value| (name, value)));
    }
    for (name, value) in [(header::CONTENT_TYPE, PDF), (header::CACHE_CONTROL, PRIVATE), (header::ETAG, tag)]
    {
        headers.insert(name, value);
    }
    response
}
