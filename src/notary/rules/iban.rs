//! The IBAN: country, two digits that prove it, and the account as the country writes it.
//!
//! Sources: ISO 13616-1:2020 (form, remainder 97 as in ISO 7064); the SWIFT IBAN registry (lengths). Italy and San Marino
//! have a second proof inside, the CIN: a letter over bank (ABI), branch (CAB) and account, by the table of the codice
//! fiscale (ABI circular, "coordinate bancarie nazionali").

use std::{fmt, str::FromStr};

use super::letters::{check_letter, first_odd_one, normal};

/// Length of an IBAN by country, in order.
const LENGTHS: [(&str, usize); 89] = [
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// A well-formed IBAN.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Iban(String);

/// Why a text is no IBAN. Places count from 1, in the text without blanks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IbanError {
    /// Something that cannot stand there.
    #[error("character {place} is {found:?}, expected is {expected}")]
    Character {
        /// Where.
        place: usize,
        /// What stands there.
        found: char,
        /// What may.
        expected: &'static str,
    },
    /// Not in the registry.
    #[error("{0:?} is no country with IBANs")]
    Country(String),
    /// Too long or too short for its country.
    #[error("an IBAN of {country} has {expected} characters, not {found}")]
    Length {
        /// Its country.
        country: String,
        /// As the registry says.
        expected: usize,
        /// As it is.
        found: usize,
    },
    /// Something is mistyped.
    #[error("characters 3 and 4, which prove all others, do not fit them: something is mistyped")]
    CheckDigits,
    /// Something is mistyped, and the outer proof was calculated over it.
    #[error("character 5, the CIN, does not fit bank, branch and account")]
    Cin,
}

impl Iban {
    /// Without blanks.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// ISO 3166.
    pub fn country(&self) -> &str {
        &self.0[..2]
    }

    /// Italian and Sammarinese bank (ABI), branch (CAB) and account.
    pub fn coordinates(&self) -> Option<(&str, &str, &str)> {
        has_cin(self.country()).then(|| (&self.0[5..10], &self.0[10..15], &self.0[15..]))
    }
}

/// In groups of four, as it is printed on paper.
impl fmt::Display for Iban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, letter) in self.0.chars().enumerate() {
            let blank = if place > 0 && place % 4 == 0 { " " } else { "" };
            write!(f, "{blank}{letter}")?;
        }
        Ok(())
    }
}

impl FromStr for Iban {
    type Err = IbanError;

    fn from_str(text: &str) -> Result<Self, IbanError> {
        let text = normal(text);
        if let Some((place, found)) = first_odd_one(&text) {
            return Err(IbanError::Character { place, found, expected: "a letter or a digit" });
        }
        let country = text.get(..2).unwrap_or(&text);
        let known = LENGTHS.binary_search_by_key(&country, |(country, _)| country);
        let (_, expected) = LENGTHS[known.map_err(|_| IbanError::Country(country.to_owned()))?];
        if text.len() != expected {
            return Err(IbanError::Length { country: country.to_owned(), expected, found: text.len() });
        }
        only(&text, 2..4, "a digit", u8::is_ascii_digit)?;
        if has_cin(country) {
            only(&text, 4..5, "a letter", u8::is_ascii_uppercase)?;
            only(&text, 5..15, "a digit", u8::is_ascii_digit)?;
        }
        // 00, 01 and 99 have the remainders of 97, 98 and 02: only those are given.
        if remainder(&text) != 1 || !("02"..="98").contains(&&text[2..4]) {
            return Err(IbanError::CheckDigits);
        }
        if has_cin(country) && text[4..5] != *check_letter(&text[5..]).encode_utf8(&mut [0; 4]) {
            return Err(IbanError::Cin);
        }
        Ok(Self(text))
    }
}

fn has_cin(country: &str) -> bool {
    matches!(country, "IT" | "SM")
}

fn only(
    text: &str,
    places: std::ops::Range<usize>,
    expected: &'static str,
    is_expected: fn(&u8) -> bool,
) -> Result<(), IbanError> {
    for place in places {
        let letter = text.as_bytes()[place];
        if !is_expected(&letter) {
            return Err(IbanError::Character { place: place + 1, found: char::from(letter), expected });
        }
    }
    Ok(())
}

/// Of the number that it is when country and proof stand last and letters are 10 to 35, divided by 97.
fn remainder(text: &str) -> u32 {
    let turned = text[4..].bytes().chain(text[..4].bytes());
    turned.fold(0, |rest, letter| match letter {
        b'0'..=b'9' => (rest * 10 + u32::from(letter - b'0')) % 97,
        _ => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The registry's own examples.
    const PUBLISHED: &str = include_str!("iban_examples.txt");

    fn error(text: &str) -> IbanError {
        text.parse::<Iban>().unwrap_err()
    }

    #[test]
    fn every_country_of_the_registry_accepts_its_published_example() {
        let countries: Vec<&str> = PUBLISHED.lines().map(|line| &line[..2]).collect();
        assert_eq!(countries, LENGTHS.map(|(country, _)| country));
        for line in PUBLISHED.lines() {
            let iban: Iban = line.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(iban.to_string(), line);
            let other = if line.ends_with('9') { '8' } else { '9' };
            let mistyped = format!("{}{other}", &line[..line.len() - 1]);
            assert_eq!(error(&mistyped), IbanError::CheckDigits, "{mistyped}");
        }
    }

    #[test]
    fn italian_and_sammarinese_accounts_are_proved_twice() {
        let iban: Iban = "it60x0542811101000000123456".parse().unwrap();
        assert_eq!(iban.coordinates(), Some(("05428", "11101", "000000123456")));
        let iban: Iban = "SM86 U032 2509 8000 0000 0270 100".parse().unwrap();
        assert_eq!((iban.country(), iban.coordinates()), ("SM", Some(("03225", "09800", "000000270100"))));
        // The outer proof is right for a wrong CIN.
        let mut wrong = (2..=98).map(|check| format!("IT{check:02}Y0542811101000000123456"));
        let wrong = wrong.find(|text| remainder(text) == 1).unwrap();
        assert_eq!(error(&wrong), IbanError::Cin);
    }

    #[test]
    fn an_error_says_what_is_wrong() {
        assert_eq!(error(""), IbanError::Country(String::new()));
        assert_eq!(error("US64SVBKUS6S3300958879"), IbanError::Country("US".to_owned()));
        assert_eq!(
            error("IT60X054281110100000012345").to_string(),
            "an IBAN of IT has 27 characters, not 26"
        );
        assert_eq!(
            error("IT60X054281I101000000123456").to_string(),
            "character 12 is 'I', expected is a digit"
        );
        assert_eq!(
            error("IT6OX0542811101000000123456").to_string(),
            "character 4 is 'O', expected is a digit"
        );
        assert_eq!(
            error("IT60X054281110100000012345é").to_string(),
            "character 27 is 'é', expected is a letter or a digit"
        );
        assert_eq!(error("IT61X0542811101000000123456"), IbanError::CheckDigits);
    }

    #[test]
    fn digits_that_are_never_given_are_refused() {
        // Same remainder as an IBAN with 98: 98 - 97 = 01.
        let with_98 = (0..10_000)
            .map(|account| format!("NO98{account:011}"))
            .find(|text| remainder(text) == 1)
            .unwrap();
        assert!(with_98.parse::<Iban>().is_ok());
        assert_eq!(error(&with_98.replacen("98", "01", 1)), IbanError::CheckDigits);
    }
}
