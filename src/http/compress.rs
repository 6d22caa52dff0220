//! Compression in memory for bodies that are at hand, and on the fly for those that stream.
//!
//! Never compressed: what is already encoded, images, and event streams (a viewer must see each event at once).

use std::io::{self, Read as _, Write as _};

use async_compression::{
    Level,
    tokio::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder},
};
use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, HeaderValue, header, response},
    response::Response,
};
use futures_util::TryStreamExt;
use http_body_util::BodyExt as _;
use tokio_util::io::{ReaderStream, StreamReader};

use super::negotiate::{self, Coding};

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// For one answer: microseconds count.
    Fast,
    /// For answers that are kept and served many times.
    Stored,
}

/// Larger bodies are compressed while they stream, so that one answer cannot hold a worker for long.
const MAX_IN_MEMORY: u64 = 128 * 1024;

/// Compresses a whole body.
pub fn compress(bytes: &[u8], coding: Coding, effort: Effort) -> io::Result<Vec<u8>> {
    let stored = effort == Effort::Stored;
    let mut compressed = Vec::with_capacity(bytes.len() / 3);
    match coding {
        Coding::Identity => compressed.extend_from_slice(bytes),
        Coding::Brotli => {
            // Beyond 5, and with windows larger than the body, the encoder clears tables of many MiB for each body.
            let quality = if stored { 5 } else { 3 };
            let window = (usize::BITS - bytes.len().leading_zeros()).clamp(10, 20);
            brotli::CompressorReader::new(bytes, bytes.len().clamp(1, 1 << 16), quality, window)
                .read_to_end(&mut compressed)?;
        }
        Coding::Zstd => {
            // Knows the size and makes its tables as small. These levels have windows of at most 4 MiB; browsers refuse
            // those beyond 8 MiB (RFC 9659).
            compressed = zstd::bulk::compress(bytes, if stored { 12 } else { 1 })?;
        }
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(
                &mut compressed,
                flate2::Compression::new(if stored { 9 } else { 1 }),
            );
            encoder.write_all(bytes)?;
            encoder.finish()?;
        }
    }
    Ok(compressed)
}

/// Compresses an answer for this client if that is worth it. Without an acceptable coding it stays as it is: whoever
/// made the body decides about 406. `accept` is the client's `Accept-Encoding`.
pub async fn compress_response(
    accept: Option<&HeaderValue>,
    mut response: Response,
    min_bytes: usize,
) -> Response {
    let size = HttpBody::size_hint(response.body());
    if size.upper().is_some_and(|upper| upper < min_bytes as u64) || !worth_it(response.headers()) {
        return response;
    }
    add_vary(response.headers_mut());
    let coding = negotiate::choose_for(accept, |_| true).unwrap_or(Coding::Identity);
    let Some(encoding) = coding.header() else { return response };
    // Boxed: most answers do not come here, and every request's future would have room for this one.
    Box::pin(encoded(response, coding, encoding)).await
}

async fn encoded(response: Response, coding: Coding, encoding: HeaderValue) -> Response {
    let exact = HttpBody::size_hint(response.body()).exact();
    let (mut parts, body) = response.into_parts();
    let body = match exact {
        Some(exact) if exact <= MAX_IN_MEMORY => match in_memory(body, coding).await {
            Ok(compressed) => compressed,
            Err(original) => return Response::from_parts(parts, Body::from(original)),
        },
        _ => streamed(body, coding),
    };
    describe(&mut parts, coding, encoding);
    Response::from_parts(parts, body)
}

/// `Err` gives the bytes back if they cannot be made smaller.
async fn in_memory(body: Body, coding: Coding) -> Result<Body, Bytes> {
    // The size is exact, so the frames are at hand; a body that fails has nothing to give back.
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    match compress(&bytes, coding, Effort::Fast) {
        Ok(compressed) if compressed.len() < bytes.len() => Ok(Body::from(compressed)),
        _ => Err(bytes),
    }
}

fn streamed(body: Body, coding: Coding) -> Body {
    let reader = StreamReader::new(TryStreamExt::map_err(body.into_data_stream(), io::Error::other));
    match coding {
        Coding::Identity => Body::from_stream(ReaderStream::new(reader)),
        Coding::Brotli => {
            Body::from_stream(ReaderStream::new(BrotliEncoder::with_quality(reader, Level::Precise(3))))
        }
        Coding::Zstd => {
            Body::from_stream(ReaderStream::new(ZstdEncoder::with_quality(reader, Level::Fastest)))
        }
        Coding::Gzip => {
            Body::from_stream(ReaderStream::new(GzipEncoder::with_quality(reader, Level::Fastest)))
        }
    }
}

fn describe(parts: &mut response::Parts, coding: Coding, encoding: HeaderValue) {
    let headers = &mut parts.headers;
    headers.insert(header::CONTENT_ENCODING, encoding);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::ACCEPT_RANGES);
    // Another representation needs another strong tag.
    let tag =
        headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).and_then(|tag| tag.strip_suffix('"'));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(format!("{tag}-{}\"", coding.name())).ok()) {
        headers.insert(header::ETAG, tag);
    }
}

fn add_vary(headers: &mut HeaderMap) {
    let known = headers
        .get_all(header::VARY)
        .iter()
        .any(|value| *value == super::VARY_READER || value.to_str().is_ok_and(names_encoding));
    if !known {
        headers.append(header::VARY, super::VARY_ENCODING);
    }
}

fn names_encoding(vary: &str) -> bool {
    vary.split(',').any(|name| name.trim().eq_ignore_ascii_case("accept-encoding"))
}

fn worth_it(headers: &HeaderMap) -> bool {
    if headers.contains_key(header::CONTENT_ENCODING) || headers.contains_key(header::CONTENT_RANGE) {
        return false;
    }
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let text = essence.starts_with("text/") && essence != "text/event-stream";
    text || matches!(
        essence,
        "application/json"
            | "application/problem+json"
            | "application/fhir+json"
            | "application/health+json"
            | "application/javascript"
            | "application/openmetrics-text"
            | "image/svg+xml"
    )
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::HeaderValue, response::Response};
    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::compress_response;

    async fn answer(kind: &'static str, body: Body) -> (Option<String>, Option<String>, usize) {
        let accept = HeaderValue::from_static("gzip");
        let response =
            Response::builder().header("content-type", kind).header("etag", "\"v1\"").body(body).unwrap();
        let response = compress_response(Some(&accept), response, 1024).await;
        let text = |name| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        let (encoding, etag) = (text("content-encoding"), text("etag"));
        (encoding, etag, response.into_body().collect().await.unwrap().to_bytes().len())
    }

    #[tokio::test]
    async fn json_is_compressed_and_gets_a_tag_of_its_own() {
        let (encoding, etag, size) = answer("application/json", Body::from("[0]".repeat(1000))).await;
        assert_eq!((encoding.as_deref(), etag.as_deref()), (Some("gzip"), Some("\"v1-gzip\"")));
        assert!(size < 300, "{size}");
    }

    #[tokio::test]
    async fn streams_are_compressed_too() {
        let parts = stream::iter((0..100).map(|_| Ok::<_, std::io::Error>("[0]".repeat(100))));
        let (encoding, _, size) = answer("application/json", Body::from_stream(parts)).await;
        assert_eq!(encoding.as_deref(), Some("gzip"));
        assert!(size < 3_000, "{size}");
    }

    #[tokio::test]
    async fn small_bodies_images_and_event_streams_stay_as_they_are() {
        for (kind, body) in [
            ("application/json", "[0]".repeat(10)),
            ("image/png", "[0]".repeat(1000)),
            ("text/event-stream", "[0]".repeat(1000)),
        ] {
            let size = body.len();
            assert_eq!(
                answer(kind, Body::from(body)).await,
                (None, Some("\"v1\"".to_owned()), size),
                "{kind}"
            );
        }
    }
}
