//! What is asked and what is answered.

use std::collections::BTreeSet;

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};

/// Longest range of days that is asked for at once.
pub const DAYS_MAX: i32 = 60;
/// Shortest slot, in minutes.
pub const MINUTES_MIN: u16 = 15;
/// Longest slot, in minutes.
pub const MINUTES_MAX: u16 = 480;

/// Hours of a day of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// The day.
    pub weekday: Weekday,
    /// From.
    pub start: Time,
    /// Until; midnight is the end of the day.
    pub end: Time,
    /// First day on which it is valid.
    pub valid_from: Date,
    /// Last day on which it is valid.
    pub valid_until: Option<Date>,
    /// A slot begins every so many minutes; how long it is if nobody says.
    pub slot_minutes: u16,
    /// Whether people may book it themselves.
    pub online: bool,
}

/// From something to something, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// As moments.
    Instants(Timestamp, Timestamp),
    /// As wall times of the notary's time zone.
    Civil(DateTime, DateTime),
}

/// What differs from the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    /// Nobody is met.
    Closure(Range),
    /// People are met besides, on holidays too.
    Opening {
        /// When.
        range: Range,
        /// As of an availability.
        slot_minutes: u16,
        /// As of an availability.
        online: bool,
    },
}

/// What slots are computed from.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// First day.
    pub from: Date,
    /// Last day, included.
    pub until: Date,
    /// How long; the minutes of the opening if nobody says.
    pub minutes: Option<u16>,
    /// No slot begins earlier.
    pub earliest: Timestamp,
    /// The notary's.
    pub zone: &'a TimeZone,
    /// The week.
    pub availabilities: &'a [Availability],
    /// What differs from it.
    pub exceptions: &'a [Exception],
    /// Days without the hours of the week.
    pub holidays: &'a BTreeSet<Date>,
    /// What is already booked, from and until.
    pub busy: &'a [(Timestamp, Timestamp)],
}

/// Somebody can be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// From.
    pub start: Timestamp,
    /// Until.
    pub end: Timestamp,
    /// Whether people may book it themselves.
    pub online: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlotsError {
    /// The last day is before the first.
    #[error("the last day is before the first")]
    Backwards,
    /// Too many days.
    #[error("at most {DAYS_MAX} days can be asked for at once")]
    TooManyDays,
    /// Too short or too long a slot.
    #[error("a slot has {MINUTES_MIN} to {MINUTES_MAX} minutes, not {0}")]
    Minutes(u16),
}
