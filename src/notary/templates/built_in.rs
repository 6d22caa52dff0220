//! Texts for offices without a template of their own, one for each row of numbers of the protocol register, in Italian and
//! English. What the catalogue adds later uses the general one.

use crate::mail::Language;

/// A text of this binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name: the prefix of the register.
    pub name: &'static str,
    /// The text.
    pub body: &'static str,
}

macro_rules! texts {
    ($($prefix:literal $file:literal),+ $(,)?) => {
        /// The prefixes that have a text of their own.
        pub const PREFIXES: &[&str] = &[$($prefix),+];

        /// The text for a type of act by its prefix in the register.
        pub fn of(prefix: &str, language: Language) -> BuiltIn {
            match (prefix, language) {
                $(($prefix, Language::It) =>
                    BuiltIn { name: $prefix, body: include_str!(concat!("built_in/", $file, ".it.txt")) },
                ($prefix, Language::En) =>
                    BuiltIn { name: $prefix, body: include_str!(concat!("built_in/", $file, ".en.txt")) },)+
                (_, language) => of("ATT", language),
            }
        }
    };
}
texts! {
    "ATT" "att",
    "ATT-NT" "att-nt",
    "CONS" "cons",
    "REV" "rev",
    "FIRM" "firm",
    "PROC" "proc",
    "TST" "tst",
    "DON" "don",
    "MUT" "mut",
    "COST-SOC" "cost-soc",
    "CERT" "cert",
    "VID" "vid",
    "ALTRO" "altro",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notary::templates::{fields::SIGNING, markup};

    #[test]
    fn every_text_can_be_read_and_both_languages_ask_for_the_same() {
        for prefix in PREFIXES {
            let [it, en] = [Language::It, Language::En].map(|language| {
                let blocks = markup::parse(of(prefix, language).body).unwrap();
                let fields: Vec<String> = markup::fields(&blocks).into_iter().map(str::to_owned).collect();
                assert!(SIGNING.iter().all(|name| fields.iter().any(|field| field == name)), "{prefix}");
                fields
            });
            assert_eq!(it, en, "{prefix}");
        }
        assert_eq!(of("NEW", Language::En).name, "ATT");
    }
}
