//! The partita IVA: 11 digits, of which the last proves the others.
//!
//! Source: DPR 633/1972 art. 35 and ministerial decree of 23 December 1976: seven digits of a serial number, three of the
//! office that gave it (001 to 100, and 120, 121, 888, 999), one of Luhn's rule.

use std::{fmt, str::FromStr};

use super::letters::normal;

/// Offices that are no province: 120 and 121 for the large ones, 888 and 999 for those abroad.
const SPECIAL_OFFICES: [u16; 4] = [120, 121, 888, 999];
const LENGTH: usize = 11;

/// A well-formed partita IVA, without the country.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VatNumber(String);

/// Why a text is no partita IVA. Places count from 1, without `IT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VatNumberError {
    /// Not 11 digits.
    #[error("a partita IVA has 11 digits, not {0}")]
    Length(usize),
    /// Something that is no digit.
    #[error("character {place} is {found:?}, expected is a digit")]
    Character {
        /// Where.
        place: usize,
        /// What stands there.
        found: char,
    },
    /// No such office.
    #[error("digits 8 to 10 are the number of an office, and there is none with {0:03}")]
    Office(u16),
    /// Something is mistyped.
    #[error("digit 11, which proves all others, does not fit them: one of them is mistyped")]
    Check,
}

impl VatNumber {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VatNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for VatNumber {
    type Err = VatNumberError;

    fn from_str(text: &str) -> Result<Self, VatNumberError> {
        let text = normal(text);
        let digits = text.strip_prefix("IT").unwrap_or(&text);
        if let Some((place, found)) = (1..).zip(digits.chars()).find(|(_, it)| !it.is_ascii_digit()) {
            return Err(VatNumberError::Character { place, found });
        }
        if digits.len() != LENGTH {
            return Err(VatNumberError::Length(digits.len()));
        }
        let office = digits[7..10].bytes().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        if !(1..=100).contains(&office) && !SPECIAL_OFFICES.contains(&office) {
            return Err(VatNumberError::Office(office));
        }
        if is_proved(digits) { Ok(Self(digits.to_owned())) } else { Err(VatNumberError::Check) }
    }
}

/// Whether 11 digits are proved by the last: every second one counts twice, its digits are added, and all is a multiple
/// of ten. A serial number is never 0.
pub(super) fn is_proved(digits: &str) -> bool {
    let counted = digits.bytes().enumerate().map(|(place, digit)| {
        let value = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
        if value > 9 { value - 9 } else { value }
    });
    counted.sum::<u32>() % 10 == 0 && !digits.starts_with("0000000")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> VatNumberError {
        text.parse::<VatNumber>().unwrap_err()
    }

    #[test]
    fn published_numbers_are_well_formed() {
        // FCA Italy, Enel, Ferrari, Barilla, INPS, Agenzia delle Entrate.
        for text in ["07973780013", "00811720580", "00159560366", "01654010345", "02121151001", "06363391001"]
        {
            assert_eq!(text.parse::<VatNumber>().unwrap().as_str(), text);
            assert_eq!(format!(" it {text}").parse::<VatNumber>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_error_says_what_is_wrong() {
        assert_eq!(error(""), VatNumberError::Length(0));
        assert_eq!(error("0074311015"), VatNumberError::Length(10));
        assert_eq!(error("0O743110157"), VatNumberError::Character { place: 2, found: 'O' });
        assert_eq!(error("00743110150"), VatNumberError::Check);
        assert_eq!(error("12345678903"), VatNumberError::Office(890));
        assert_eq!(error("00000000000"), VatNumberError::Office(0));
        assert_eq!(error("00000000018"), VatNumberError::Check);
    }

    #[test]
    fn one_mistyped_digit_and_two_swapped_neighbours_are_found() {
        let right = "00743110157";
        for place in 0..LENGTH {
            for other in b'0'..=b'9' {
                let mut digits = right.to_owned().into_bytes();
                digits[place] = other;
                let text = String::from_utf8(digits).unwrap();
                assert_eq!(is_proved(&text), text == right, "{text}");
            }
        }
        for place in 0..LENGTH - 1 {
            let mut digits = right.to_owned().into_bytes();
            digits.swap(place, place + 1);
            let text = String::from_utf8(digits).unwrap();
            assert_eq!(is_proved(&text), text == right, "{text}");
        }
    }
}
