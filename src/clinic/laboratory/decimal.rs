//! Numbers of reports: exact decimals, so that what was printed is what is kept, and 0.30 is not 0.3.
//!
//! Invariant: a number has at most [`DIGITS_MAX`] digits, so that products with exact factors fit an `i128`.

use std::{cmp::Ordering, fmt};

/// More digits than any laboratory prints, and few enough to multiply.
pub const DIGITS_MAX: usize = 12;
/// Digits that are kept of a quotient that has no end.
const QUOTIENT_DIGITS: u32 = 12;

/// A number of at least 0, with the digits it was printed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: u128,
    scale: u32,
}

/// An exact factor: `numerator / denominator × 10^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor {
    /// Above the line.
    pub numerator: u64,
    /// Below it; never 0.
    pub denominator: u64,
    /// Power of ten.
    pub exponent: i32,
}

impl Factor {
    /// Changes nothing.
    pub const ONE: Self = Self::power(0);

    /// A power of ten.
    pub const fn power(exponent: i32) -> Self {
        Self { numerator: 1, denominator: 1, exponent }
    }

    /// The way back.
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self { numerator: self.denominator, denominator: self.numerator, exponent: -self.exponent }
    }
}

/// What stands between whole and broken in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// `1.234,5`
    Comma,
    /// `1,234.5`
    Point,
}

impl Convention {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Comma => Self::Point,
            Self::Point => Self::Comma,
        }
    }
}

impl Decimal {
    /// A whole number.
    pub const fn whole(number: u32) -> Self {
        Self { mantissa: number as u128, scale: 0 }
    }

    /// Reads `7,2`, `1.234,5`, `250.000`, `1,234.5`; nothing, if it cannot be a number of this convention.
    ///
    /// A single sign with three digits behind it groups thousands if it is not the decimal sign; with any other number of
    /// digits behind it, it can only be the decimal sign, whatever the convention.
    pub fn read(text: &str, convention: Convention) -> Option<Self> {
        let decimal = match convention {
            Convention::Comma => ',',
            Convention::Point => '.',
        };
        let is_other = |it: u8| !matches!(it, b'0'..=b'9' | b'.' | b',');
        if text.len() > 2 * DIGITS_MAX
            || text.bytes().any(is_other)
            || !text.starts_with(|c: char| c.is_ascii_digit())
        {
            return None;
        }
        let mut signs = text.char_indices().filter(|(_, it)| !it.is_ascii_digit());
        let (first, last) = (signs.next(), signs.next_back());
        match (first, last) {
            (None, _) => Self::of_digits(text, ""),
            (Some((at, sign)), None) => {
                let (whole, rest) = (&text[..at], &text[at + 1..]);
                if rest.is_empty() {
                    None
                } else if sign != decimal && rest.len() == 3 && !whole.starts_with('0') && whole.len() <= 3 {
                    Self::of_digits(&format!("{whole}{rest}"), "")
                } else {
                    Self::of_digits(whole, rest)
                }
            }
            (Some((_, grouping)), Some((at, sign))) => {
                let (whole, rest) =
                    if sign == grouping { (text, "") } else { (&text[..at], &text[at + 1..]) };
                let whole = ungrouped(whole, grouping)?;
                if sign == grouping { Self::of_digits(&whole, "") } else { Self::of_digits(&whole, rest) }
            }
        }
    }

    fn of_digits(whole: &str, rest: &str) -> Option<Self> {
        let digits = whole.len() + rest.len();
        let is_signed_only = whole.is_empty();
        let is_padded = whole.len() > 1 && whole.starts_with('0');
        if is_signed_only
            || is_padded
            || digits > DIGITS_MAX
            || !whole.bytes().chain(rest.bytes()).all(|it| it.is_ascii_digit())
        {
            return None;
        }
        let mantissa = whole.bytes().chain(rest.bytes()).fold(0, |sum, it| sum * 10 + u128::from(it - b'0'));
        Some(Self { mantissa, scale: rest.len() as u32 })
    }

    /// Multiplied; rounded half up to twelve digits if the result has no end. Nothing, if it is too large to be written.
    pub fn times(self, factor: Factor) -> Option<Self> {
        let product = self.mantissa.checked_mul(u128::from(factor.numerator))?;
        let denominator = u128::from(factor.denominator);
        let mut exponent = factor.exponent - self.scale as i32;
        let mut shifted = product;
        while shifted != 0
            && shifted % denominator != 0
            && shifted / denominator < 10_u128.pow(QUOTIENT_DIGITS - 1)
        {
            shifted = shifted.checked_mul(10)?;
            exponent -= 1;
        }
        let half = denominator / 2;
        let mut mantissa = shifted.checked_add(half)? / denominator;
        while exponent > 0 {
            mantissa = mantissa.checked_mul(10)?;
            exponent -= 1;
        }
        while exponent < 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        (exponent >= -38).then_some(Self { mantissa, scale: exponent.unsigned_abs() })
    }

    /// Added.
    pub fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let aligned = |it: Self| it.mantissa.checked_mul(10_u128.checked_pow(scale - it.scale)?);
        Some(Self { mantissa: aligned(self)?.checked_add(aligned(other)?)?, scale })
    }

    /// For charts and scores, where the last digit does not matter.
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / 10_f64.powi(self.scale as i32)
    }

    /// Whether both are the same number, however many zeros they end in.
    pub fn equals(self, other: Self) -> bool {
        self.compare(other) == Ordering::Equal
    }

    /// By size. Numbers too far apart to be aligned differ in their first digits already.
    pub fn compare(self, other: Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        let aligned =
            |it: Self| 10_u128.checked_pow(scale - it.scale).and_then(|by| it.mantissa.checked_mul(by));
        match (aligned(self), aligned(other)) {
            (Some(mine), Some(others)) => mine.cmp(&others),
            _ => self.to_f64().total_cmp(&other.to_f64()),
        }
    }
}

/// Without the signs between thousands, if they stand where such signs stand.
fn ungrouped(text: &str, sign: char) -> Option<String> {
    let mut groups = text.split(sign);
    let first = groups.next()?;
    let regular = (1..=3).contains(&first.len()) && groups.all(|it| it.len() == 3);
    regular.then(|| text.chars().filter(|it| *it != sign).collect())
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0width$}", self.mantissa, width = self.scale as usize + 1);
        let (whole, rest) = digits.split_at(digits.len() - self.scale as usize);
        if rest.is_empty() { f.write_str(whole) } else { write!(f, "{whole}.{rest}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, convention: Convention) -> Option<String> {
        Decimal::read(text, convention).map(|it| it.to_string())
    }

    #[test]
    fn what_was_printed_is_kept() {
        for (text, comma, point) in [
            ("7,2", Some("7.2"), Some("7.2")),
            ("7.20", Some("7.20"), Some("7.20")),
            ("2.345", Some("2345"), Some("2.345")),
            ("2,345", Some("2.345"), Some("2345")),
            ("0.345", Some("0.345"), Some("0.345")),
            ("1.234,5", Some("1234.5"), Some("1234.5")),
            ("1,234,567", Some("1234567"), Some("1234567")),
            ("1.234.567,89", Some("1234567.89"), Some("1234567.89")),
            ("12.34.56", None, None),
            ("1234.567.890", None, None),
            ("12345678901234", None, None),
            ("", None, None),
            ("12,", None, None),
            ("007", None, None),
            (",5", None, None),
            ("1é2", None, None),
            ("1é2é3", None, None),
            ("1 234", None, None),
        ] {
            let comma_read = read(text, Convention::Comma);
            assert_eq!(comma_read.as_deref(), comma, "{text}");
            assert_eq!(read(text, Convention::Point).as_deref(), point, "{text}");
        }
    }

    #[test]
    fn products_are_exact_where_they_end_and_rounded_where_they_do_not() {
        let seven = Decimal::whole(7);
        assert_eq!(seven.times(Factor::power(-3)).unwrap().to_string(), "0.007");
        assert_eq!(seven.times(Factor::power(3)).unwrap().to_string(), "7000");
        let third = Factor { numerator: 1, denominator: 3, exponent: 0 };
        assert_eq!(seven.times(third).unwrap().to_string(), "2.33333333333");
        assert_eq!(Decimal::whole(9).times(third).unwrap().to_string(), "3");
        assert_eq!(Decimal::whole(2).times(third).unwrap().to_string(), "0.666666666667");
        assert_eq!(Decimal::whole(0).times(third).unwrap().to_string(), "0");
    }

    #[test]
    fn order_is_that_of_numbers() {
        let of = |text| Decimal::read(text, Convention::Point).unwrap();
        assert!(of("0.30").equals(of("0.3")));
        assert_eq!(of("12.5").compare(of("3")), Ordering::Greater);
        assert_eq!(of("0.9").compare(of("0.95")), Ordering::Less);
        assert_eq!(of("1.5").plus(of("2.25")).unwrap().to_string(), "3.75");
    }
}
