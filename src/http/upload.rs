//! Uploads of a picture: a form with one file, or the bare file as the body. Their size and time are bounded; what they
//! call themselves is not believed.

use std::{error::Error as _, iter, time::Duration};

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, multipart::MultipartError},
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{
    extract::read_body,
    problem::{FieldError, Problem},
    state::BodyLimits,
    validate::Checks,
};

/// What a form may have besides the file: its boundaries, its headers, a description.
const FORM_OVERHEAD: usize = 16 << 10;
/// An upload over a slow line; there must be time left for making the picture.
const DEADLINE: Duration = Duration::from_secs(40);
/// Bodies that are the file itself.
const FILES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "application/octet-stream"];

/// A form with a picture.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a form that is read part by part")]
pub struct UploadForm {
    /// A JPEG, PNG or WebP picture.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    /// What it shows, for those who cannot see it.
    #[schema(max_length = 300)]
    alt: Option<String>,
}

/// The picture itself.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body that is read as it is")]
pub struct UploadFile(Vec<u8>);

/// What was sent.
#[derive(Debug)]
pub struct Upload {
    /// The picture, if it is one.
    pub image: Bytes,
    /// What it shows.
    pub alt: String,
}

impl Upload {
    /// Reads a form or a file: 413 beyond `max_bytes`, 415 for anything else.
    pub async fn read(request: Request, max_bytes: usize, alt_max: usize) -> Result<Self, Problem> {
        let essence = essence(request.headers())?;
        let limits = |max_bytes| BodyLimits { max_bytes, deadline: DEADLINE };
        let upload = if FILES.contains(&essence.as_str()) {
            Self { image: read_body(request, limits(max_bytes)).await?, alt: String::new() }
        } else if essence == "multipart/form-data" {
            let (parts, body) = request.into_parts();
            let body = read_body(Request::new(body), limits(max_bytes + FORM_OVERHEAD)).await?;
            Self::from_form(&parts.headers, body, alt_max).await?
        } else {
            return Err(unsupported(
                "send a form (multipart/form-data) with the file in `image`, or the file itself",
            ));
        };
        if upload.image.len() > max_bytes {
            let detail = format!("the image is larger than {max_bytes} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
        }
        if upload.image.is_empty() {
            return Err(field("/image", "required", "must not be empty"));
        }
        Ok(upload)
    }

    async fn from_form(headers: &HeaderMap, body: Bytes, alt_max: usize) -> Result<Self, Problem> {
        let mut request = Request::new(Body::from(body));
        if let Some(kind) = headers.get(header::CONTENT_TYPE) {
            request.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
        }
        DefaultBodyLimit::disable().apply(&mut request); // it was limited while it was read
        let form = Multipart::from_request(request, &()).await;
        let mut form = form.map_err(|_| malformed("the boundary is missing in Content-Type"))?;
        let (mut image, mut alt) = (None, None);
        while let Some(part) = form.next_field().await.map_err(unreadable)? {
            let name = part.name().unwrap_or_default().to_owned();
            let known = match name.as_str() {
                "image" => image.replace(part.bytes().await.map_err(unreadable)?).is_some(),
                "alt" => alt.replace(text(&part.bytes().await.map_err(unreadable)?, alt_max)?).is_some(),
                _ => return Err(field(&pointer(&name), "unknown_field", "the form has `image` and `alt`")),
            };
            if known {
                return Err(field(
                    &pointer(&name),
                    "duplicate_field",
                    "is there twice; send one image at a time",
                ));
            }
        }
        let image =
            image.ok_or_else(|| field("/image", "required", "the form has no part called `image`"))?;
        Ok(Self { image, alt: alt.unwrap_or_default() })
    }

    /// What makes it the same upload: boundaries of forms differ from try to try.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update((self.alt.len() as u64).to_le_bytes());
        hasher.update(&self.alt);
        hasher.update(&self.image);
        hasher.finalize().into()
    }
}

fn essence(headers: &HeaderMap) -> Result<String, Problem> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(unsupported("send the body without compression"));
    }
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn text(bytes: &[u8], max: usize) -> Result<String, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| field("/alt", "invalid_text", "is not UTF-8 text"))?;
    let mut checks = Checks::default();
    let text = checks.line("/alt", text, 0..=max).to_owned();
    checks.done().map(|()| text)
}

fn pointer(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn field(pointer: &str, code: &'static str, detail: &'static str) -> Problem {
    Problem::unprocessable(vec![FieldError::body(pointer, code, detail)])
}

/// 400 for a form that is none.
pub(super) fn malformed(detail: &'static str) -> Problem {
    Problem::bad_request("malformed_multipart", detail)
}

/// What is wrong with a form that cannot be read on.
pub(super) fn unreadable(error: MultipartError) -> Problem {
    // What a header of a part has of a client's own is the file's name. The parser's errors are no types of ours to match.
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    match causes.last().map(ToString::to_string).as_deref() {
        Some("failed to parse header value" | "invalid header value" | "invalid new line") => {
            let detail = "a part's header has control characters: send the file's name without them";
            Problem::rule("unsafe_name", detail)
        }
        Some("invalid header name") => {
            malformed("a line of a part's header is no header: names of files have no line breaks")
        }
        _ => malformed("the body is no multipart/form-data with the boundary of its Content-Type"),
    }
    .because(error)
}

/// 415 with what to send instead.
pub fn unsupported(advice: &'static str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", advice)
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        extract::{FromRequest as _, Multipart, Request},
        http::header,
    };

    use super::unreadable;

    #[tokio::test]
    async fn names_with_control_characters_are_called_so() {
        for (name, code) in
            [("a\x01b", "unsafe_name"), ("a\rb", "unsafe_name"), ("a\nb", "malformed_multipart")]
        {
            let part = "Content-Disposition: form-data; name=\"image\"; filename=";
            let form = format!("--XX\r\n{part}\"{name}\"\r\n\r\nx\r\n--XX--\r\n");
            let request = Request::builder()
                .header(header::CONTENT_TYPE, "multipart/form-data; boundary=XX")
                .body(Body::from(form))
                .unwrap();
            let mut form = Multipart::from_request(request, &()).await.unwrap();
            let error = form.next_field().await.expect_err("it cannot be read");
            let problem = unreadable(error);
            assert_eq!(problem.code(), code, "{name:?}: {}", problem.detail());
        }
    }
}
