//! Which part of a content is wanted (RFC 9110, 14). One range is served; of several the whole is, as the standard allows.

use std::ops::Range;

use axum::http::{HeaderMap, HeaderValue, header};

/// What of a content to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes: 206.
    Part(Range<u64>),
    /// Bytes that are not there: 416.
    Nowhere,
}

/// Reads `Range` and `If-Range` of a GET. `tag` is the content's; a client that has another content gets the whole.
pub(super) fn wanted(headers: &HeaderMap, size: u64, tag: &HeaderValue) -> Wanted {
    let Some(range) = headers.get(header::RANGE).and_then(|range| range.to_str().ok()) else {
        return Wanted::Whole;
    };
    // A date is never as good as a tag: whoever sends one gets the whole.
    if headers.get(header::IF_RANGE).is_some_and(|if_range| if_range != tag) {
        return Wanted::Whole;
    }
    // What is no range is ignored.
    parse(range, size).unwrap_or(Wanted::Whole)
}

fn parse(text: &str, size: u64) -> Option<Wanted> {
    let (unit, ranges) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || ranges.contains(',') {
        return None;
    }
    let (first, last) = ranges.trim().split_once('-')?;
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More digits than fit are beyond any end.
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let range = match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => first..size,
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (None, Some(length)) if first.is_empty() => size.saturating_sub(length)..size,
        _ => return None,
    };
    Some(if range.start < range.end { Wanted::Part(range) } else { Wanted::Nowhere })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{Wanted, parse, wanted};

    #[test]
    fn one_range_is_served_and_what_is_none_is_ignored() {
        for (text, expected) in [
            ("bytes=0-0", Some(Wanted::Part(0..1))),
            ("bytes=90-", Some(Wanted::Part(90..100))),
            ("bytes=90-500", Some(Wanted::Part(90..100))),
            ("bytes=-10", Some(Wanted::Part(90..100))),
            ("bytes=-1000", Some(Wanted::Part(0..100))),
            ("Bytes=1-99999999999999999999999", Some(Wanted::Part(1..100))),
            ("bytes=100-", Some(Wanted::Nowhere)),
            ("bytes=-0", Some(Wanted::Nowhere)),
            ("bytes=5-4", None),
            ("bytes=0-1,5-6", None),
            ("bytes=a-b", None),
            ("bytes=-", None),
            ("bytes=1", None),
            ("lines=1-2", None),
            ("bytes=+1-2", None),
        ] {
            assert_eq!(parse(text, 100), expected, "{text}");
        }
    }

    #[test]
    fn a_client_with_another_content_gets_the_whole() {
        let tag = HeaderValue::from_static("\"a\"");
        let ask = |if_range: &'static str| {
            let mut headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=1-2"))]);
            headers.insert(header::IF_RANGE, HeaderValue::from_static(if_range));
            wanted(&headers, 10, &tag)
        };
        assert_eq!(ask("\"a\""), Wanted::Part(1..3));
        for other in ["\"b\"", "W/\"a\"", "Sat, 29 Oct 2044 19:43:31 GMT"] {
            assert_eq!(ask(other), Wanted::Whole, "{other}");
        }
    }
}
