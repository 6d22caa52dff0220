//! The medical record number (MRN): what a clinic calls a patient's record.
//!
//! Clinics bring numbers of their own, so the form is wide: 3 to 20 letters and digits in capitals, with single hyphens,
//! slashes or dots inside, and at least one digit. A record without a number of the clinic's own gets `MR-` and eight
//! characters, as in the original; its characters leave out those that are read for others (0 and O, 1, I and L).
//!
//! Invariant: numbers that differ only in case or blanks are one number, which is unique in its clinic. Those of anonymous records
//! ([`ANONYMOUS`]) are nobody else's: they are stored, and never read from what somebody has written.

use std::{fmt, str::FromStr};

/// How numbers of anonymous records begin.
pub const ANONYMOUS: &str = "ANON-";
/// Shortest number.
const CHARS_MIN: usize = 3;
/// Longest number.
const CHARS_MAX: usize = 20;
/// Of a number that the software gives.
const GIVEN_CHARS: usize = 8;
/// 31 of them, none of which is read for another.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// A well-formed number, in capitals.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mrn(String);

/// Why a text is no MRN. Places count from 1, in the text without blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MrnError {
    /// Too short or too long.
    #[error("a medical record number has {CHARS_MIN} to {CHARS_MAX} characters, not {0}")]
    Length(usize),
    /// Something that cannot stand there.
    #[error(
        "character {place} is {found:?}, expected is a letter from A to Z, a digit, or a single - / . between them"
    )]
    Character {
        /// Where.
        place: usize,
        /// What stands there.
        found: char,
    },
    /// A word is no number.
    #[error("a medical record number has at least one digit")]
    NoDigit,
    /// It would be that of an anonymous record.
    #[error("numbers that begin with {ANONYMOUS} are those of anonymous records")]
    Reserved,
}

impl Mrn {
    /// As it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A number for a record that has none, from randomness that the caller brings. Two may be equal: the clinic's
    /// constraint says so, and the caller brings other randomness.
    pub fn given(random: u64) -> Self {
        let base = ALPHABET.len() as u64;
        // 31 to the power of 8 is less than 2 to the power of 40: the rest of the division hardly favours any.
        let mut rest = random;
        let mut text = String::from("MR-");
        for _ in 0..GIVEN_CHARS - 1 {
            text.push(char::from(ALPHABET[(rest % base) as usize]));
            rest /= base;
        }
        // The last is a digit, so that the number has one.
        text.push(char::from(ALPHABET[(rest % 8) as usize]));
        Self(text)
    }
}

impl fmt::Display for Mrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Mrn {
    type Err = MrnError;

    fn from_str(text: &str) -> Result<Self, MrnError> {
        let text: String =
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        let length = text.chars().count();
        if !(CHARS_MIN..=CHARS_MAX).contains(&length) {
            return Err(MrnError::Length(length));
        }
        let mut was_mark = true;
        for (place, found) in (1..).zip(text.chars()) {
            let is_mark = matches!(found, '-' | '/' | '.');
            let is_letter = found.is_ascii_uppercase() || found.is_ascii_digit();
            if !is_letter && (!is_mark || was_mark || place == length) {
                return Err(MrnError::Character { place, found });
            }
            was_mark = is_mark;
        }
        if text.starts_with(ANONYMOUS) {
            return Err(MrnError::Reserved);
        }
        if text.bytes().any(|c| c.is_ascii_digit()) { Ok(Self(text)) } else { Err(MrnError::NoDigit) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_clinics_are_taken_and_written_one_way() {
        for (text, expected) in [
            ("mr-0a1b2c3d", "MR-0A1B2C3D"),
            (" 2026 / 000 123 ", "2026/000123"),
            ("A12", "A12"),
            ("P.12-B/3", "P.12-B/3"),
            ("ANON1", "ANON1"),
            ("12345678901234567890", "12345678901234567890"),
        ] {
            assert_eq!(text.parse::<Mrn>().unwrap().as_str(), expected);
        }
    }

    #[test]
    fn an_error_says_what_is_wrong() {
        let wrong = |place, found| MrnError::Character { place, found };
        for (text, expected) in [
            ("", MrnError::Length(0)),
            ("A1", MrnError::Length(2)),
            ("123456789012345678901", MrnError::Length(21)),
            ("-A1", wrong(1, '-')),
            ("A1-", wrong(3, '-')),
            ("A--1", wrong(3, '-')),
            ("A_12", wrong(2, '_')),
            ("À12", wrong(1, 'À')),
            ("A\u{0}12", wrong(2, '\0')),
            ("ROSSI", MrnError::NoDigit),
            ("anon-3f2a9c11d0e4", MrnError::Reserved),
            (" ANON - 1", MrnError::Reserved),
        ] {
            assert_eq!(text.parse::<Mrn>(), Err(expected), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_given_number_is_a_number(random in any::<u64>()) {
            let it = Mrn::given(random);
            prop_assert_eq!(it.as_str().parse::<Mrn>().unwrap(), it);
        }
    }

    #[test]
    fn given_numbers_use_all_of_the_randomness_they_need() {
        let numbers: std::collections::BTreeSet<_> = (0..10_000).map(Mrn::given).collect();
        assert_eq!(numbers.len(), 10_000);
    }
}
