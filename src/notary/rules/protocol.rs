//! Numbers of the protocol register: `ATT-NT-0001`.
//!
//! A prefix per kind of act and a number per notary and prefix, with four digits, and more when those are used up.
//! Numbers begin with 1 and leave no gap; who hands them out is the register, here is how they are written.

use std::{fmt, str::FromStr};

/// Prefixes of the kinds of appointments and acts.
pub const PREFIXES: [(&str, &str); 12] = [
    ("deed", "ATT-NT"),
    ("consultation", "CONS"),
    ("review", "REV"),
    ("signing", "FIRM"),
    ("power_of_attorney", "PROC"),
    ("will", "TST"),
    ("donation", "DON"),
    ("mortgage", "MUT"),
    ("company_formation", "COST-SOC"),
    ("certification", "CERT"),
    ("book_stamping", "VID"),
    ("other", "ALTRO"),
];
/// Of acts that have none of their own.
pub const DEFAULT_PREFIX: &str = "ATT";
/// Longest prefix.
pub const PREFIX_MAX: usize = 12;
const DIGITS_MIN: usize = 4;

/// The prefix of a kind.
pub fn prefix_of(kind: &str) -> Prefix {
    let known = PREFIXES.iter().find(|(known, _)| *known == kind);
    Prefix(known.map_or(DEFAULT_PREFIX, |(_, prefix)| prefix).to_owned())
}

/// Capitals, with hyphens between them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix(String);

/// A number of the register.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProtocolNumber {
    prefix: Prefix,
    number: u32,
}

impl ProtocolNumber {
    /// Of its kind.
    pub const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// From 1.
    pub const fn number(&self) -> u32 {
        self.number
    }
}

/// Why a text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Not capitals with hyphens between them.
    #[error("a prefix has 1 to {PREFIX_MAX} capitals A to Z, with single hyphens between them")]
    Prefix,
    /// No number, or not as it is written.
    #[error("a protocol number ends with a hyphen and a number of at least {DIGITS_MIN} digits, from 0001")]
    Number,
}

impl Prefix {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number `number` under this prefix; `None` for 0.
    pub fn number(&self, number: u32) -> Option<ProtocolNumber> {
        (number > 0).then(|| ProtocolNumber { prefix: self.clone(), number })
    }
}

impl FromStr for Prefix {
    type Err = ProtocolError;

    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        let is_group =
            |group: &str| !group.is_empty() && group.bytes().all(|letter| letter.is_ascii_uppercase());
        let is_prefix = text.len() <= PREFIX_MAX && text.split('-').all(is_group);
        if is_prefix { Ok(Self(text.to_owned())) } else { Err(ProtocolError::Prefix) }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProtocolNumber {
    type Err = ProtocolError;

    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        let (prefix, digits) = text.rsplit_once('-').ok_or(ProtocolError::Number)?;
        let is_number = digits.len() >= DIGITS_MIN
            && digits.bytes().all(|digit| digit.is_ascii_digit())
            && (digits.len() == DIGITS_MIN || !digits.starts_with('0'));
        let number = digits.parse().ok().filter(|_| is_number).ok_or(ProtocolError::Number)?;
        prefix.parse::<Prefix>()?.number(number).ok_or(ProtocolError::Number)
    }
}

impl fmt::Display for ProtocolNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:0DIGITS_MIN$}", self.prefix, self.number)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn a_number_is_read_as_it_is_written() {
        for (text, prefix, number) in [
            ("ATT-NT-0001", "ATT-NT", 1),
            ("TST-0042", "TST", 42),
            ("COST-SOC-9999", "COST-SOC", 9999),
            ("COST-SOC-10000", "COST-SOC", 10_000),
            ("ATT-4294967295", "ATT", u32::MAX),
        ] {
            let read: ProtocolNumber = text.parse().unwrap();
            assert_eq!((read.prefix().as_str(), read.number()), (prefix, number));
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn what_is_never_written_is_refused() {
        for text in [
            "",
            "0001",
            "TST",
            "TST-",
            "TST-1",
            "TST-0000",
            "TST-00001",
            "TST-+001",
            "TST-4294967296",
            "TST-12a4",
        ] {
            assert_eq!(text.parse::<ProtocolNumber>(), Err(ProtocolError::Number), "{text}");
        }
        for text in ["-0001", "tst-0001", "TST--0001", "T1-0001", "-TST-0001", "ABCDEFGHIJKLM-0001"] {
            assert_eq!(text.parse::<ProtocolNumber>(), Err(ProtocolError::Prefix), "{text}");
        }
        assert_eq!(prefix_of("will").number(0), None);
    }

    #[test]
    fn a_kind_without_a_prefix_has_the_general_one() {
        assert_eq!(prefix_of("company_formation").as_str(), "COST-SOC");
        assert_eq!(prefix_of("regatta").as_str(), "ATT");
        assert!(PREFIXES.iter().all(|(_, prefix)| prefix.parse::<Prefix>().is_ok()));
    }

    #[test]
    fn the_catalogue_in_the_database_has_the_same_prefixes() {
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files = fs::read_dir(migrations).unwrap().map(|file| file.unwrap().path());
        let file = files.find(|file| file.to_string_lossy().ends_with("_notary_catalogue.sql")).unwrap();
        let text = fs::read_to_string(file).unwrap();
        let rows = text.split("INSERT INTO appointment_type ").nth(1).unwrap().split(';').next().unwrap();
        let rows: Vec<(&str, &str)> = rows
            .lines()
            .filter(|row| row.starts_with("  ("))
            .map(|row| {
                let texts: Vec<_> = row.split('\'').collect();
                (texts[1], texts[texts.len() - 2])
            })
            .collect();
        assert_eq!(rows, PREFIXES);
    }
}
