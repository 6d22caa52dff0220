//! Content codings and languages: what a client accepts (RFC 9110, 12.5.3 and 12.5.4), and what we answer with.
//!
//! The highest q-value wins; at equal ones br before zstd before gzip, because stored bodies are smallest in brotli.
//! Identity is acceptable unless it is refused, and 406 is only for clients that refuse everything we have.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::mail::Language;

/// A content coding that we can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// As it is.
    Identity,
    /// Brotli.
    Brotli,
    /// Zstandard, with a window of at most 8 MiB (RFC 9659).
    Zstd,
    /// Gzip.
    Gzip,
}

impl Coding {
    /// All codings, preferred ones first.
    pub const ALL: [Self; 4] = [Self::Brotli, Self::Zstd, Self::Gzip, Self::Identity];

    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The value of `Content-Encoding`; none for identity.
    pub const fn header(self) -> Option<HeaderValue> {
        match self {
            Self::Identity => None,
            coding => Some(HeaderValue::from_static(coding.name())),
        }
    }
}

/// The best language of ours that a client asks for (RFC 9110, 12.5.4); `otherwise` when it asks for none of them.
pub fn language(headers: &HeaderMap, otherwise: Language) -> Language {
    let mut best: Option<(u16, Language)> = None;
    let values = headers.get_all(header::ACCEPT_LANGUAGE).into_iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let (range, parameters) = item.split_once(';').unwrap_or((item, ""));
        let Some(q) = quality(parameters).filter(|q| *q > 0) else { continue };
        let primary = range.trim().split('-').next().unwrap_or_default();
        let language = match primary {
            _ if primary.eq_ignore_ascii_case("it") => Language::It,
            _ if primary.eq_ignore_ascii_case("en") => Language::En,
            "*" => otherwise,
            _ => continue,
        };
        if best.is_none_or(|(best, _)| q > best) {
            best = Some((q, language));
        }
    }
    best.map_or(otherwise, |(_, language)| language)
}

/// Q-values in thousandths, by coding; what the header does not say is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Accepted {
    brotli: Option<u16>,
    zstd: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

/// The best coding among those that are available; `None` if the client refuses them all (406).
pub fn choose(headers: &HeaderMap, available: impl Fn(Coding) -> bool) -> Option<Coding> {
    choose_for(headers.get_all(header::ACCEPT_ENCODING), available)
}

/// As [`choose`], for the values of `Accept-Encoding`.
pub fn choose_for<'h>(
    accept: impl IntoIterator<Item = &'h HeaderValue>,
    available: impl Fn(Coding) -> bool,
) -> Option<Coding> {
    let accepted = parse(accept);
    let mut best: Option<(u16, Coding)> = None;
    for coding in Coding::ALL {
        let q = accepted.q(coding);
        if q > 0 && available(coding) && best.is_none_or(|(best_q, _)| q > best_q) {
            best = Some((q, coding));
        }
    }
    best.map(|(_, coding)| coding)
}

impl Accepted {
    fn q(&self, coding: Coding) -> u16 {
        match coding {
            Coding::Brotli => self.brotli.or(self.any).unwrap_or(0),
            Coding::Zstd => self.zstd.or(self.any).unwrap_or(0),
            Coding::Gzip => self.gzip.or(self.any).unwrap_or(0),
            // Not mentioned, it is acceptable, but less wanted than anything that is mentioned.
            Coding::Identity => self.identity.or(self.any.map(|q| q.min(1))).unwrap_or(1),
        }
    }
}

fn parse<'h>(accept: impl IntoIterator<Item = &'h HeaderValue>) -> Accepted {
    let mut accepted = Accepted::default();
    let values = accept.into_iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let Some(q) = quality(parameters) else { continue };
        let name = name.trim();
        let slot = match name {
            _ if name.eq_ignore_ascii_case("br") => &mut accepted.brotli,
            _ if name.eq_ignore_ascii_case("zstd") => &mut accepted.zstd,
            _ if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                &mut accepted.gzip
            }
            _ if name.eq_ignore_ascii_case("identity") => &mut accepted.identity,
            "*" => &mut accepted.any,
            _ => continue,
        };
        *slot = Some(q);
    }
    accepted
}

/// The q-value in thousandths; 1000 if there is none, `None` if it is malformed (the coding is then ignored).
fn quality(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let value = parameters.strip_prefix("q=").or_else(|| parameters.strip_prefix("Q="))?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths =
        fraction.bytes().zip([100, 10, 1]).map(|(digit, unit)| u16::from(digit - b'0') * unit).sum();
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{Coding, Language, choose, language};

    fn check(accept: Option<&str>, expected: Option<Coding>) {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT_ENCODING, accept.parse().unwrap());
        }
        assert_eq!(choose(&headers, |_| true), expected, "{accept:?}");
    }

    #[test]
    fn the_table_of_accept_encoding() {
        use Coding::{Brotli, Gzip, Identity, Zstd};
        check(None, Some(Identity));
        check(Some(""), Some(Identity));
        check(Some("gzip, deflate, br, zstd"), Some(Brotli));
        check(Some("gzip, zstd"), Some(Zstd));
        check(Some("gzip;q=0"), Some(Identity));
        check(Some("br;q=0.1, gzip;q=1"), Some(Gzip));
        check(Some("br;q=0.001"), Some(Brotli));
        check(Some("*"), Some(Brotli));
        check(Some("br;q=0, *"), Some(Zstd));
        check(Some("*;q=0"), None);
        check(Some("identity;q=0"), None);
        check(Some("identity;q=0, gzip"), Some(Gzip));
        check(Some("identity;q=1, gzip;q=0.5"), Some(Identity));
        check(Some("*;q=0, identity"), Some(Identity));
        check(Some("GZIP ; Q=0.8"), Some(Gzip));
        check(Some("br;q=2, gzip"), Some(Gzip));
        check(Some("compress, deflate"), Some(Identity));
    }

    #[test]
    fn only_what_is_available_is_chosen() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, "br, gzip;q=0.5".parse().unwrap());
        assert_eq!(choose(&headers, |coding| coding != Coding::Brotli), Some(Coding::Gzip));
        assert_eq!(choose(&headers, |coding| coding == Coding::Identity), Some(Coding::Identity));
    }

    #[test]
    fn the_language_that_is_asked_for_most_is_spoken() {
        let asked = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(value).unwrap());
            language(&headers, Language::It)
        };
        assert_eq!(language(&HeaderMap::new(), Language::En), Language::En);
        for value in ["en", "EN-gb;q=0.8, it;q=0.5", "de, en;q=0.7, *;q=0.1", "it;q=0, en;q=0.1"] {
            assert_eq!(asked(value), Language::En, "{value}");
        }
        for value in ["it", "de-CH, fr", "*", "it-IT, en;q=0.9", "en;q=0, *", "en;q=x"] {
            assert_eq!(asked(value), Language::It, "{value}");
        }
    }
}
