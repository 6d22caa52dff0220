//! The five fields of cron, as in Vixie's: lists, ranges, steps, names; `@hourly` and kin.
//!
//! When both days are restricted, either is enough, as everybody's crontab expects.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};

/// February 29 comes at most eight years after the last one (1896–1904, 2096–2104): then nothing ever will.
const SEARCH_YEARS: i16 = 8;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Which minutes tick. Bit n of a field is its value n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Either restricted day is enough, unless one of them is `*`.
    either_day: bool,
}

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Not five fields.
    #[error("a schedule has five fields (minute hour day month weekday), not {0}")]
    Fields(usize),
    /// A value that is not a number, a name or in range.
    #[error("{value:?} is not a {field} ({min}-{max})")]
    Value {
        /// What was written.
        value: String,
        /// The field's name.
        field: &'static str,
        /// Its smallest value.
        min: u8,
        /// Its largest value.
        max: u8,
    },
    /// An unknown `@word`.
    #[error("{0:?} is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually")]
    Word(String),
    /// February 30.
    #[error("no such day ever comes")]
    Never,
}

struct Field {
    name: &'static str,
    min: u8,
    max: u8,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", min: 0, max: 59, names: &[] },
    Field { name: "hour", min: 0, max: 23, names: &[] },
    Field { name: "day of month", min: 1, max: 31, names: &[] },
    Field { name: "month", min: 1, max: 12, names: &MONTHS },
    Field { name: "day of week", min: 0, max: 7, names: &DAYS },
];

impl Field {
    fn error(&self, value: &str) -> SpecError {
        SpecError::Value { value: value.to_owned(), field: self.name, min: self.min, max: self.max }
    }

    fn value(&self, text: &str) -> Result<u8, SpecError> {
        let lower = text.to_ascii_lowercase();
        if let Some(place) = self.names.iter().position(|name| *name == lower) {
            // Months count from 1, weekdays from 0.
            return Ok(place as u8 + self.min);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = digits.then(|| text.parse::<u8>().ok()).flatten();
        value.filter(|value| (self.min..=self.max).contains(value)).ok_or_else(|| self.error(text))
    }

    /// One item of a list: `*`, `5`, `1-5`, `*/15`, `10-30/5`, `5/15` (from 5 on).
    fn item(&self, item: &str) -> Result<u64, SpecError> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => {
                let step =
                    step.parse::<u8>().ok().filter(|step| *step > 0).ok_or_else(|| self.error(item))?;
                (range, Some(step))
            }
            None => (item, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.min, self.max),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None => {
                let value = self.value(range)?;
                (value, if step.is_some() { self.max } else { value })
            }
        };
        if first > last {
            return Err(self.error(item));
        }
        Ok((first..=last).step_by(step.unwrap_or(1).into()).fold(0, |bits, value| bits | 1 << value))
    }

    fn bits(&self, text: &str) -> Result<u64, SpecError> {
        text.split(',').try_fold(0, |bits, item| Ok(bits | self.item(item)?))
    }
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let text = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            word if word.starts_with('@') => return Err(SpecError::Word(word.to_owned())),
            fields => fields,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(SpecError::Fields(fields.len()));
        };
        let mut weekday_bits = FIELDS[4].bits(weekdays)?;
        weekday_bits |= weekday_bits >> 7 & 1; // 7 is Sunday too
        let spec = Self {
            minutes: FIELDS[0].bits(minutes)?,
            hours: FIELDS[1].bits(hours)?,
            days: FIELDS[2].bits(days)?,
            months: FIELDS[3].bits(months)?,
            weekdays: weekday_bits,
            either_day: !days.starts_with('*') && !weekdays.starts_with('*'),
        };
        spec.next(jiff::civil::date(2000, 1, 1).at(0, 0, 0, 0)).ok_or(SpecError::Never)?;
        Ok(spec)
    }
}

impl Spec {
    /// The first matching minute after `after`, in local time.
    pub fn next(&self, after: DateTime) -> Option<DateTime> {
        let last_year = after.year().saturating_add(SEARCH_YEARS);
        let time = after.time();
        if self.matches_day(after.date())
            && let Some(time) = self.next_time(time.hour() as u8, time.minute() as u8 + 1)
        {
            return Some(after.date().to_datetime(time));
        }
        let mut day = after.date().tomorrow().ok()?;
        while day.year() <= last_year {
            if !is_set(self.months, day.month() as u8) {
                day = day.last_of_month().tomorrow().ok()?;
                continue;
            }
            if self.matches_day(day) {
                return self.next_time(0, 0).map(|time| day.to_datetime(time));
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn matches_day(&self, day: Date) -> bool {
        let by_day = is_set(self.days, day.day() as u8);
        let by_weekday = is_set(self.weekdays, day.weekday().to_sunday_zero_offset() as u8);
        let is_day = if self.either_day { by_day || by_weekday } else { by_day && by_weekday };
        is_day && is_set(self.months, day.month() as u8)
    }

    /// The first matching time of a day that is not before `hour:minute`; the minute may be 60.
    fn next_time(&self, hour: u8, minute: u8) -> Option<Time> {
        if is_set(self.hours, hour)
            && let Some(minute) = next_set(self.minutes, minute)
        {
            return Some(Time::constant(hour as i8, minute as i8, 0, 0));
        }
        let hour = next_set(self.hours, hour + 1)?;
        let minute = next_set(self.minutes, 0)?;
        Some(Time::constant(hour as i8, minute as i8, 0, 0))
    }
}

fn is_set(bits: u64, value: u8) -> bool {
    bits >> value & 1 == 1
}

fn next_set(bits: u64, from: u8) -> Option<u8> {
    let rest = bits.checked_shr(from.into()).unwrap_or(0);
    (rest != 0).then(|| from + rest.trailing_zeros() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spec: &str, after: &str, expected: &[&str]) {
        let spec: Spec = spec.parse().unwrap();
        let mut at: DateTime = after.parse().unwrap();
        for expected in expected {
            at = spec.next(at).unwrap();
            assert_eq!(at, expected.parse().unwrap(), "{spec:?}");
        }
    }

    #[test]
    fn fields_take_lists_ranges_steps_and_names() {
        check(
            "*/20 * * * *",
            "2026-11-21T10:00",
            &["2026-11-21T10:20", "2026-11-21T10:40", "2026-11-21T11:00"],
        );
        check(
            "5,10-12 3 * * *",
            "2026-11-21T03:05",
            &["2026-11-21T03:10", "2026-11-21T03:11", "2026-11-21T03:12"],
        );
        check("0 9 * * mon-FRI", "2026-11-20T09:00", &["2026-11-23T09:00", "2026-11-24T09:00"]);
        check("30 8 1 Jan,jul *", "2026-11-21T00:00", &["2027-01-01T08:30", "2027-07-01T08:30"]);
        check(
            "7/30 0 * * *",
            "2026-11-21T00:00",
            &["2026-11-21T00:07", "2026-11-21T00:37", "2026-11-22T00:07"],
        );
        check("59 23 * * 7", "2026-11-21T12:00", &["2026-11-22T23:59", "2026-11-29T23:59"]);
        check("@monthly", "2026-11-21T12:00", &["2026-12-01T00:00", "2027-01-01T00:00"]);
    }

    #[test]
    fn two_restricted_days_mean_either() {
        check(
            "0 0 13 * fri",
            "2026-11-01T00:00",
            &["2026-11-06T00:00", "2026-11-13T00:00", "2026-11-20T00:00"],
        );
        check("0 0 13 * *", "2026-11-01T00:00", &["2026-11-13T00:00", "2026-12-13T00:00"]);
    }

    #[test]
    fn rare_days_are_found_and_impossible_ones_refused() {
        check("0 0 29 2 *", "2096-03-01T00:00", &["2104-02-29T00:00"]);
        check("0 0 31 * *", "2027-01-31T00:00", &["2027-03-31T00:00"]);
        assert_eq!("0 0 30 2 *".parse::<Spec>(), Err(SpecError::Never));
    }

    #[test]
    fn nonsense_is_refused_with_what_is_wrong() {
        let said = |text: &str| text.parse::<Spec>().unwrap_err().to_string();
        assert_eq!(said("* * * *"), "a schedule has five fields (minute hour day month weekday), not 4");
        assert_eq!(said("60 * * * *"), "\"60\" is not a minute (0-59)");
        assert_eq!(said("* * 0 * *"), "\"0\" is not a day of month (1-31)");
        assert_eq!(said("* * * * lun"), "\"lun\" is not a day of week (0-7)");
        assert_eq!(said("5-1 * * * *"), "\"5-1\" is not a minute (0-59)");
        assert_eq!(said("*/0 * * * *"), "\"*/0\" is not a minute (0-59)");
        assert_eq!(said("+5 * * * *"), "\"+5\" is not a minute (0-59)");
        assert!(said("@often").starts_with("\"@often\" is not one of"));
    }
}
