//! What is refused: a number that cannot be, and values that contradict each other. All that is wrong is said at once, each
//! with a JSON pointer into the input.
//!
//! Bounds are of what can be written down by mistake, not of what is healthy: a value within them is graded.

use std::{fmt, ops::RangeInclusive};

/// A value that is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{pointer}: {problem}")]
pub struct Invalid {
    /// JSON pointer to it.
    pub pointer: String,
    /// What is wrong.
    pub problem: Wrong,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Wrong {
    /// Infinite, or not a number.
    #[error("must be a number")]
    NotANumber,
    /// Nobody has such a value.
    #[error("must be from {least} to {most}")]
    OutOfRange {
        /// May be.
        least: f64,
        /// May be.
        most: f64,
    },
    /// Cannot be true together.
    #[error("does not fit {other}")]
    Contradicts {
        /// JSON pointer to the other one.
        other: String,
    },
    /// Nothing was seen, or nothing is said of it.
    #[error("say at least one finding")]
    NoFinding,
    /// A list that is too long.
    #[error("has more than {most} entries")]
    TooMany {
        /// As many may be.
        most: usize,
    },
}

impl Wrong {
    /// Stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::OutOfRange { .. } => "out_of_range",
            Self::Contradicts { .. } => "contradicts",
            Self::NoFinding => "no_finding",
            Self::TooMany { .. } => "too_many",
        }
    }
}

/// All that was refused; at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused(pub Vec<Invalid>);

impl Refused {
    /// The whole: nothing was found, and nothing is said to be as usual.
    pub fn no_finding() -> Self {
        Self(vec![Invalid { pointer: String::new(), problem: Wrong::NoFinding }])
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("; "))
    }
}

impl std::error::Error for Refused {}

/// So much is told at once; who has that many mistakes made one.
const TOLD_MAX: usize = 100;

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Invalid>);

impl Checks {
    fn add(&mut self, pointer: &str, problem: Wrong) {
        if self.0.len() < TOLD_MAX {
            self.0.push(Invalid { pointer: pointer.to_owned(), problem });
        }
    }

    /// A number within bounds, if it is given.
    pub(super) fn number(&mut self, pointer: &str, value: Option<f64>, bounds: RangeInclusive<f64>) {
        match value {
            Some(value) if !value.is_finite() => self.add(pointer, Wrong::NotANumber),
            Some(value) if !bounds.contains(&value) => {
                self.add(pointer, Wrong::OutOfRange { least: *bounds.start(), most: *bounds.end() });
            }
            _ => {}
        }
    }

    /// The same for counts.
    pub(super) fn count(&mut self, pointer: &str, value: Option<u16>, bounds: RangeInclusive<u16>) {
        let bounds = f64::from(*bounds.start())..=f64::from(*bounds.end());
        self.number(pointer, value.map(f64::from), bounds);
    }

    /// Two values that may not be true together.
    pub(super) fn contradiction(&mut self, is_one: bool, pointer: &str, other: &str) {
        if is_one {
            self.add(pointer, Wrong::Contradicts { other: other.to_owned() });
        }
    }

    /// A list that may not be longer. Whoever goes through it looks at no more than `most`.
    pub(super) fn length(&mut self, pointer: &str, length: usize, most: usize) {
        if length > most {
            self.add(pointer, Wrong::TooMany { most });
        }
    }

    /// `Err` if anything was wrong.
    pub(super) fn end(self) -> Result<(), Refused> {
        if self.0.is_empty() { Ok(()) } else { Err(Refused(self.0)) }
    }
}

/// What was refused, in short, for the tests of the rules.
#[cfg(test)]
pub(super) fn said<T: fmt::Debug>(result: Result<T, Refused>) -> Vec<String> {
    let refused = result.expect_err("it is refused");
    refused.0.iter().map(|it| format!("{} {}", it.pointer, it.problem.code())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_said_at_once_with_where_it_is() {
        let mut checks = Checks::default();
        checks.number("/a", Some(f64::NAN), 0.0..=1.0);
        checks.number("/b", Some(1.1), 0.0..=1.0);
        checks.number("/c", Some(1.0), 0.0..=1.0);
        checks.number("/d", None, 0.0..=1.0);
        checks.count("/e", Some(3), 4..=9);
        checks.contradiction(true, "/f", "/g");
        checks.contradiction(false, "/h", "/g");
        checks.length("/j", 3, 2);
        let refused = checks.end().unwrap_err();
        assert_eq!(
            refused.to_string(),
            "/a: must be a number; /b: must be from 0 to 1; /e: must be from 4 to 9; /f: does not fit /g; /j: has more than 2 entries"
        );
        assert_eq!(
            said::<()>(Err(refused)),
            ["/a not_a_number", "/b out_of_range", "/e out_of_range", "/f contradicts", "/j too_many"]
        );
        assert_eq!(Checks::default().end(), Ok(()));
    }

    #[test]
    fn nobody_is_told_more_than_can_be_read() {
        let mut checks = Checks::default();
        (0..100_000).for_each(|_| checks.number("/a", Some(9.0), 0.0..=1.0));
        assert_eq!(checks.end().unwrap_err().0.len(), TOLD_MAX);
    }
}
