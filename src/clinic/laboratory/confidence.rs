//! How sure a value is: not a guess, a count of what was recognised around it.
//!
//! | recognised | points |
//! |---|---|
//! | the name means one thing in every report, not only in its section | 20 (else 10) |
//! | the value stands in the line of its name | 15 (else 5) |
//! | a unit in which the analyte is measured, or an analyte without one | 25 (else 0) |
//! | the document has text; it was not read from an image | 10 (else 0) |
//! | a reference range | 15 (else 0) |
//! | the day | 10 (else 0) |
//! | the range does not contradict the laboratory's own sign | 5 (else 0) |
//! | the page does not name somebody else than the patient | (else half of all) |
//!
//! A value whose unit is not understood has no confidence: it is not there; one without any unit is, if it stands in the line
//! of its name. So the least is 7 and the most 100.
//! Results in words have no range and no unit; they get these points if they are one of the words that are known, which
//! they are, or they would not be there.

/// The doubt about a value on a page that names somebody else than the patient.
pub const NAMES_ANOTHER: &str = "names_another_person";

/// What was recognised around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the rows of the table above")]
pub struct Recognised {
    /// The name means one thing everywhere.
    pub name: bool,
    /// Name and value stand in one line.
    pub line: bool,
    /// The unit, or there is none.
    pub unit: bool,
    /// The text is the document's own.
    pub text: bool,
    /// The range, or there is none to be expected.
    pub range: bool,
    /// The day.
    pub day: bool,
    /// No contradiction.
    pub sign: bool,
    /// The page names the patient, or nobody.
    pub person: bool,
}

impl Recognised {
    /// Points of 100.
    pub fn percent(self) -> u8 {
        let points = |is_so: bool, yes: u8, no: u8| if is_so { yes } else { no };
        let all = points(self.name, 20, 10)
            + points(self.line, 15, 5)
            + points(self.unit, 25, 0)
            + points(self.text, 10, 0)
            + points(self.range, 15, 0)
            + points(self.day, 10, 0)
            + points(self.sign, 5, 0);
        if self.person { all } else { all / 2 }
    }

    /// What is missing, in words that are stable.
    pub fn missing(self) -> impl Iterator<Item = &'static str> {
        [
            (self.name, "name_depends_on_section"),
            (self.line, "value_in_another_line"),
            (self.unit, "no_unit"),
            (self.text, "read_from_image"),
            (self.range, "no_range"),
            (self.day, "no_date"),
            (self.sign, "range_contradicts_flag"),
            (self.person, NAMES_ANOTHER),
        ]
        .into_iter()
        .filter(|(is_so, _)| !is_so)
        .map(|(_, word)| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Recognised = Recognised {
        name: true,
        line: true,
        unit: true,
        text: true,
        range: true,
        day: true,
        sign: true,
        person: true,
    };
    const NONE: Recognised = Recognised {
        name: false,
        line: false,
        unit: false,
        text: false,
        range: false,
        day: false,
        sign: false,
        person: false,
    };

    #[test]
    fn points_are_those_of_the_table() {
        assert_eq!(ALL.percent(), 100);
        assert_eq!(NONE.percent(), 7);
        assert_eq!(Recognised { person: false, ..ALL }.percent(), 50);
        assert_eq!(Recognised { unit: false, ..ALL }.percent(), 75);
        assert_eq!(Recognised { range: false, day: false, ..ALL }.percent(), 75);
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(ALL.missing().count(), 0);
        assert_eq!(NONE.missing().count(), 8);
        assert_eq!(Recognised { day: false, ..ALL }.missing().collect::<Vec<_>>(), ["no_date"]);
    }
}
