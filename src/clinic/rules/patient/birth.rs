//! Days of birth, and ages.
//!
//! A patient is registered with the day of birth, not with an age (the original stored an age, and reckoned a birth on the
//! first of January from it).

use jiff::civil::Date;

/// Nobody was older.
const AGE_MAX: i16 = 122;

/// Why a day is no day of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BirthError {
    /// It has not come.
    #[error("is in the future")]
    InTheFuture,
    /// Nobody was older.
    #[error("is more than {AGE_MAX} years ago")]
    TooLongAgo,
}

/// Completed years; somebody born on 29 February completes one on 1 March of other years.
pub fn age(birth: Date, today: Date) -> Result<i16, BirthError> {
    if birth > today {
        return Err(BirthError::InTheFuture);
    }
    let is_before = (today.month(), today.day()) < (birth.month(), birth.day());
    let years = today.year() - birth.year() - i16::from(is_before);
    if years > AGE_MAX { Err(BirthError::TooLongAgo) } else { Ok(years) }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn years_are_completed_on_the_day() {
        for (birth, today, expected) in [
            (date(1990, 5, 17), date(2026, 5, 16), Ok(35)),
            (date(1990, 5, 17), date(2026, 5, 17), Ok(36)),
            (date(1992, 2, 29), date(2026, 2, 28), Ok(33)),
            (date(1992, 2, 29), date(2026, 3, 1), Ok(34)),
            (date(2026, 5, 17), date(2026, 5, 17), Ok(0)),
            (date(2026, 5, 18), date(2026, 5, 17), Err(BirthError::InTheFuture)),
            (date(1903, 5, 18), date(2026, 5, 17), Ok(122)),
            (date(1903, 5, 17), date(2026, 5, 17), Err(BirthError::TooLongAgo)),
        ] {
            assert_eq!(age(birth, today), expected, "{birth} {today}");
        }
    }
}
