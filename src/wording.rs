//! What clients are told about a value that does not fit. serde's own texts name Rust's types, and those of parsers speak
//! of digits and offsets: people want to know what to send instead.
//!
//! serde says what it expects only when the *type* is wrong; a date that does not parse has its parser's text. So the
//! value is exchanged for one of a type that nothing takes, and the same type is read again: what serde says then names
//! what belongs there. This costs only those who send what is wrong.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::{Path, Segment};

use crate::text;

/// What is wrong with a value, or with the member that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wording {
    /// Stable word for programs.
    pub(crate) code: &'static str,
    /// Sentence for people.
    pub(crate) detail: String,
    /// The member that is missing or repeated: serde's path may end above it.
    pub(crate) member: Option<String>,
}

/// Where the value stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// In JSON, with this value.
    Body {
        /// Whether it was `null`.
        is_null: bool,
    },
    /// In the query string.
    Query,
}

/// The problem that serde had with the value at `path` while it read a `T`, in words for clients.
pub(crate) fn of<T: DeserializeOwned>(from: From, path: &Path, message: &str) -> Wording {
    // " at line 1 column 9" is about the text; the pointer is about the value.
    let message = message.rfind(" at line ").map_or(message, |at| &message[..at]);
    if let Some(wording) = member(from, message) {
        return wording;
    }
    let says = |code, detail: &str| Wording { code, detail: detail.to_owned(), member: None };
    if from == (From::Body { is_null: true }) && path.iter().len() > 0 {
        return says("required", "must not be null");
    }
    if message.starts_with("unknown variant") {
        return says("not_allowed", &one_of(message));
    }
    if message.starts_with("recursion limit") {
        return says(
            "too_deep",
            "is nested too deeply: at most 127 lists and objects in each other are read",
        );
    }
    if ["surrogate", "unicode", "hex escape"].iter().any(|about| message.contains(about)) {
        return says("invalid_text", "is not valid Unicode text");
    }
    let code = code(from, message);
    let expected = type_error(message).map(str::to_owned).or_else(|| {
        let message = refusal::<T>(path, &json!([]))?;
        type_error(&message).map(str::to_owned)
    });
    let detail = match expected.as_deref() {
        Some("a timestamp string") if text::is_beyond(message) => Some(text::TIMES.to_owned()),
        Some("string or map" | "unit") => refusal::<T>(path, &json!("")).map(|text| one_of(&text)),
        Some(expected) => plain(expected).map(|plain| in_range(plain, code, message)),
        None => None,
    };
    says(code, detail.as_deref().unwrap_or("does not fit"))
}

/// Members that should not be there, or should.
fn member(from: From, message: &str) -> Option<Wording> {
    let query = from == From::Query;
    let prefixes = ["missing field `", "unknown field `", "duplicate field `"];
    let (at, rest) =
        prefixes.iter().enumerate().find_map(|(at, prefix)| Some((at, message.strip_prefix(prefix)?)))?;
    let (name, _) = rest.split_once('`')?;
    let (code, detail) = match at {
        0 => ("required", "is required".to_owned()),
        1 => {
            let (code, kind) =
                if query { ("unknown_parameter", "parameter") } else { ("unknown_field", "member") };
            let known = match expected(message).as_slice() {
                [] => "none".to_owned(),
                known => listed(known),
            };
            let detail = format!("there is no such {kind}; there are {known}");
            return Some(Wording { code, detail, member: None });
        }
        _ => {
            let code = if query { "repeated_parameter" } else { "duplicate_field" };
            (code, "is given more than once".to_owned())
        }
    };
    Some(Wording { code, detail, member: Some(name.to_owned()) })
}

fn code(from: From, message: &str) -> &'static str {
    let beyond = ["invalid value: integer", "number out of range", "number too large", "number too small"];
    // Beyond 64 bits serde_json has only floating point.
    let beyond_64 = message.strip_prefix("invalid type: floating point `").and_then(|rest| {
        let number: f64 = rest.split('`').next()?.parse().ok()?;
        Some(number.abs() >= 2f64.powi(63))
    });
    if beyond_64 == Some(true) || beyond.iter().any(|prefix| message.starts_with(prefix)) {
        "out_of_range"
    } else if from != From::Query && (message.starts_with("invalid type") || message == "expected value") {
        "wrong_type"
    } else {
        "invalid"
    }
}

/// What serde expected, if it is the type that was wrong.
fn type_error(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))?;
    rest.rsplit_once(", expected ").map(|(_, expected)| expected)
}

/// What serde says when something else stands at `path`. Nothing else need be there: what is missing is only noticed
/// after what is wrong; and elements of a list are all of one type.
fn refusal<T: DeserializeOwned>(path: &Path, other: &Value) -> Option<String> {
    let segments: Vec<&Segment> = path.iter().collect();
    let tree = segments.into_iter().rev().try_fold(other.clone(), |inner, segment| match segment {
        Segment::Map { key } => Some(json!({ key.as_str(): inner })),
        Segment::Seq { .. } => Some(json!([inner])),
        Segment::Enum { .. } | Segment::Unknown => Some(inner),
    })?;
    serde_json::from_value::<T>(tree).err().map(|error| error.to_string())
}

/// What belongs there, for people.
fn plain(expected: &str) -> Option<&'static str> {
    Some(match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            "must be a whole number"
        }
        "f32" | "f64" => "must be a number",
        "a boolean" => "must be true or false",
        "a string" | "a borrowed string" | "a character" => "must be a string",
        "a date string" => "must be a date such as 2026-12-31",
        "a time string" => "must be a time such as 20:30",
        "a timestamp string" => "must be a time such as 2026-12-31T20:00:00Z",
        "a sequence" => "must be a list",
        "a map" => "must be an object",
        "32 hexadecimal digits" => "must be 32 hexadecimal digits",
        _ if expected.starts_with("struct ") => "must be an object",
        _ if expected.to_ascii_lowercase().contains("uuid") => {
            "must be an id such as 01980f3c-7a3e-7cc1-8f1b-2a6d3a1c9e10"
        }
        _ => return None,
    })
}

/// Whole numbers may be none that fits. Which do is the field's own check, and often far fewer than its type can hold.
fn in_range(plain: &str, code: &str, message: &str) -> String {
    let low = message.contains("`-") || message.starts_with("number too small");
    match code {
        "out_of_range" if low => format!("{plain}; this one is too small"),
        "out_of_range" => format!("{plain}; this one is too large"),
        _ => plain.to_owned(),
    }
}

/// The words that an enumeration has, from "unknown variant `x`, expected one of `a`, `b`".
fn one_of(message: &str) -> String {
    format!("must be one of {}", listed(&expected(message)))
}

/// The names that serde lists at the end of a message, each in backticks.
fn expected(message: &str) -> Vec<&str> {
    let list = message.rsplit_once("`, expected ").map_or("", |(_, list)| list);
    list.split('`').skip(1).step_by(2).collect()
}

pub(crate) fn listed(names: &[&str]) -> String {
    let mut text = String::new();
    for name in names {
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}`{name}`");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::http::extract::{parse_json, parse_query};

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
        DarkBlue,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct All {
        name: String,
        colour: Option<Colour>,
        small: Option<i16>,
        large: Option<u64>,
        ratio: Option<f64>,
        yes: Option<bool>,
        day: Option<jiff::civil::Date>,
        time: Option<jiff::civil::Time>,
        at: Option<jiff::Timestamp>,
        id: Option<uuid::Uuid>,
        parts: Option<Vec<Part>>,
        inner: Option<Part>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Part {
        from: jiff::civil::Date,
    }

    const COLOURS: &str = "must be one of `red`, `dark_blue`";
    const DAY: &str = "must be a date such as 2026-12-31";
    const TIME: &str = "must be a time such as 20:30";
    const AT: &str = "must be a time such as 2026-12-31T20:00:00Z";
    const ID: &str = "must be an id such as 01980f3c-7a3e-7cc1-8f1b-2a6d3a1c9e10";
    const WHOLE: &str = "must be a whole number";
    const LARGE: &str = "must be a whole number; this one is too large";
    const SMALL: &str = "must be a whole number; this one is too small";

    #[test]
    fn a_wrong_member_of_a_body_is_described_for_people() {
        for (body, pointer, code, detail) in [
            (r"{}", "/name", "required", "is required"),
            (r#"{"name": null}"#, "/name", "required", "must not be null"),
            (r#"{"name": 1}"#, "/name", "wrong_type", "must be a string"),
            (r#"{"name": {"a": [1]}}"#, "/name", "wrong_type", "must be a string"),
            (r#"{"name": "\ud800"}"#, "/name", "invalid_text", "is not valid Unicode text"),
            (r#"{"name": "a", "name": "b"}"#, "/name", "duplicate_field", "is given more than once"),
            (r#"{"colour": "gr`een"}"#, "/colour", "not_allowed", COLOURS),
            (r#"{"colour": 3}"#, "/colour", "wrong_type", COLOURS),
            (r#"{"colour": []}"#, "/colour", "wrong_type", COLOURS),
            (r#"{"colour": {"red": 1}}"#, "/colour", "wrong_type", COLOURS),
            (r#"{"small": "1"}"#, "/small", "wrong_type", WHOLE),
            (r#"{"small": 1.5}"#, "/small", "wrong_type", WHOLE),
            (r#"{"small": 32768}"#, "/small", "out_of_range", LARGE),
            (r#"{"small": -32769}"#, "/small", "out_of_range", SMALL),
            (r#"{"small": 1e300}"#, "/small", "out_of_range", LARGE),
            (r#"{"small": 1e999}"#, "/small", "out_of_range", LARGE),
            (r#"{"large": 99999999999999999999}"#, "/large", "out_of_range", LARGE),
            (r#"{"large": -99999999999999999999}"#, "/large", "out_of_range", SMALL),
            (r#"{"large": -1}"#, "/large", "out_of_range", SMALL),
            (r#"{"ratio": "x"}"#, "/ratio", "wrong_type", "must be a number"),
            (r#"{"yes": "true"}"#, "/yes", "wrong_type", "must be true or false"),
            (r#"{"day": "31/12/2026"}"#, "/day", "invalid", DAY),
            (r#"{"day": "2026-02-30"}"#, "/day", "invalid", DAY),
            (r#"{"day": ""}"#, "/day", "invalid", DAY),
            (r#"{"day": 20261231}"#, "/day", "wrong_type", DAY),
            (r#"{"time": "25:00"}"#, "/time", "invalid", TIME),
            (r#"{"time": true}"#, "/time", "wrong_type", TIME),
            (r#"{"at": "2026-12-31"}"#, "/at", "invalid", AT),
            (r#"{"at": "9999-12-31T00:00:00Z"}"#, "/at", "invalid", crate::text::TIMES),
            (r#"{"at": 5}"#, "/at", "wrong_type", AT),
            (r#"{"id": "42"}"#, "/id", "invalid", ID),
            (r#"{"id": 42}"#, "/id", "wrong_type", ID),
            (r#"{"parts": {}}"#, "/parts", "wrong_type", "must be a list"),
            (r#"{"parts": [{"from": "2026-12-31"}, {"from": "x"}]}"#, "/parts/1/from", "invalid", DAY),
            (
                r#"{"parts": [{"from": "2026-12-31"}, {"from": null}]}"#,
                "/parts/1/from",
                "required",
                "must not be null",
            ),
            (r#"{"parts": [7]}"#, "/parts/0", "wrong_type", "must be an object"),
            (r#"{"inner": "x"}"#, "/inner", "wrong_type", "must be an object"),
            (
                r#"{"inner": {"to": 1}}"#,
                "/inner/to",
                "unknown_field",
                "there is no such member; there are `from`",
            ),
            (r"[]", "", "wrong_type", "must be an object"),
            (r"7", "", "wrong_type", "must be an object"),
            (r"null", "", "wrong_type", "must be an object"),
        ] {
            let problem = parse_json::<All>(body.as_bytes()).expect_err(body);
            assert_eq!(problem.status(), 422, "{body}");
            let error = &problem.errors()[0];
            let found = (error.pointer.as_str(), error.code.as_ref(), error.detail.as_ref());
            assert_eq!(found, (pointer, code, detail), "{body}");
        }
        let unknown = parse_json::<All>(br#"{"a`, expected `b": 1}"#).unwrap_err();
        assert_eq!(unknown.errors()[0].pointer, "/a`, expected `b");
        assert!(unknown.errors()[0].detail.ends_with("`id`, `parts`, `inner`"), "{:?}", unknown.errors());
    }

    #[test]
    fn a_wrong_parameter_is_described_for_people() {
        for (name, value, code, detail) in [
            ("colour", "green", "not_allowed", COLOURS),
            ("colour", "", "not_allowed", COLOURS),
            ("small", "x", "invalid", WHOLE),
            ("small", "", "invalid", WHOLE),
            ("small", "1.5", "invalid", WHOLE),
            ("small", "32768", "out_of_range", LARGE),
            ("small", "-32769", "out_of_range", SMALL),
            ("large", "99999999999999999999", "out_of_range", LARGE),
            ("ratio", "x", "invalid", "must be a number"),
            ("yes", "maybe", "invalid", "must be true or false"),
            ("day", "31/12/2026", "invalid", DAY),
            ("time", "25:00", "invalid", TIME),
            ("at", "yesterday", "invalid", AT),
            ("at", "9999-12-31T00:00:00Z", "invalid", crate::text::TIMES),
            ("id", "42", "invalid", ID),
        ] {
            let pairs =
                [("name", "x"), (name, value)].map(|(name, value)| (name.to_owned(), value.to_owned()));
            let problem = parse_query::<All>(&pairs).expect_err(value);
            let error = &problem.errors()[0];
            let found = (error.pointer.trim_start_matches('/'), error.code.as_ref(), error.detail.as_ref());
            assert_eq!(found, (name, code, detail), "{name}={value}");
        }
        let missing = parse_query::<All>(&[]).unwrap_err();
        assert_eq!(missing.detail(), "name: is required");
    }
}
