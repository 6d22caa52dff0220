//! The headers of tus 1.0 (<https://tus.io/protocols/resumable-upload>).

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse as _, Response},
};
use data_encoding::BASE64;
use jiff::{Timestamp, fmt::rfc2822};
use ring::digest;

use crate::{
    documents::uploads::Upload,
    http::problem::{Answer, FieldError, Problem},
};

pub(super) const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const ALGORITHMS: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
/// The version we speak.
pub(super) const ONE: HeaderValue = HeaderValue::from_static("1.0.0");
/// The media type of pieces.
pub(super) const PIECE: &str = "application/offset+octet-stream";
/// What tus answers when a checksum is wrong.
const CHECKSUM_MISMATCH: u16 = 460;
/// Pairs of metadata; the longest header is bounded by the server.
const PAIRS_MAX: usize = 32;

/// Every answer says which version it is of, problems too.
pub(super) fn answered(answer: Answer) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(RESUMABLE, ONE);
    response
}

/// Refuses clients of another version.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(RESUMABLE) == Some(&ONE) {
        return Ok(());
    }
    let detail = "send `Tus-Resumable: 1.0.0`";
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "unsupported_tus_version", detail).header(VERSION, ONE))
}

fn wrong(name: &HeaderName, code: &'static str, detail: &'static str) -> Problem {
    Problem::invalid_parameters(vec![FieldError::header(name.as_str(), code, detail)])
}

/// A number of bytes; `None` when the header is missing.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number.map(Some).ok_or_else(|| wrong(name, "malformed", "must be a whole number of bytes"))
}

/// What a client says of its file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) name: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) title: Option<String>,
    pub(super) desk: Option<String>,
    pub(super) document: Option<String>,
}

impl Metadata {
    /// Keys with base64 values, as clients call them; what we do not know is theirs.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let malformed = || wrong(&METADATA, "malformed", "must be a list of `key base64`, each key once");
        let mut metadata = Self::default();
        let Some(value) = headers.get(METADATA) else { return Ok(metadata) };
        let text = value.to_str().map_err(|_| malformed())?;
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            let (key, coded) = pair.split_once(' ').unwrap_or((pair, ""));
            let decoded =
                BASE64.decode(coded.trim().as_bytes()).ok().and_then(|it| String::from_utf8(it).ok());
            let decoded =
                decoded.filter(|it| count < PAIRS_MAX && !it.contains('\0')).ok_or_else(malformed)?;
            let place = match key {
                "filename" | "name" => &mut metadata.name,
                "filetype" | "type" => &mut metadata.kind,
                "title" => &mut metadata.title,
                "desk" => &mut metadata.desk,
                "document" => &mut metadata.document,
                _ => continue,
            };
            // Some clients send the name under both of its keys.
            if place.replace(decoded.clone()).is_some_and(|before| before != decoded) {
                return Err(malformed());
            }
        }
        Ok(metadata)
    }
}

/// What is known of an upload, as headers.
pub(super) fn describe(upload: &Upload, headers: &mut HeaderMap) {
    headers.insert(OFFSET, upload.offset.into());
    headers.insert(LENGTH, upload.length.into());
    headers.extend(expires(upload.expires_at).map(|date| (EXPIRES, date)));
    let coded = |text: &str| BASE64.encode(text.as_bytes());
    let mut metadata = format!("filename {}", coded(&upload.name));
    if let Some(kind) = &upload.declared_type {
        metadata.extend([",filetype ", &coded(kind)]);
    }
    headers.extend(HeaderValue::try_from(metadata).ok().map(|metadata| (METADATA, metadata)));
}

/// A date as HTTP writes it.
pub(super) fn expires(at: Timestamp) -> Option<HeaderValue> {
    const HTTP: rfc2822::DateTimePrinter = rfc2822::DateTimePrinter::new();
    HTTP.timestamp_to_rfc9110_string(&at).ok().and_then(|text| HeaderValue::try_from(text).ok())
}

/// What the whole body must hash to.
pub(in crate::http) struct Checksum {
    context: digest::Context,
    expected: Vec<u8>,
}

impl Checksum {
    /// As `Upload-Checksum` says, if it is there.
    pub(super) fn read(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get(CHECKSUM) else { return Ok(None) };
        let (name, coded) = value.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
        let algorithm = match name {
            "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            "sha256" => &digest::SHA256,
            _ => {
                return Err(wrong(
                    &CHECKSUM,
                    "unknown_algorithm",
                    "must be `sha1` or `sha256` and the hash in base64",
                ));
            }
        };
        let expected = BASE64.decode(coded.trim().as_bytes()).ok();
        let expected = expected.filter(|hash| hash.len() == algorithm.output_len());
        let expected = expected.ok_or_else(|| wrong(&CHECKSUM, "malformed", "is not a hash in base64"))?;
        Ok(Some(Self { context: digest::Context::new(algorithm), expected }))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// 460 when the body was another one.
    pub(super) fn verify(self) -> Result<(), Problem> {
        if self.context.finish().as_ref() == self.expected {
            return Ok(());
        }
        let status = StatusCode::from_u16(CHECKSUM_MISMATCH).expect("it has three digits");
        Err(Problem::new(
            status,
            "checksum_mismatch",
            "the body is not what its checksum says: send it again",
        ))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    #[test]
    fn metadata_is_read_as_clients_write_it() {
        let read = |text: &str| {
            let headers = HeaderMap::from_iter([(METADATA, text.parse().unwrap())]);
            Metadata::read(&headers)
        };
        let known =
            read("filename YXR0by5wZGY=, filetype YXBwbGljYXRpb24vcGRm,relativePath bnVsbA==,is_private")
                .unwrap();
        assert_eq!(
            (known.name.as_deref(), known.kind.as_deref()),
            (Some("atto.pdf"), Some("application/pdf"))
        );
        assert_eq!(read("").unwrap(), Metadata::default());
        for bad in ["filename %%%", "filename YQ==,name Yg==", "filename /w==", "filename AA=="] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_are_those_of_http() {
        let date = expires(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(date, "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
