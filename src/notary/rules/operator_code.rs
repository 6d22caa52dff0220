//! The COE of San Marino (codice operatore economico): `SM` and up to five digits, which prove nothing.
//!
//! Source: the sheet of San Marino in the OECD's list of tax identification numbers. Leading zeros are often left out;
//! what is exchanged with Italian invoices has five digits.

use std::{fmt, str::FromStr};

use super::letters::normal;

/// Digits without leading zeros.
const DIGITS_MAX: usize = 5;
/// Digits that are written at most.
const WRITTEN_MAX: usize = 9;

/// A COE, without leading zeros and the country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperatorCode(u32);

/// Why a text is no COE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OperatorCodeError {
    /// Not one to five digits.
    #[error("a COE has SM and one to five digits")]
    Digits,
    /// Nobody has it.
    #[error("there is no COE with the number 0")]
    Zero,
}

impl FromStr for OperatorCode {
    type Err = OperatorCodeError;

    fn from_str(text: &str) -> Result<Self, OperatorCodeError> {
        let text = normal(text);
        let digits = text.strip_prefix("SM").unwrap_or(&text);
        let is_short = !digits.is_empty() && digits.trim_start_matches('0').len() <= DIGITS_MAX;
        if !is_short || digits.len() > WRITTEN_MAX || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(OperatorCodeError::Digits);
        }
        let number = digits.bytes().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        if number == 0 { Err(OperatorCodeError::Zero) } else { Ok(Self(number)) }
    }
}

impl fmt::Display for OperatorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SM{:05}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_forms_are_the_same_code() {
        for text in ["51", "sm 51", "SM00051", "00051"] {
            assert_eq!(text.parse::<OperatorCode>().unwrap().to_string(), "SM00051");
        }
        for text in ["SM24165", "24165", "024165"] {
            assert_eq!(text.parse::<OperatorCode>().unwrap().to_string(), "SM24165");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["", "SM", "SM123456", "SM0000000051", "IT51", "SM12A", "S51"] {
            assert_eq!(text.parse::<OperatorCode>(), Err(OperatorCodeError::Digits), "{text}");
        }
        assert_eq!("SM00000".parse::<OperatorCode>(), Err(OperatorCodeError::Zero));
    }
}
