//! The eight schedules, and when the years begin in Rome.

use jiff::{Timestamp, civil::date, tz::TimeZone};

/// The ticks of `*/5` in the hour that does not exist come together with those of the next one, if they are shifted at
/// all: either way 12 fewer than 288 a day. The hour that exists twice has 12 more, if both count.
/// 2027: 365 × 288 = 105,120; 2028: 366 × 288 = 105,408.
pub(super) const FIVE: &str = "*/5 * * * *";
/// As above, with one tick an hour. 2027: 365 × 24 = 8,760; 2028: 366 × 24 = 8,784.
pub(super) const HOURLY: &str = "30 * * * *";
/// The awkward one: 365 and 366, one fewer without the night in March, one more with both times in October.
pub(super) const AT_HALF_PAST_TWO: &str = "30 2 * * *";
/// Three o'clock exists once every day: the gap ends there, and the second hour of two does.
pub(super) const AT_THREE: &str = "0 3 * * *";
/// 52 weeks, and a Friday in 2027, a Saturday and a Sunday in 2028: 52 Mondays each.
pub(super) const MONDAYS: &str = "0 9 * * MON";
/// January, March, May, July, August, October, December.
pub(super) const ON_THE_31ST: &str = "0 12 31 * *";
/// Only 2028 has one.
pub(super) const LEAP_DAY: &str = "0 0 29 2 *";
/// 52 × 5, and the extra Friday of 2027.
pub(super) const WORKDAYS: &str = "15 8 * JAN-DEC MON-FRI";

pub(super) fn rome(day: &str) -> Timestamp {
    let rome = TimeZone::get("Europe/Rome").unwrap();
    day.parse::<jiff::civil::Date>().unwrap().to_zoned(rome).unwrap().timestamp()
}

pub(super) fn new_year(year: i16) -> Timestamp {
    date(year, 1, 1).to_zoned(TimeZone::get("Europe/Rome").unwrap()).unwrap().timestamp()
}
