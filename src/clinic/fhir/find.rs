//! Codes of searches.

use super::systems::{ANALYTE, LOINC};
use crate::clinic::laboratory::names::{self, Analyte};

/// What a LOINC code measures.
pub fn by_loinc(code: &str) -> Option<&'static Analyte> {
    names::all().find(|it| it.loinc.iter().any(|(_, known)| *known == code) || it.loinc_finding == Some(code))
}

/// What a token of a search means: `code`, or `system|code`.
pub fn by_token(token: &str) -> Option<&'static Analyte> {
    match token.split_once('|') {
        Some((LOINC, code)) => by_loinc(code),
        Some((ANALYTE, code)) => names::by_code(code),
        Some(_) => None,
        None => by_loinc(token).or_else(|| names::by_code(token)),
    }
}

#[cfg(test)]
mod tests {
    use super::by_token;

    #[test]
    fn tokens_have_a_system_or_not() {
        let code = |token: &str| by_token(token).map(|it| it.code);
        assert_eq!(code("15067-2"), Some("fsh"));
        assert_eq!(code("http://loinc.org|15067-2"), Some("fsh"));
        assert_eq!(code("urn:sportello:analyte|fsh"), Some("fsh"));
        assert_eq!(code("fsh"), Some("fsh"));
        assert_eq!(code("http://snomed.info/sct|15067-2"), None);
        assert_eq!(code("1-1"), None);
    }
}
