//! Reading a schedule: five fields as in Vixie's cron, or six with the seconds first; `@daily` and kin.
//!
//! Errors say which field is wrong, what was written there, and what may be written instead.

use std::{fmt, str::FromStr};

use super::Spec;

/// Longest text of a schedule: every second of a minute written out has 170 characters.
const CHARS_MAX: usize = 500;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Neither five nor six fields.
    #[error(
        "a schedule has five fields (minute hour day-of-month month day-of-week), or six with the second first, not {0}"
    )]
    Fields(usize),
    /// A field that cannot be read.
    #[error("field {number} ({field}): {wrong}")]
    Field {
        /// Its place, from 1.
        number: usize,
        /// Its name.
        field: &'static str,
        /// What is wrong with it.
        wrong: Wrong,
    },
    /// An unknown `@word`.
    #[error("{0:?} is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually")]
    Word(String),
    /// Longer than any schedule.
    #[error("a schedule has at most {CHARS_MAX} characters")]
    TooLong,
    /// It would break the line of whoever looks at it.
    #[error("a schedule is one line, its fields are parted by spaces")]
    Lines,
    /// February 30.
    #[error("no such day ever comes: look at day of month and month")]
    Never,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    text: String,
    kind: Kind,
    min: u8,
    max: u8,
    names: &'static [&'static str],
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Range,
    Unknown,
    Backwards,
    Step,
    Empty,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, min, max, names, .. } = self;
        match self.kind {
            Kind::Range => write!(f, "{text:?} is out of range, {min} to {max} are allowed"),
            Kind::Unknown if names.is_empty() => {
                write!(f, "{text:?} is not a number, write {min} to {max}, `*`, a range, a list or a step")
            }
            Kind::Unknown => {
                write!(f, "{text:?} is not known, write {min} to {max} or {}", names.join(", "))
            }
            Kind::Backwards => {
                write!(f, "{text:?} goes backwards, write two ranges: {}", self.turned())
            }
            Kind::Step => {
                write!(f, "{text:?} has no step that can be used, after `/` write a number from 1 to {max}")
            }
            Kind::Empty => write!(f, "there is nothing between two commas, or before or after one"),
        }
    }
}

impl Wrong {
    /// What was probably meant by a range that goes backwards: to the end, and again from the beginning.
    fn turned(&self) -> String {
        let (range, step) = self.text.split_at(self.text.find('/').unwrap_or(self.text.len()));
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let is_named = |text: &str| !text.bytes().all(|byte| byte.is_ascii_digit());
        let (first, last) = match self.names {
            [first, .., last] if is_named(from) || is_named(to) => (first.to_string(), last.to_string()),
            _ => (self.min.to_string(), if self.max == 7 { 6 } else { self.max }.to_string()),
        };
        // Seven is the other number of Sunday: no day of the week comes after it.
        let is_last = from.eq_ignore_ascii_case(&last) || (self.max == 7 && from == "7");
        let head = if is_last { from.to_owned() } else { format!("{from}-{last}{step}") };
        let tail = if to.eq_ignore_ascii_case(&first) { first } else { format!("{first}-{to}{step}") };
        format!("{head},{tail}")
    }
}

struct Field {
    name: &'static str,
    min: u8,
    max: u8,
    names: &'static [&'static str],
}

const FIELDS: [Field; 6] = [
    Field { name: "second", min: 0, max: 59, names: &[] },
    Field { name: "minute", min: 0, max: 59, names: &[] },
    Field { name: "hour", min: 0, max: 23, names: &[] },
    Field { name: "day of month", min: 1, max: 31, names: &[] },
    Field { name: "month", min: 1, max: 12, names: &MONTHS },
    Field { name: "day of week", min: 0, max: 7, names: &DAYS },
];

impl Field {
    fn wrong(&self, text: &str, kind: Kind) -> Wrong {
        Wrong { text: text.to_owned(), kind, min: self.min, max: self.max, names: self.names }
    }

    fn value(&self, text: &str) -> Result<u8, Wrong> {
        let lower = text.to_ascii_lowercase();
        if let Some(place) = self.names.iter().position(|name| *name == lower) {
            // Months count from 1, weekdays from 0.
            return Ok(place as u8 + self.min);
        }
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.wrong(text, Kind::Unknown));
        }
        let value = text.parse::<u8>().ok().filter(|value| (self.min..=self.max).contains(value));
        value.ok_or_else(|| self.wrong(text, Kind::Range))
    }

    /// One item of a list: `*`, `5`, `1-5`, `*/15`, `10-30/5`, `5/15` (from 5 on).
    fn item(&self, item: &str) -> Result<u64, Wrong> {
        if item.is_empty() {
            return Err(self.wrong(item, Kind::Empty));
        }
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => {
                let is_number = step.bytes().all(|byte| byte.is_ascii_digit());
                let step = step.parse::<u8>().ok().filter(|step| is_number && (1..=self.max).contains(step));
                (range, Some(step.ok_or_else(|| self.wrong(item, Kind::Step))?))
            }
            None => (item, None),
        };
        if range.split('-').any(str::is_empty) {
            return Err(self.wrong(item, Kind::Unknown));
        }
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.min, self.max),
            Some((first, last)) => (self.value(first)?, self.last_of_range(last)?),
            None => {
                let value = self.value(range)?;
                (value, if step.is_some() { self.max } else { value })
            }
        };
        if first > last {
            return Err(self.wrong(item, Kind::Backwards));
        }
        Ok((first..=last).step_by(step.unwrap_or(1).into()).fold(0, |bits, value| bits | 1 << value))
    }

    /// Sunday has two numbers: `fri-sun` ends with the other one.
    fn last_of_range(&self, text: &str) -> Result<u8, Wrong> {
        let is_sunday = self.max == 7 && text.eq_ignore_ascii_case(DAYS[0]);
        if is_sunday { Ok(7) } else { self.value(text) }
    }

    fn bits(&self, text: &str, number: usize) -> Result<u64, SpecError> {
        let bits = text.split(',').try_fold(0, |bits, item| Ok(bits | self.item(item)?));
        bits.map_err(|wrong| SpecError::Field { number, field: self.name, wrong })
    }
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let text = text.trim();
        if text.len() > CHARS_MAX {
            return Err(SpecError::TooLong);
        }
        if text.contains(|c: char| c.is_control() && c != '\t') {
            return Err(SpecError::Lines);
        }
        let text = match text.to_ascii_lowercase().as_str() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            word if word.starts_with('@') => return Err(SpecError::Word(text.to_owned())),
            _ => text,
        };
        let written: Vec<&str> = text.split_whitespace().collect();
        let offset = match written.len() {
            6 => 0,
            5 => 1, // at second 0
            count => return Err(SpecError::Fields(count)),
        };
        let mut bits = [1; FIELDS.len()];
        for (place, text) in written.iter().enumerate() {
            bits[place + offset] = FIELDS[place + offset].bits(text, place + 1)?;
        }
        let [seconds, minutes, hours, days, months, weekdays] = bits;
        let [day, weekday] = [written[3 - offset], written[5 - offset]];
        let spec = Self {
            seconds,
            minutes,
            hours,
            days,
            months,
            weekdays: (weekdays | weekdays >> 7) & 0x7F, // 7 is Sunday too
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        spec.next(jiff::civil::date(2000, 1, 1).at(0, 0, 0, 0)).ok_or(SpecError::Never)?;
        Ok(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        text.parse::<Spec>().unwrap_err().to_string()
    }

    #[test]
    fn nonsense_is_refused_with_its_place_and_what_is_allowed() {
        let fields = "a schedule has five fields (minute hour day-of-month month day-of-week), or six with the second \
                      first, not ";
        assert_eq!(said("* * * *"), format!("{fields}4"));
        assert_eq!(said(""), format!("{fields}0"));
        assert_eq!(said("1 2 3 4 5 6 7"), format!("{fields}7"));
        assert_eq!(said("60 * * * *"), "field 1 (minute): \"60\" is out of range, 0 to 59 are allowed");
        assert_eq!(said("0 60 * * * *"), "field 2 (minute): \"60\" is out of range, 0 to 59 are allowed");
        assert_eq!(said("61 * * * * *"), "field 1 (second): \"61\" is out of range, 0 to 59 are allowed");
        assert_eq!(said("* 24 * * *"), "field 2 (hour): \"24\" is out of range, 0 to 23 are allowed");
        assert_eq!(said("* * 0 * *"), "field 3 (day of month): \"0\" is out of range, 1 to 31 are allowed");
        assert_eq!(said("* * * 13 *"), "field 4 (month): \"13\" is out of range, 1 to 12 are allowed");
        let days = "sun, mon, tue, wed, thu, fri, sat";
        let lun = format!("field 5 (day of week): \"lun\" is not known, write 0 to 7 or {days}");
        assert_eq!(said("* * * * lun"), lun);
        assert_eq!(said("* * * * mon,lun"), lun);
        assert_eq!(
            said("5-1 * * * *"),
            "field 1 (minute): \"5-1\" goes backwards, write two ranges: 5-59,0-1"
        );
        for (text, meant) in [
            ("* 22-0 * * *", "22-23,0"),
            ("* 23-2 * * *", "23,0-2"),
            ("* 22-2/2 * * *", "22-23/2,0-2/2"),
            ("* * * nov-feb *", "nov-dec,jan-feb"),
            ("* * * * fri-mon", "fri-sat,sun-mon"),
            ("* * * * Sat-1", "Sat,sun-1"),
            ("* * * * 7-2", "7,0-2"),
        ] {
            assert!(said(text).ends_with(&format!(": {meant}")), "{}", said(text));
            let fields: Vec<_> =
                text.split_whitespace().map(|it| if it == "*" { it } else { meant }).collect();
            assert!(fields.join(" ").parse::<Spec>().is_ok(), "{text}: what is proposed can be read");
        }
        let step =
            "field 1 (minute): \"*/0\" has no step that can be used, after `/` write a number from 1 to 59";
        assert_eq!(said("*/0 * * * *"), step);
        assert!(said("*/+5 * * * *").contains("no step"));
        assert!(said("+5 * * * *").starts_with("field 1 (minute): \"+5\" is not a number, write 0 to 59"));
        assert!(said("1,,2 * * * *").starts_with("field 1 (minute): there is nothing between two commas"));
        assert!(said("@often").starts_with("\"@often\" is not one of"));
        assert_eq!(said("0 0 30 feb *"), "no such day ever comes: look at day of month and month");
        assert_eq!(said("*\n* * * *"), "a schedule is one line, its fields are parted by spaces");
        assert!("*\t* * * *".parse::<Spec>().is_ok());
        assert_eq!(said(&"1,".repeat(300)), "a schedule has at most 500 characters");
    }

    #[test]
    fn names_words_and_six_fields_mean_what_the_numbers_mean() {
        for (one, other) in [
            ("0 9 * JAN-mar,Dec Mon-FRI", "0 9 * 1-3,12 1-5"),
            ("0 9 * * fri-sun", "0 9 * * 5,6,0"),
            ("0 9 * * sun,SAT", "0 9 * * 0,6"),
            ("@Hourly", "0 * * * *"),
            ("@daily", "0 0 0 * * *"),
            ("@weekly", "0 0 * * SUN"),
            ("@monthly", "0 0 1 * *"),
            ("@yearly", "0 0 1 JAN *"),
            ("@annually", "@yearly"),
            ("@midnight", "@daily"),
            ("0 */5 * * * *", "*/5 * * * *"),
            ("  5   4 * * 7 ", "5 4 * * 0"),
        ] {
            assert_eq!(one.parse::<Spec>(), other.parse::<Spec>(), "{one} = {other}");
        }
        assert_ne!("* * * * * *".parse::<Spec>(), "* * * * *".parse::<Spec>());
    }
}
