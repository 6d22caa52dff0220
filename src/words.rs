//! From what people type to a full-text query.

/// More words than this make a query slow, not better.
const WORDS_MAX: usize = 8;
/// Longer words are cut: no title has them.
const WORD_CHARS_MAX: usize = 40;

/// Words of `text`: lower case, without accents, letters and digits only.
pub fn words(text: &str) -> Vec<String> {
    deunicode::deunicode(text)
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .map(|word| word.chars().take(WORD_CHARS_MAX).collect())
        .collect()
}

/// A `to_tsquery('simple', …)` in which every word may be the beginning of one; `None` when there is no word.
pub fn tsquery(text: &str) -> Option<String> {
    let words = words(text);
    (!words.is_empty()).then(|| words.iter().map(|word| format!("{word}:*")).collect::<Vec<_>>().join(" & "))
}

#[cfg(test)]
mod tests {
    use super::tsquery;

    #[test]
    fn what_people_type_never_becomes_query_syntax() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(tsquery(text).as_deref(), expected, "{text:?}");
        check("Caffè  Jazz", Some("caffe:* & jazz:*"));
        check("a & !b | (c)", Some("a:* & b:* & c:*"));
        check("'; DROP TABLE--", Some("drop:* & table:*"));
        check("  ", None);
        check("!!!", None);
    }
}
