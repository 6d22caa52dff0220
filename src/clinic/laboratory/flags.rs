//! Low, normal, high: what the printed range says, and whether the laboratory's own sign agrees.

use std::cmp::Ordering;

use super::{
    decimal::Decimal,
    grammar::lines::Comparator,
    ranges::{Population, Range},
};

/// Where a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flag {
    /// Below the range.
    Low,
    /// In it, its ends included.
    Normal,
    /// Above it.
    High,
}

/// What a laboratory printed beside a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Printed {
    /// `L`, `↓`
    Low,
    /// `H`, `↑`
    High,
    /// `*`, `A`: not normal, it does not say how.
    Abnormal,
}

/// Sex, for ranges that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
}

impl Flag {
    /// Stable, in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// The one range that is for a person of a sex; nothing, if there are several (phases of a cycle) or none.
pub fn applying(ranges: &[Range], sex: Option<Sex>) -> Option<&Range> {
    let applies = |it: &&Range| match it.population {
        Population::Everyone => true,
        Population::Men => sex == Some(Sex::Male),
        Population::Women => sex == Some(Sex::Female),
        // Which phase it was is not known here.
        _ => false,
    };
    let has_phases = ranges
        .iter()
        .any(|it| !matches!(it.population, Population::Everyone | Population::Men | Population::Women));
    let mut applying = ranges.iter().filter(applies);
    let only = applying.next();
    // Beside ranges of phases, that of women is for those who are in none of them.
    only.filter(|it| applying.next().is_none() && (!has_phases || it.population == Population::Men))
}

/// Where a value lies; nothing, if it is only known to be below or above something within the range.
pub fn flag(value: Decimal, comparator: Option<Comparator>, range: &Range) -> Option<Flag> {
    // `< 5` is not 5, `≤ 5` may be.
    let is_strict = matches!(comparator, Some(Comparator::Less | Comparator::Greater));
    let is_below = |low: Decimal, may_be_it: bool| match value.compare(low) {
        Ordering::Less => true,
        Ordering::Equal => !may_be_it,
        Ordering::Greater => false,
    };
    let is_above = |high: Decimal, may_be_it: bool| match value.compare(high) {
        Ordering::Greater => true,
        Ordering::Equal => !may_be_it,
        Ordering::Less => false,
    };
    // Nothing is below 0.
    let low = range.low.filter(|low| range.is_open || !low.equals(Decimal::whole(0)));
    let ends = !range.is_open;
    match comparator {
        None if low.is_some_and(|it| is_below(it, ends)) => Some(Flag::Low),
        None if range.high.is_some_and(|it| is_above(it, ends)) => Some(Flag::High),
        None => Some(Flag::Normal),
        Some(comparator) if comparator.is_upper_bound() => match (low, range.high) {
            // All that it can be lies below the range.
            (Some(low), _) => is_below(low, !is_strict && ends).then_some(Flag::Low),
            (None, Some(high)) => (!is_above(high, is_strict || ends)).then_some(Flag::Normal),
            (None, None) => None,
        },
        Some(_) => match (range.low, range.high) {
            (_, Some(high)) => is_above(high, !is_strict && ends).then_some(Flag::High),
            (Some(low), None) => (!is_below(low, is_strict || ends)).then_some(Flag::Normal),
            (None, None) => None,
        },
    }
}

/// Whether what was printed contradicts what the range says. No sign at a value out of its range contradicts nothing:
/// many laboratories print none.
pub const fn contradict(computed: Option<Flag>, printed: Option<Printed>) -> bool {
    matches!(
        (computed, printed),
        (Some(Flag::Normal), Some(_))
            | (Some(Flag::Low), Some(Printed::High))
            | (Some(Flag::High), Some(Printed::Low))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::decimal::Convention;

    fn of(text: &str) -> Decimal {
        Decimal::read(text, Convention::Point).unwrap()
    }

    fn range(population: Population, low: &str, high: &str) -> Range {
        let end = |it: &str| (!it.is_empty()).then(|| of(it));
        Range { population, low: end(low), high: end(high), is_open: false }
    }

    #[test]
    fn the_ends_of_a_range_are_normal() {
        let it = range(Population::Everyone, "3.5", "12.5");
        for (value, expected) in
            [("3.4", Flag::Low), ("3.5", Flag::Normal), ("12.50", Flag::Normal), ("12.51", Flag::High)]
        {
            assert_eq!(flag(of(value), None, &it), Some(expected), "{value}");
        }
    }

    #[test]
    fn a_bounded_value_says_only_what_it_says() {
        let it = range(Population::Everyone, "3.5", "12.5");
        assert_eq!(flag(of("0.1"), Some(Comparator::Less), &it), Some(Flag::Low));
        assert_eq!(flag(of("3.5"), Some(Comparator::Less), &it), Some(Flag::Low));
        assert_eq!(flag(of("5"), Some(Comparator::Less), &it), None, "it may be low or normal");
        assert_eq!(flag(of("20"), Some(Comparator::Greater), &it), Some(Flag::High));
        assert_eq!(flag(of("5"), Some(Comparator::Greater), &it), None);
        let upper = range(Population::Everyone, "", "34");
        assert_eq!(flag(of("9"), Some(Comparator::Less), &upper), Some(Flag::Normal));
        assert_eq!(flag(of("40"), Some(Comparator::Less), &upper), None);
    }

    #[test]
    fn a_bound_at_the_end_of_a_range_may_be_that_end() {
        use Comparator::{AtLeast, AtMost, Greater, Less};
        let it = range(Population::Everyone, "3.5", "12.5");
        for (value, comparator, expected) in [
            ("3.5", AtMost, None),
            ("3.4", AtMost, Some(Flag::Low)),
            ("3.5", Less, Some(Flag::Low)),
            ("12.5", AtLeast, None),
            ("12.6", AtLeast, Some(Flag::High)),
            ("12.5", Greater, Some(Flag::High)),
        ] {
            assert_eq!(flag(of(value), Some(comparator), &it), expected, "{comparator:?} {value}");
        }
    }

    #[test]
    fn what_is_less_than_something_from_0_on_is_normal() {
        let it = range(Population::Everyone, "0", "34");
        assert_eq!(flag(of("9"), Some(Comparator::Less), &it), Some(Flag::Normal));
        assert_eq!(flag(of("0"), None, &it), Some(Flag::Normal));
        assert_eq!(flag(of("35"), None, &it), Some(Flag::High));
        assert_eq!(flag(of("40"), Some(Comparator::Less), &it), None);
    }

    #[test]
    fn an_open_end_is_not_normal() {
        let below = Range { is_open: true, ..range(Population::Everyone, "", "1.00") };
        assert_eq!(flag(of("1.00"), None, &below), Some(Flag::High));
        assert_eq!(flag(of("0.99"), None, &below), Some(Flag::Normal));
        assert_eq!(flag(of("1.00"), Some(Comparator::Less), &below), Some(Flag::Normal));
        assert_eq!(flag(of("1.00"), Some(Comparator::AtMost), &below), None);
        assert_eq!(flag(of("1.00"), Some(Comparator::AtLeast), &below), Some(Flag::High));
        let above = Range { is_open: true, ..range(Population::Everyone, "7.2", "") };
        assert_eq!(flag(of("7.2"), None, &above), Some(Flag::Low));
        assert_eq!(flag(of("7.2"), Some(Comparator::Greater), &above), Some(Flag::Normal));
        assert_eq!(flag(of("7.2"), Some(Comparator::AtLeast), &above), None);
        assert_eq!(flag(of("7.2"), Some(Comparator::AtMost), &above), Some(Flag::Low));
    }

    #[test]
    fn a_range_is_applied_only_if_it_is_the_only_one() {
        let sexes = [range(Population::Men, "13", "17"), range(Population::Women, "12", "16")];
        assert_eq!(applying(&sexes, Some(Sex::Male)), Some(&sexes[0]));
        assert_eq!(applying(&sexes, Some(Sex::Female)), Some(&sexes[1]));
        assert_eq!(applying(&sexes, None), None);
        let phases = [range(Population::Follicular, "3.5", "12.5"), range(Population::Luteal, "1.7", "7.7")];
        assert_eq!(applying(&phases, Some(Sex::Female)), None);
        assert_eq!(applying(&[], None), None);
        let menopause =
            [range(Population::Women, "3.5", "12.5"), range(Population::Postmenopausal, "25", "134")];
        assert_eq!(applying(&menopause, Some(Sex::Female)), None, "which of the two is hers is not known");
        let with_men = [range(Population::Men, "1.5", "12.4"), menopause[1]];
        assert_eq!(applying(&with_men, Some(Sex::Male)), Some(&with_men[0]));
    }

    #[test]
    fn only_a_wrong_sign_contradicts() {
        assert!(contradict(Some(Flag::Normal), Some(Printed::High)));
        assert!(contradict(Some(Flag::Low), Some(Printed::High)));
        assert!(!contradict(Some(Flag::High), Some(Printed::Abnormal)));
        assert!(!contradict(Some(Flag::High), None));
        assert!(!contradict(None, Some(Printed::Low)));
    }
}
