//! The codice fiscale: 16 characters for a person, 11 digits for a company, an association, or a person for whose code
//! the tax office needs more time.
//!
//! Sources: DPR 605/1973; ministerial decree of 23 December 1976 (G.U. 345/1976): three letters of the surname, three of
//! the first name, year, letter of the month, day (40 more for women), cadastral code of the place (a letter and three
//! digits, Z for countries), check letter. Where two people would share a code, digits are replaced by letters, from the
//! right (omocodia); any of the seven may be one. Digits: seven of a serial number, three of the office, one that proves
//! them.
//!
//! Invariant: that a code is well formed is proved here; that it was given to somebody is known to the tax office only.

use std::{fmt, str::FromStr};

use jiff::civil::Date;

use super::{
    letters::{check_letter, first_odd_one, normal},
    vat_number::is_proved,
};

/// Letters of the months.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";
/// Letters in place of the digits 0 to 9.
const OMOCODIA: &[u8; 10] = b"LMNPQRSTUV";
/// Added to the day of birth of women.
const FEMALE: i8 = 40;
/// No living person was born earlier.
const EARLIEST_CENTURY: i16 = 18;

/// A well-formed codice fiscale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FiscalCode {
    /// Of a person.
    Personal(PersonalCode),
    /// Of a company or an association, or a provisional one of a person: 11 digits.
    Numeric(NumericCode),
}

/// Eleven digits of which the last proves the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NumericCode(String);

/// A person's code and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonalCode {
    text: String,
    year: i16,
    month: i8,
    day: i8,
    sex: Sex,
    place: String,
}

/// Sex in a codice fiscale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sex {
    /// The day is as it is.
    Male,
    /// The day has 40 added.
    Female,
}

/// Why a text is no codice fiscale. Places count from 1, in the text without blanks, dots and hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FiscalCodeError {
    /// Neither 16 nor 11 characters.
    #[error("a codice fiscale has 16 characters, or 11 digits, not {0}")]
    Length(usize),
    /// Something that cannot stand there.
    #[error("character {place} is {found:?}, expected is {expected}")]
    Character {
        /// Where.
        place: usize,
        /// What stands there.
        found: char,
        /// What may.
        expected: Expected,
    },
    /// February 30.
    #[error("characters 9 to 11 are no day of a year: month {month}, day {day}")]
    Day {
        /// From its letter.
        month: i8,
        /// As a man's.
        day: i8,
    },
    /// Something is mistyped, nobody can say what.
    #[error("character {0}, which proves all others, does not fit them: one of them is mistyped")]
    Check(usize),
}

/// What may stand somewhere in a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A to Z or 0 to 9.
    LetterOrDigit,
    /// A to Z.
    Letter,
    /// 0 to 9.
    Digit,
    /// 0 to 9 or a letter that stands for one.
    DigitOrSubstitute,
    /// A vowel or an X: consonants come before vowels.
    VowelOrX,
    /// Nothing comes after an X that fills up.
    X,
    /// The letter of a month.
    Month,
    /// The first digit of a day.
    Day,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LetterOrDigit => "a letter or a digit",
            Self::Letter => "a letter",
            Self::Digit => "a digit",
            Self::DigitOrSubstitute => "a digit, or one of LMNPQRSTUV in its place",
            Self::VowelOrX => "a vowel or X, because consonants come first",
            Self::X => "X, because the name has ended",
            Self::Month => "the letter of a month, one of ABCDEHLMPRST",
            Self::Day => "a day: 01 to 31, or 41 to 71",
        })
    }
}

impl FiscalCode {
    /// In capitals, without blanks.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Personal(code) => &code.text,
            Self::Numeric(NumericCode(digits)) => digits,
        }
    }

    /// What it says of a person.
    pub fn person(&self) -> Option<&PersonalCode> {
        if let Self::Personal(code) = self { Some(code) } else { None }
    }
}

impl fmt::Display for FiscalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FiscalCode {
    type Err = FiscalCodeError;

    fn from_str(text: &str) -> Result<Self, FiscalCodeError> {
        let text = normal(text);
        if let Some((place, found)) = first_odd_one(&text) {
            return Err(wrong(place, found, Expected::LetterOrDigit));
        }
        match text.len() {
            16 => personal(text).map(Self::Personal),
            11 => numeric(text).map(Self::Numeric),
            length => Err(FiscalCodeError::Length(length)),
        }
    }
}

impl fmt::Display for PersonalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PersonalCode {
    /// Last two digits of the year of birth.
    pub const fn year(&self) -> i16 {
        self.year
    }

    /// Month of birth.
    pub const fn month(&self) -> i8 {
        self.month
    }

    /// Day of birth.
    pub const fn day(&self) -> i8 {
        self.day
    }

    /// As registered.
    pub const fn sex(&self) -> Sex {
        self.sex
    }

    /// Cadastral code of the place of birth, without omocodia: `H501` is Rome, `Z130` San Marino.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether it can be the code of somebody born on `birth`.
    pub fn fits_birth(&self, birth: Date) -> bool {
        (birth.year().rem_euclid(100), birth.month(), birth.day()) == (self.year, self.month, self.day)
    }

    /// The latest day on or before `today` that fits; people of more than 100 years are not so old then.
    pub fn birth_date(&self, today: Date) -> Option<Date> {
        let centuries = (EARLIEST_CENTURY..=today.year() / 100).rev();
        let mut days =
            centuries.filter_map(|century| Date::new(century * 100 + self.year, self.month, self.day).ok());
        days.find(|day| *day <= today)
    }

    /// Whether the place of birth is a country and not an Italian municipality.
    pub fn is_born_abroad(&self) -> bool {
        self.place.starts_with('Z')
    }

    /// Whether digits were replaced because somebody else has the same code.
    pub fn is_omocodia(&self) -> bool {
        DIGITS.iter().any(|place| !self.text.as_bytes()[*place].is_ascii_digit())
    }
}

/// Places (from 0) at which there is a digit or its substitute.
const DIGITS: [usize; 7] = [6, 7, 9, 10, 12, 13, 14];

const fn wrong(place: usize, found: char, expected: Expected) -> FiscalCodeError {
    FiscalCodeError::Character { place, found, expected }
}

fn numeric(text: String) -> Result<NumericCode, FiscalCodeError> {
    if let Some((place, found)) = (1..).zip(text.chars()).find(|(_, it)| !it.is_ascii_digit()) {
        return Err(wrong(place, found, Expected::Digit));
    }
    if is_proved(&text) { Ok(NumericCode(text)) } else { Err(FiscalCodeError::Check(text.len())) }
}

fn personal(text: String) -> Result<PersonalCode, FiscalCodeError> {
    let letters = text.as_bytes();
    name(letters, 0)?;
    name(letters, 3)?;
    let mut plain = text.clone().into_bytes();
    for place in DIGITS {
        plain[place] = digit(letters, place)?;
    }
    let month = MONTHS.iter().position(|month| *month == letters[8]);
    let month = month.ok_or_else(|| wrong(9, char::from(letters[8]), Expected::Month))? as i8 + 1;
    let two = |place: usize| ((plain[place] - b'0') * 10 + plain[place + 1] - b'0') as i8;
    let (sex, day) = match two(9) {
        day @ 1..=31 => (Sex::Male, day),
        day @ 41..=71 => (Sex::Female, day - FEMALE),
        _ => return Err(wrong(10, char::from(letters[9]), Expected::Day)),
    };
    let year = i16::from(two(6));
    // The century is not said: 00 may be 2000, a leap year, as 04 and 1904.
    Date::new(2000 + year, month, day).map_err(|_| FiscalCodeError::Day { month, day })?;
    for place in [11, 15] {
        if !letters[place].is_ascii_uppercase() {
            return Err(wrong(place + 1, char::from(letters[place]), Expected::Letter));
        }
    }
    if char::from(letters[15]) != check_letter(&text[..15]) {
        return Err(FiscalCodeError::Check(16));
    }
    let place = plain[11..15].iter().copied().map(char::from).collect();
    Ok(PersonalCode { text, year, month, day, sex, place })
}

/// Consonants, then vowels, then X: `FOX` is Fo, `RSS` is Rossi.
fn name(letters: &[u8], from: usize) -> Result<(), FiscalCodeError> {
    let (mut vowel, mut filled) = (false, false);
    for (place, letter) in letters.iter().enumerate().skip(from).take(3) {
        let expected = match letter {
            b'A' | b'E' | b'I' | b'O' | b'U' if !filled => {
                vowel = true;
                continue;
            }
            b'X' => {
                filled = vowel;
                continue;
            }
            b'A'..=b'Z' if filled => Expected::X,
            b'A'..=b'Z' if vowel => Expected::VowelOrX,
            b'A'..=b'Z' => continue,
            _ => Expected::Letter,
        };
        return Err(wrong(place + 1, char::from(*letter), expected));
    }
    Ok(())
}

fn digit(letters: &[u8], place: usize) -> Result<u8, FiscalCodeError> {
    let letter = letters[place];
    let substitute = || OMOCODIA.iter().position(|it| *it == letter).map(|digit| b'0' + digit as u8);
    let digit = Some(letter).filter(u8::is_ascii_digit).or_else(substitute);
    digit.ok_or_else(|| wrong(place + 1, char::from(letter), Expected::DigitOrSubstitute))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn code(text: &str) -> FiscalCode {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn person(text: &str) -> PersonalCode {
        code(text).person().unwrap().clone()
    }

    fn error(text: &str) -> FiscalCodeError {
        text.parse::<FiscalCode>().unwrap_err()
    }

    #[test]
    fn published_codes_say_what_they_are_published_with() {
        for (text, year, month, day, sex, place) in [
            ("RSSMRA85T10A562S", 85, 12, 10, Sex::Male, "A562"),
            ("RCCMNL83S18D969H", 83, 11, 18, Sex::Male, "D969"),
            ("CNTCHR83T41D969D", 83, 12, 1, Sex::Female, "D969"),
            ("MRTMTT25D09F205Z", 25, 4, 9, Sex::Male, "F205"),
            ("MRNMIA02E45L219X", 2, 5, 5, Sex::Female, "L219"),
            ("FOXDRA26C24H872Y", 26, 3, 24, Sex::Male, "H872"),
        ] {
            let it = person(text);
            assert_eq!(
                (it.year, it.month, it.day, it.sex, it.place.as_str()),
                (year, month, day, sex, place)
            );
            assert!(!it.is_omocodia() && !it.is_born_abroad());
        }
    }

    #[test]
    fn any_digit_may_be_replaced_when_two_people_share_a_code() {
        let plain = person("RSSMRA85T10A562S");
        for text in ["RSSMRA85T10A56NH", "RSSMRA85T10AR6NC", "RSSMRA85T10ARSNO", "RSSMRAURTMLARSNL"] {
            let it = person(text);
            assert!(it.is_omocodia(), "{text}");
            assert_eq!(PersonalCode { text: plain.text.clone(), ..it }, plain, "{text}");
        }
        assert_eq!(
            error("RSSMRA85T10A56NS"),
            FiscalCodeError::Check(16),
            "the check letter counts the letters"
        );
    }

    #[test]
    fn companies_and_public_bodies_have_eleven_digits() {
        // INPS, Agenzia delle Entrate, Roma Capitale, Comune di Milano, INAIL.
        for text in ["80078750587", "06363391001", "02438750586", "01199250158", "01165400589"] {
            assert_eq!(code(text), FiscalCode::Numeric(NumericCode(text.to_owned())));
        }
        assert_eq!(error("80078750588"), FiscalCodeError::Check(11));
        assert_eq!(error("8007875058O"), wrong(11, 'O', Expected::Digit));
        assert_eq!(error("00000000000"), FiscalCodeError::Check(11));
    }

    #[test]
    fn a_code_is_read_however_it_is_spelt() {
        for text in ["rssmra85t10a562s", " RSS MRA 85T10 A562 S ", "RSS-MRA-85T10-A562-S"] {
            assert_eq!(code(text).to_string(), "RSSMRA85T10A562S");
        }
    }

    #[test]
    fn an_error_says_which_character_is_wrong() {
        for (text, expected) in [
            ("", FiscalCodeError::Length(0)),
            ("RSSMRA85T10A562", FiscalCodeError::Length(15)),
            ("RSSMRA85T10A562SS", FiscalCodeError::Length(17)),
            ("RSSMRÀ85T10A562S", wrong(6, 'À', Expected::LetterOrDigit)),
            ("R5SMRA85T10A562S", wrong(2, '5', Expected::Letter)),
            ("RASMRA85T10A562S", wrong(3, 'S', Expected::VowelOrX)),
            ("AXEMRA85T10A562S", wrong(3, 'E', Expected::X)),
            ("RSSMRAA5T10A562S", wrong(7, 'A', Expected::DigitOrSubstitute)),
            ("RSSMRA85F10A562S", wrong(9, 'F', Expected::Month)),
            ("RSSMRA85T32A562S", wrong(10, '3', Expected::Day)),
            ("RSSMRA85T72A562S", wrong(10, '7', Expected::Day)),
            ("RSSMRA85T00A562S", wrong(10, '0', Expected::Day)),
            ("RSSMRA85D31A562S", FiscalCodeError::Day { month: 4, day: 31 }),
            ("RSSMRA85B29A562S", FiscalCodeError::Day { month: 2, day: 29 }),
            ("RSSMRA85T101562S", wrong(12, '1', Expected::Letter)),
            ("RSSMRA85T10A5625", wrong(16, '5', Expected::Letter)),
            ("RSSMRA85T10A562T", FiscalCodeError::Check(16)),
        ] {
            assert_eq!(error(text), expected, "{text}");
        }
        assert_eq!(
            error("RSSMRA85F10A562S").to_string(),
            "character 9 is 'F', expected is the letter of a month, one of ABCDEHLMPRST"
        );
    }

    #[test]
    fn one_mistyped_character_is_always_found() {
        let right = "RSSMRA85T10A562S";
        for place in 0..16 {
            for other in ('A'..='Z').chain('0'..='9') {
                let mut text: Vec<char> = right.chars().collect();
                // Omocodia swaps a digit for its letter: that is another valid code only with another check letter.
                text[place] = other;
                let text: String = text.into_iter().collect();
                assert_eq!(text.parse::<FiscalCode>().is_ok(), text == right, "{text}");
            }
        }
    }

    #[test]
    fn the_century_is_the_latest_that_is_not_in_the_future() {
        let it = person("MRTMTT25D09F205Z");
        assert_eq!(it.birth_date(date(2025, 4, 9)), Some(date(2025, 4, 9)));
        assert_eq!(it.birth_date(date(2025, 4, 8)), Some(date(1925, 4, 9)));
        assert!(it.fits_birth(date(1925, 4, 9)) && it.fits_birth(date(2025, 4, 9)));
        assert!(!it.fits_birth(date(1925, 4, 10)));
    }
}
