//! What people agree to, word for word. A wording never changes once somebody has seen it: a new one is another file with the
//! next number, and the old one stays, because it is what was agreed to.

use super::Language;

/// One wording of one consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording {
    /// What it is about.
    pub consent: &'static str,
    /// Which of its wordings.
    pub version: &'static str,
    it: &'static str,
    en: &'static str,
}

impl Wording {
    /// The text in a language.
    pub fn text(&self, language: Language) -> &'static str {
        match language {
            Language::It => self.it.trim_end(),
            Language::En => self.en.trim_end(),
        }
    }
}

macro_rules! wordings {
    ($($consent:literal $version:literal),+ $(,)?) => {
        /// All of them; of one consent the newest comes last.
        pub const WORDINGS: &[Wording] = &[$(Wording {
            consent: $consent,
            version: $version,
            it: include_str!(concat!("texts/consents/", $consent, ".", $version, ".it.txt")),
            en: include_str!(concat!("texts/consents/", $consent, ".", $version, ".en.txt")),
        }),+];
    };
}
wordings! {
    "marketing_mail" "1",
    "notary_processing" "1",
    "clinic_processing" "1",
    "clinic_research" "1",
}

/// The newest wording of a consent.
pub fn newest(consent: &str) -> Option<&'static Wording> {
    WORDINGS.iter().rev().find(|wording| wording.consent == consent)
}

#[cfg(test)]
mod tests {
    use super::{Language, WORDINGS, newest};

    #[test]
    fn every_wording_says_in_both_languages_that_it_can_be_withdrawn() {
        for wording in WORDINGS {
            assert!(wording.text(Language::It).contains("ritirar"), "{wording:?}");
            assert!(wording.text(Language::En).contains("withdraw"), "{wording:?}");
            assert!(newest(wording.consent).is_some());
        }
        assert_eq!(newest("anything"), None);
    }
}
