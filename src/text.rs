//! What text and JSON from people may hold, wherever they come from (HTTP, the command line), and how stored text is shown
//! to the next one. Pure rules: those who ask wrap the answers in their own errors.

use std::{borrow::Cow, fmt::Write as _, ops::RangeInclusive};

use jiff::Timestamp;
use serde_json::Value;

/// The length of a reason, in characters: a sentence for whoever reads the journal next year.
pub const REASON: RangeInclusive<usize> = 1..=500;

/// What is wrong with `text` (spaces around it do not count), if anything: a word for programs, a sentence for people.
pub fn wrong(text: &str, chars: RangeInclusive<usize>) -> Option<(&'static str, Cow<'static, str>)> {
    let trimmed = text.trim();
    let length = trimmed.chars().count();
    // What nobody sees says nothing, also where it is not blank; but it takes its room.
    Some(if *chars.start() > 0 && trimmed.chars().all(is_invisible) {
        ("required", "must not be empty".into())
    } else if length < *chars.start() {
        ("too_short", format!("needs at least {} characters", chars.start()).into())
    } else if length > *chars.end() {
        ("too_long", format!("has {length} characters, at most {} are allowed", chars.end()).into())
    } else if trimmed.chars().any(|c| c.is_control() && !is_blank(c)) {
        ("invalid_text", "must not contain control characters".into())
    } else {
        return None;
    })
}

/// The same for one line: a name, a tag, a key.
pub fn wrong_line(text: &str, chars: RangeInclusive<usize>) -> Option<(&'static str, Cow<'static, str>)> {
    let lines = || text.trim().contains(is_blank).then(|| ("invalid_text", "must be a single line".into()));
    wrong(text, chars).or_else(lines)
}

/// Takes no place: Unicode's `Default_Ignorable_Code_Point`, as far as people paste it.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}')
}

const fn is_blank(c: char) -> bool {
    matches!(c, '\n' | '\t' | '\r')
}

/// Times reach so far, in both directions.
pub const TIMES: &str =
    "must be a time such as 2026-12-31T20:00:00Z, from the year -9999 to 9999-12-30T22:00:00Z";

/// A time, as people write it.
pub fn time(text: &str) -> Result<Timestamp, String> {
    text.parse::<Timestamp>().map_err(|error| {
        let why =
            if is_beyond(&error.to_string()) { TIMES } else { "write a time such as 2026-12-31T20:00:00Z" };
        why.to_owned()
    })
}

/// Whether this is said of a time that is one, but beyond what can be kept.
pub fn is_beyond(message: &str) -> bool {
    ["range", "overflow", "exceeds", "bound"].iter().any(|word| message.contains(word))
}

/// A name as a part of a JSON pointer.
pub fn pointer_part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// JSON pointers to everything that holds U+0000, which PostgreSQL cannot store.
pub fn nuls(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    find_nuls(value, "", &mut found);
    found
}

/// What is said of it.
pub const NUL: &str = "must not contain U+0000";

fn find_nuls(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains('\0') => found.push(pointer.to_owned()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_nuls(item, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(members) => {
            if members.keys().any(|key| key.contains('\0')) {
                found.push(pointer.to_owned());
            }
            for (key, item) in members {
                find_nuls(item, &format!("{pointer}/{}", pointer_part(key)), found);
            }
        }
        _ => {}
    }
}

/// Text for a terminal: what would move its cursor, colour it or turn its direction is shown as an escape, the same as in
/// JSON. Lines and tabs stay.
pub fn shown(text: &str) -> Cow<'_, str> {
    let acts = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_refused_by_its_length_and_by_what_a_terminal_would_do_with_it() {
        let code = |text: &str| wrong(text, REASON).map(|(code, _)| code);
        assert_eq!(code(" a quiet\nnight "), None);
        assert_eq!((code("  "), code(&"x".repeat(501))), (Some("required"), Some("too_long")));
        assert_eq!((code("a\u{1b}[2J"), code("a\u{9b}2J")), (Some("invalid_text"), Some("invalid_text")));
        assert_eq!(wrong("a", 2..=3).unwrap().0, "too_short");
        assert_eq!((code("\u{200b}\u{202e}"), wrong("\u{200b}", 0..=9)), (Some("required"), None));
        assert_eq!(wrong(&"\u{200b}".repeat(10), 0..=9).unwrap().0, "too_long");
        assert_eq!(wrong_line("a\nb", 1..=9).unwrap().1, "must be a single line");
        assert_eq!(wrong_line(" biglietto \u{1F3AB} ", 1..=20), None);
    }

    #[test]
    fn a_time_that_cannot_be_kept_is_told_from_what_is_none() {
        assert!(time("9999-12-30T22:00:00Z").is_ok());
        assert_eq!(time("9999-12-31T00:00:00Z").unwrap_err(), TIMES);
        for wrong in ["yesterday", "2026-13-01T00:00:00Z", "2026-12-31"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nul_is_pointed_at_in_values_and_names() {
        let value = json!({"a/b": ["x", "\0"], "c": {"\0": 1}, "d": "fine"});
        assert_eq!(nuls(&value), ["/a~1b/1", "/c"]);
    }

    #[test]
    fn a_terminal_hears_no_orders_from_stored_text() {
        assert_eq!(shown("una riga\n\tun'altra è"), "una riga\n\tun'altra è");
        assert_eq!(shown("a\u{1b}[2J\r\u{7f}\u{9b}\u{202e}b"), "a\\u001b[2J\\u000d\\u007f\\u009b\\u202eb");
        assert!(serde_json::from_str::<Value>(&shown("\"\u{9b}\u{7f}\"")).is_ok(), "JSON stays JSON");
    }
}
