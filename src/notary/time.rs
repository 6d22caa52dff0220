//! What day it is for the offices: all of them, in Italy and San Marino, are in one time zone.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// The time zone of the offices.
pub const ZONE: &str = "Europe/Rome";

/// The day of the offices at this moment.
pub fn today(now: Timestamp) -> Date {
    now.to_zoned(zone()).date()
}

/// [`ZONE`], of the bundled zone database.
pub fn zone() -> TimeZone {
    TimeZone::get(ZONE).unwrap_or(TimeZone::UTC)
}
