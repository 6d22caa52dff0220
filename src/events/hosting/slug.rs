//! Names in URLs, made from titles.

/// Longer ones are cut: links are read by people.
const CHARS_MAX: usize = 80;
/// Words that are routes of their own beside `/events/{slug}`.
const RESERVED: [&str; 1] = ["autocomplete"];
/// Letters and digits of suffixes: 5 bits each, none mistaken for another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Names to be tried, in this order: the bare title, then with 30 and with 60 random bits.
pub(super) fn candidates(title: &str, random: u64) -> Vec<String> {
    let base = slug(title);
    let suffix = |chars: u32| -> String {
        (0..chars).map(|place| char::from(ALPHABET[(random >> (place * 5) & 31) as usize])).collect()
    };
    let bare = (!base.is_empty() && !RESERVED.contains(&base.as_str())).then(|| base.clone());
    let stem = if base.is_empty() { "event" } else { base.as_str() };
    bare.into_iter().chain([6, 12].map(|chars| format!("{stem}-{}", suffix(chars)))).collect()
}

/// Lower-case letters and digits, joined by hyphens; empty for a title without any.
fn slug(title: &str) -> String {
    let mut slug = String::with_capacity(CHARS_MAX);
    for c in deunicode::deunicode(title).chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(CHARS_MAX); // ASCII only
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::candidates;

    #[test]
    fn titles_become_names_that_people_can_read() {
        let first = |title: &str| candidates(title, 0).remove(0);
        assert_eq!(first("Caffè & Jazz – sera d'estate!"), "caffe-jazz-sera-d-estate");
        assert_eq!(first("  --A--  "), "a");
        assert_eq!(first(&"settima ".repeat(40)).len(), 79, "cut, and no hyphen at the end");
    }

    #[test]
    fn taken_reserved_and_empty_names_get_a_suffix() {
        assert_eq!(candidates("Gala", 1), ["gala", "gala-100000", "gala-100000000000"]);
        assert_eq!(candidates("Autocomplete", 1)[0], "autocomplete-100000");
        assert_eq!(candidates("!!!", 31)[0], "event-z00000");
    }
}
