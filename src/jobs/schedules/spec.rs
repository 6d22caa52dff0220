//! Which local times tick. When both days are restricted, either is enough, as everybody's crontab expects.

use jiff::civil::{Date, DateTime, Time};

/// February 29 comes at most eight years after the last one (1896–1904, 2096–2104): then nothing ever will.
pub(super) const SEARCH_YEARS: i16 = 8;

/// Which seconds tick. Bit n of a field is its value n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) days: u64,
    pub(super) months: u64,
    pub(super) weekdays: u64,
    /// Either restricted day is enough, unless one of them is `*`.
    pub(super) either_day: bool,
}

impl Spec {
    /// The first matching second after `after`, in local time.
    pub fn next(&self, after: DateTime) -> Option<DateTime> {
        let last_year = after.year().saturating_add(SEARCH_YEARS);
        let time = after.time();
        if self.matches_day(after.date())
            && let Some(time) =
                self.next_time(time.hour() as u8, time.minute() as u8, time.second() as u8 + 1)
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
                return self.next_time(0, 0, 0).map(|time| day.to_datetime(time));
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

    /// The first matching time of a day that is not before `hour:minute:second`; the second may be 60.
    fn next_time(&self, hour: u8, minute: u8, second: u8) -> Option<Time> {
        let time =
            |hour: u8, minute: u8, second: u8| Time::constant(hour as i8, minute as i8, second as i8, 0);
        if is_set(self.hours, hour) {
            if is_set(self.minutes, minute)
                && let Some(second) = next_set(self.seconds, second)
            {
                return Some(time(hour, minute, second));
            }
            if let Some(minute) = next_set(self.minutes, minute + 1) {
                return Some(time(hour, minute, next_set(self.seconds, 0)?));
            }
        }
        let hour = next_set(self.hours, hour + 1)?;
        Some(time(hour, next_set(self.minutes, 0)?, next_set(self.seconds, 0)?))
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
    fn a_sixth_field_in_front_is_the_second() {
        check(
            "* * * * * *",
            "2026-12-31T23:59:58",
            &["2026-12-31T23:59:59", "2027-01-01T00:00:00", "2027-01-01T00:00:01"],
        );
        check(
            "*/25 59 * * * *",
            "2026-11-21T10:58:59",
            &["2026-11-21T10:59:00", "2026-11-21T10:59:25", "2026-11-21T10:59:50", "2026-11-21T11:59:00"],
        );
        check("30 0 12 * * mon", "2026-11-21T00:00", &["2026-11-23T12:00:30", "2026-11-30T12:00:30"]);
        check("5 * * * *", "2026-11-21T10:04:59.5", &["2026-11-21T10:05", "2026-11-21T11:05"]);
    }

    #[test]
    fn two_restricted_days_mean_either() {
        check(
            "0 0 13 * fri",
            "2026-11-01T00:00",
            &["2026-11-06T00:00", "2026-11-13T00:00", "2026-11-20T00:00"],
        );
        check("0 0 13 * *", "2026-11-01T00:00", &["2026-11-13T00:00", "2026-12-13T00:00"]);
        check("0 0 0 13 * fri", "2026-11-01T00:00", &["2026-11-06T00:00", "2026-11-13T00:00"]);
    }

    #[test]
    fn rare_days_are_found() {
        check("0 0 29 2 *", "2096-03-01T00:00", &["2104-02-29T00:00"]);
        check("0 0 31 * *", "2027-01-31T00:00", &["2027-03-31T00:00"]);
    }
}
