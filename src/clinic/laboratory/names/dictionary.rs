//! Phrases: the longest name that begins at a word.
//!
//! Invariant: a look-up compares at most [`WORDS_MAX`] words with the few phrases that begin with the same word, however
//! long the line is.

use std::{collections::HashMap, sync::OnceLock};

use super::{Analyte, Group, Section, all};

/// No name has more words.
pub const WORDS_MAX: usize = 8;

/// Small letters without accents: `Mülleriano` is `mulleriano`, `β` is `beta`.
pub fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for letter in word.chars() {
        match letter {
            'à' | 'á' | 'â' | 'ä' | 'À' | 'Á' | 'Â' | 'Ä' => folded.push('a'),
            'è' | 'é' | 'ê' | 'ë' | 'È' | 'É' | 'Ê' | 'Ë' => folded.push('e'),
            'ì' | 'í' | 'î' | 'ï' | 'Ì' | 'Í' | 'Î' | 'Ï' => folded.push('i'),
            'ò' | 'ó' | 'ô' | 'ö' | 'Ò' | 'Ó' | 'Ô' | 'Ö' => folded.push('o'),
            'ù' | 'ú' | 'û' | 'ü' | 'Ù' | 'Ú' | 'Û' | 'Ü' => folded.push('u'),
            'β' | 'ß' => folded.push_str("beta"),
            'α' => folded.push_str("alfa"),
            'Δ' | 'δ' => folded.push_str("delta"),
            _ => folded.extend(letter.to_lowercase()),
        }
    }
    folded
}

/// Phrases by their first word, the longest first.
pub(in crate::clinic::laboratory) type Phrases<T> = HashMap<&'static str, Vec<(Vec<&'static str>, T)>>;

/// Sorts phrases by their first word.
pub(in crate::clinic::laboratory) fn phrases<T>(
    pairs: impl Iterator<Item = (&'static str, T)>,
) -> Phrases<T> {
    let mut phrases: Phrases<T> = HashMap::new();
    for (phrase, meaning) in pairs {
        let words: Vec<_> = phrase.split(' ').collect();
        phrases.entry(words[0]).or_default().push((words, meaning));
    }
    for same_beginning in phrases.values_mut() {
        same_beginning.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    }
    phrases
}

/// The longest phrase that the words begin with, and how many words it has.
pub(in crate::clinic::laboratory) fn longest<'a, T: Copy>(
    phrases: &Phrases<T>,
    words: impl Iterator<Item = &'a str>,
) -> Option<(T, usize)> {
    let words: Vec<&str> = words.take(WORDS_MAX).collect();
    let candidates = phrases.get(*words.first()?)?;
    let found = candidates.iter().find(|(phrase, _)| words.starts_with(phrase));
    found.map(|(phrase, meaning)| (*meaning, phrase.len()))
}

/// The analyte whose name the words begin with, in a section.
pub fn find<'a>(words: impl Iterator<Item = &'a str>, section: Section) -> Option<(&'static Analyte, usize)> {
    static GENERAL: OnceLock<Phrases<&'static Analyte>> = OnceLock::new();
    static SEMEN: OnceLock<Phrases<&'static Analyte>> = OnceLock::new();
    let names = |it: &'static Analyte| it.names.iter().map(move |name| (*name, it));
    let phrases = match section {
        Section::Urine => return None,
        Section::General => GENERAL.get_or_init(|| phrases(all().flat_map(names))),
        Section::Semen => SEMEN.get_or_init(|| {
            let special = || all().flat_map(|it| it.names_in_semen.iter().map(move |name| (*name, it)));
            let is_special = |name: &str| special().any(|(it, _)| it == name);
            // Cells of blood in semen are not those of a blood count: better not read than read as blood.
            let others = all().filter(|it| it.group != Group::BloodCount).flat_map(names);
            phrases(special().chain(others.filter(|(name, _)| !is_special(name))))
        }),
    };
    longest(phrases, words)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn found(text: &str, section: Section) -> Option<(&'static str, usize)> {
        let words: Vec<String> = text.split(' ').map(fold).collect();
        find(words.iter().map(String::as_str), section).map(|(it, length)| (it.code, length))
    }

    #[test]
    fn the_longest_name_wins() {
        assert_eq!(found("Testosterone", Section::General), Some(("testosterone", 1)));
        assert_eq!(found("Testosterone libero 3,9", Section::General), Some(("free_testosterone", 2)));
        assert_eq!(found("Emoglobina glicata", Section::General), Some(("hba1c", 2)));
        assert_eq!(found("Ormone Anti Mülleriano", Section::General), Some(("amh", 3)));
        assert_eq!(found("progesteronemia", Section::General), None);
    }

    #[test]
    fn short_names_mean_what_the_section_says() {
        assert_eq!(found("Volume", Section::General), None);
        assert_eq!(found("Volume", Section::Semen), Some(("semen_volume", 1)));
        assert_eq!(found("Leucociti", Section::General), Some(("leukocytes", 1)));
        assert_eq!(found("Leucociti", Section::Semen), Some(("semen_leukocytes", 1)));
        assert_eq!(found("FSH", Section::Semen), Some(("fsh", 1)));
        assert_eq!(found("Leucociti", Section::Urine), None);
    }

    #[test]
    fn no_name_means_two_things_and_every_name_is_folded_and_short() {
        let mut general = BTreeMap::new();
        let mut semen = BTreeMap::new();
        for analyte in all() {
            for name in analyte.names {
                assert_eq!(general.insert(*name, analyte.code), None, "{name}");
            }
            for name in analyte.names_in_semen {
                assert_eq!(semen.insert(*name, analyte.code), None, "{name}");
            }
            for name in analyte.names.iter().chain(analyte.names_in_semen) {
                assert!(name.split(' ').count() <= WORDS_MAX, "{name}");
                assert_eq!(fold(name), **name);
                assert!(name.split(' ').all(|it| it.chars().all(char::is_alphanumeric)), "{name}");
            }
        }
    }
}
