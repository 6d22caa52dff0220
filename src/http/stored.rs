//! Bodies that are encoded and compressed once and served many times: cached pages, documents, static files.
//!
//! Serving one copies nothing: the bytes are shared, the headers are made beforehand.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    compress::{Effort, compress},
    conditional::{ETag, none_match_names, not_modified},
    negotiate::{self, Coding},
    problem::Problem,
};
use crate::actors::data::cache::Value;

/// One body in every coding that is worth it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Indexed as [`Coding::ALL`].
    variants: [Option<Variant>; 4],
    content_type: HeaderValue,
    cache_control: HeaderValue,
    link: Option<HeaderValue>,
    version: Option<i64>,
}

#[derive(Debug, Clone)]
struct Variant {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Stored {
    /// A body as it is; add codings with [`Self::with`] or [`Self::compressed`].
    pub fn new(identity: Bytes, content_type: HeaderValue, cache_control: HeaderValue) -> Self {
        let etag = ETag::of_bytes(&identity);
        let variant = Variant { etag: etag.header(Coding::Identity), bytes: identity };
        Self {
            variants: [None, None, None, Some(variant)],
            content_type,
            cache_control,
            link: None,
            version: None,
        }
    }

    /// Puts the version of the resource into the ETags, so that they serve for `If-Match`. Before any coding is added.
    #[must_use]
    pub fn versioned(mut self, version: i64) -> Self {
        self.version = Some(version);
        let etag = self.tag_of(self.identity()).header(Coding::Identity);
        if let Some(identity) = &mut self.variants[index(Coding::Identity)] {
            identity.etag = etag;
        }
        self
    }

    /// The tag of these bytes, as part of this resource.
    pub fn tag_of(&self, bytes: &[u8]) -> ETag {
        match self.version {
            Some(version) => ETag::of_version_and_bytes(version, bytes),
            None => ETag::of_bytes(bytes),
        }
    }

    /// Adds a `Link` to answers.
    #[must_use]
    pub fn linked(mut self, link: Option<HeaderValue>) -> Self {
        self.link = link;
        self
    }

    /// Adds bytes that were compressed elsewhere.
    #[must_use]
    pub fn with(mut self, coding: Coding, bytes: Bytes) -> Self {
        let etag = self.tag_of(self.identity()).header(coding);
        self.variants[index(coding)] = Some(Variant { bytes, etag });
        self
    }

    /// Compresses with every coding, and keeps those that are smaller. Takes milliseconds per 10 KiB at
    /// [`Effort::Stored`]: not for the hot path.
    #[must_use]
    pub fn compressed(mut self, effort: Effort) -> Self {
        let etag = self.tag_of(self.identity());
        for coding in [Coding::Brotli, Coding::Zstd, Coding::Gzip] {
            if let Ok(bytes) = compress(self.identity(), coding, effort)
                && bytes.len() < self.identity().len()
            {
                self.variants[index(coding)] =
                    Some(Variant { bytes: bytes.into(), etag: etag.header(coding) });
            }
        }
        self
    }

    /// The body without compression.
    pub fn identity(&self) -> &Bytes {
        let identity = self.variants[index(Coding::Identity)].as_ref();
        &identity.expect("new() puts identity, and nothing takes it away").bytes
    }

    /// The bytes in `coding`, if that is kept.
    pub fn bytes(&self, coding: Coding) -> Option<&Bytes> {
        self.variants[index(coding)].as_ref().map(|variant| &variant.bytes)
    }

    /// Answers a GET or HEAD: 200 in the best coding, 304 if the client has it, 406 if nothing fits.
    pub fn answer(&self, request: &HeaderMap) -> Response {
        let Some(coding) = negotiate::choose(request, |coding| self.variants[index(coding)].is_some()) else {
            return not_acceptable().into_response();
        };
        let variant = self.variants[index(coding)].as_ref().expect("only kept codings are chosen");
        if none_match_names(request, &variant.etag) {
            return not_modified(variant.etag.clone(), self.cache_control.clone());
        }
        let mut response = Response::new(Body::from(variant.bytes.clone()));
        let headers = response.headers_mut();
        headers.reserve(16);
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        headers.insert(header::ETAG, variant.etag.clone());
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        headers.insert(header::VARY, super::VARY_ENCODING);
        if let Some(link) = &self.link {
            headers.insert(header::LINK, link.clone());
        }
        if let Some(encoding) = coding.header() {
            headers.insert(header::CONTENT_ENCODING, encoding);
        }
        response
    }
}

impl Value for Stored {
    fn weight(&self) -> usize {
        self.variants.iter().flatten().map(|variant| variant.bytes.len()).sum()
    }

    fn improved(&self) -> Self {
        self.clone().compressed(Effort::Stored)
    }

    fn same_content(&self, other: &Self) -> bool {
        self.identity() == other.identity() && self.link == other.link
    }

    /// Each header with its length before it, then the body: the other codings are made again where they are earned.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.identity().len() + 256);
        let version = self.version.map(HeaderValue::from);
        let headers =
            [Some(&self.content_type), Some(&self.cache_control), self.link.as_ref(), version.as_ref()];
        for header in headers {
            let value = header.map_or(&[][..], HeaderValue::as_bytes);
            let length = u16::try_from(value.len()).unwrap_or(0); // ours are shorter than a request may be
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&value[..length.into()]);
        }
        bytes.extend_from_slice(self.identity());
        bytes
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut header = || {
            let (length, rest) = bytes.split_first_chunk::<2>()?;
            let (value, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
            bytes = rest;
            HeaderValue::from_bytes(value).ok()
        };
        let (content_type, cache_control, link, version) = (header()?, header()?, header()?, header()?);
        let body = Bytes::copy_from_slice(bytes);
        let page =
            Self::new(body, content_type, cache_control).linked(Some(link).filter(|it| !it.is_empty()));
        match version.to_str().ok()? {
            "" => Some(page),
            version => Some(page.versioned(version.parse().ok()?)),
        }
    }
}

const fn index(coding: Coding) -> usize {
    match coding {
        Coding::Brotli => 0,
        Coding::Zstd => 1,
        Coding::Gzip => 2,
        Coding::Identity => 3,
    }
}

/// 406: the client refuses every coding that we have.
pub fn not_acceptable() -> Problem {
    const DETAIL: &str = "Accept-Encoding refuses identity and every coding that we have (br, zstd, gzip)";
    Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", DETAIL)
        .header(header::VARY, super::VARY_ENCODING)
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Bytes,
        http::{HeaderMap, HeaderValue, header},
    };

    use super::Stored;
    use crate::{actors::data::cache::Value as _, http::compress::Effort};

    fn page() -> Stored {
        let text = Bytes::from("{\"data\":[]}".repeat(200));
        Stored::new(text, super::super::JSON, HeaderValue::from_static("public, max-age=15"))
            .compressed(Effort::Fast)
    }

    fn get(accept: &str, if_none_match: Option<&HeaderValue>) -> axum::response::Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, accept.parse().unwrap());
        if let Some(tag) = if_none_match {
            headers.insert(header::IF_NONE_MATCH, tag.clone());
        }
        page().answer(&headers)
    }

    #[test]
    fn a_page_survives_its_journey_to_another_node() {
        let link = HeaderValue::from_static("</next>; rel=\"next\"");
        let page = page().linked(Some(link)).versioned(7);
        let copy = Stored::decode(&page.encode()).unwrap();
        assert!(copy.same_content(&page));
        assert_eq!(copy.answer(&HeaderMap::new()).headers(), page.answer(&HeaderMap::new()).headers());
        assert_eq!((copy.content_type, copy.cache_control), (page.content_type, page.cache_control));
        assert!(Stored::decode(b"\x05\x00no").is_none());
    }

    #[test]
    fn each_coding_has_its_own_strong_etag_and_304_repeats_the_headers() {
        let tags: Vec<_> =
            ["br", "zstd", "gzip", "identity"].map(|c| get(c, None).headers()[header::ETAG].clone()).to_vec();
        for (at, tag) in tags.iter().enumerate() {
            assert!(!tag.as_bytes().starts_with(b"W/") && !tags[..at].contains(tag), "{tag:?}");
        }
        let again = get("br", Some(&tags[0]));
        assert_eq!(again.status(), 304);
        for name in [header::ETAG, header::CACHE_CONTROL, header::VARY] {
            assert!(again.headers().contains_key(&name), "{name}");
        }
        assert_eq!(get("gzip", Some(&tags[0])).status(), 200, "the tag of another coding is another body");
        assert_eq!(get("*;q=0", None).status(), 406);
    }
}
