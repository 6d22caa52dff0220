//! What cannot be of a patient: of a day before the birth, or what only the other sex has. It is a slip of the pen, or belongs
//! into the record of the partner.
//!
//! Invariant: of who is registered as neither female nor male nothing is refused but a day before the birth.

use jiff::civil::Date;

use super::content::{Content, Sex};
use crate::clinic::laboratory::flags;

/// Why something is not this patient's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nobody was there to be examined.
    #[error("is before the day on which the patient was born")]
    BeforeBirth,
    /// Only the other one of a couple can have it.
    #[error("is of the other sex than the patient: it belongs into the record of the partner")]
    OtherSex,
}

impl Unfit {
    /// Stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BeforeBirth => "before_birth",
            Self::OtherSex => "other_sex",
        }
    }
}

impl Sex {
    /// Whether somebody can have what only people of one sex have.
    pub fn may_have(self, only_of: Option<flags::Sex>) -> bool {
        only_of.zip(self.of_ranges()).is_none_or(|(only, own)| only == own)
    }
}

impl Content {
    /// Every reason why something of this day, that perhaps only one sex has, cannot be the patient's.
    pub fn unfit(&self, day: Option<Date>, only_of: Option<flags::Sex>) -> Vec<Unfit> {
        let is_before = day.zip(self.born_on).is_some_and(|(day, born_on)| day < born_on);
        let before = is_before.then_some(Unfit::BeforeBirth);
        let other = (!self.sex.may_have(only_of)).then_some(Unfit::OtherSex);
        before.into_iter().chain(other).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn nothing_is_of_a_day_before_the_birth_or_of_the_other_sex() {
        let of = |sex: &str| -> Content {
            let content = serde_json::json!({
                "first_name": "Anna", "last_name": "Bianchi", "born_on": "1990-05-17", "sex": sex,
            });
            serde_json::from_value(content).unwrap()
        };
        let (woman, man, other) = (of("female"), of("male"), of("other"));
        let (before, birth) = (Some(date(1990, 5, 16)), Some(date(1990, 5, 17)));
        let his = Some(flags::Sex::Male);
        assert_eq!(woman.unfit(before, his), [Unfit::BeforeBirth, Unfit::OtherSex]);
        assert_eq!(woman.unfit(birth, his), [Unfit::OtherSex]);
        assert_eq!(man.unfit(before, his), [Unfit::BeforeBirth]);
        assert_eq!(man.unfit(None, Some(flags::Sex::Female)), [Unfit::OtherSex]);
        assert_eq!(man.unfit(birth, his), []);
        assert_eq!(other.unfit(birth, his), []);
        assert_eq!(Content { born_on: None, ..woman }.unfit(before, None), []);
    }
}
