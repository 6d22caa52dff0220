//! What the Italian codes share: how they are spelt, and the letter that proves them.
//!
//! Source of the letter: ministerial decree of 23 December 1976 (codice fiscale). Italian banks took the same table for
//! the CIN of an account.

/// Values of 0–9 and A–Z in the first, third, fifth … place; in the other places they count as what they are.
const ODD: [u16; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/// As codes are compared: in capitals, without what people put between the groups.
pub(super) fn normal(text: &str) -> String {
    let kept = text.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '.' | '/'));
    kept.map(|letter| letter.to_ascii_uppercase()).collect()
}

/// The place (from 1) and the character at which a text stops to consist of capitals and digits.
pub(super) fn first_odd_one(text: &str) -> Option<(usize, char)> {
    let mut places = (1..).zip(text.chars());
    places.find(|(_, letter)| !letter.is_ascii_digit() && !letter.is_ascii_uppercase())
}

/// The letter that proves `text`, which consists of capitals and digits.
pub(super) fn check_letter(text: &str) -> char {
    let values = text.bytes().enumerate().map(|(place, letter)| {
        let value = if letter.is_ascii_digit() { letter - b'0' } else { letter - b'A' };
        if place % 2 == 0 { ODD[usize::from(value)] } else { u16::from(value) }
    });
    char::from(b'A' + (values.sum::<u16>() % 26) as u8)
}
