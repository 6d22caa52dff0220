//! What can be found: analytes, their Italian and English names, their codes.
//!
//! Reading order: [`analyte`] (what one is), [`dictionary`] (a name found in a line), then the tables: [`hormones`], [`semen`],
//! [`blood`], [`infections`], [`genetics`], [`ultrasound`].
//!
//! LOINC: codes of Logical Observation Identifiers Names and Codes (Regenstrief Institute), only those that published tables
//! give with the very name of the thing; a code says the dimension, so an analyte has one for each. An analyte without a code
//! is exported without.
//!
//! Invariants
//! - No name means two things in the same part of a report.
//! - Names are compared without accents, capitals and signs: `17-OH-Progesterone` is `17 oh progesterone`.

pub mod analyte;
pub mod blood;
pub mod dictionary;
pub mod genetics;
pub mod hormones;
pub mod infections;
pub mod semen;
pub mod ultrasound;

pub use analyte::{Analyte, Group, Kind, Section};

/// Everything that can be found.
pub fn all() -> impl Iterator<Item = &'static Analyte> {
    [hormones::TABLE, blood::TABLE, semen::TABLE, infections::TABLE, genetics::TABLE, ultrasound::TABLE]
        .into_iter()
        .flatten()
}

/// By its code.
pub fn by_code(code: &str) -> Option<&'static Analyte> {
    all().find(|it| it.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique() {
        let codes: BTreeSet<_> = all().map(|it| it.code).collect();
        assert_eq!(codes.len(), all().count());
        assert!(codes.len() > 70, "{}", codes.len());
    }

    /// LOINC's last digit proves the others (Luhn): a mistyped code is found.
    #[test]
    fn every_loinc_code_has_its_check_digit_and_one_meaning() {
        let mut seen = BTreeSet::new();
        for analyte in all() {
            for code in analyte.loinc.iter().map(|(_, code)| *code).chain(analyte.loinc_finding) {
                let (number, check) = code.split_once('-').unwrap();
                let counted = number.bytes().rev().enumerate().map(|(place, digit)| {
                    let digit = u32::from(digit - b'0');
                    let value = if place % 2 == 0 { digit * 2 } else { digit };
                    if value > 9 { value - 9 } else { value }
                });
                let expected = (10 - counted.sum::<u32>() % 10) % 10;
                assert_eq!(check, expected.to_string(), "{code} of {}", analyte.code);
                assert!(seen.insert(code), "{code} is used twice");
            }
        }
    }

    #[test]
    fn a_code_of_a_dimension_is_of_one_that_is_measured() {
        for analyte in all() {
            for (dimension, code) in analyte.loinc {
                assert!(
                    analyte.is_measured_in(*dimension),
                    "{} is not measured as {code} says",
                    analyte.code
                );
            }
            assert_eq!(by_code(analyte.code), Some(analyte));
        }
    }
}
