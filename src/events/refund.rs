//! The refund rule: pure, so that it can be read and tested as a table.
//!
//! Source: the booking conditions of the desk. Days are calendar days in the event's time zone, counted from the day of
//! the cancellation to the day of the visit.

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};

/// From this many days before the event, all of the price is returned.
pub const FULL_REFUND_DAYS: i32 = 7;
/// From this many days, half of it. Later, cancelling is refused.
pub const HALF_REFUND_DAYS: i32 = 3;

/// When and where the booked day is.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The booked day.
    pub date: Date,
    /// When the event starts on it, if that is known.
    pub start_time: Option<Time>,
    /// The event's time zone (IANA).
    pub time_zone: String,
}

/// What a buyer gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refund {
    /// Of the price.
    pub percent: i16,
    /// In cents; half a cent is rounded in the buyer's favour.
    pub cents: i64,
}

/// Why a booking cannot be cancelled any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLate {
    /// Fewer than three days before a paid event.
    #[error("a paid booking can be cancelled until {HALF_REFUND_DAYS} days before the event")]
    Deadline,
    /// A free event has begun.
    #[error("the event has begun")]
    Begun,
}

impl Visit {
    /// The moment at which the visit begins: the start time, else midnight.
    pub fn begins(&self) -> Timestamp {
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        let start = self.date.to_datetime(self.start_time.unwrap_or(Time::midnight()));
        // A start inside a daylight-saving gap or fold is resolved as RFC 5545 asks ("compatible").
        zone.to_ambiguous_zoned(start).compatible().map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }

    /// Until then it can be booked and paid: until it begins, or its day ends when nobody says at what time it begins.
    pub fn bookable_until(&self) -> Timestamp {
        match (self.start_time, self.date.tomorrow()) {
            (None, Ok(tomorrow)) => Self { date: tomorrow, ..self.clone() }.begins(),
            _ => self.begins(),
        }
    }

    /// Calendar days from `now` to the visit; negative when it is over.
    pub fn days_left(&self, now: Timestamp) -> i32 {
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        let today = now.to_zoned(zone).date();
        self.date.since(today).map_or(i32::MIN, |span| span.get_days())
    }
}

/// What the buyer gets back who cancels at `now`.
pub fn refund(visit: &Visit, total_cents: i64, now: Timestamp) -> Result<Refund, TooLate> {
    if total_cents == 0 {
        return if now < visit.begins() {
            Ok(Refund { percent: 100, cents: 0 })
        } else {
            Err(TooLate::Begun)
        };
    }
    match visit.days_left(now) {
        FULL_REFUND_DAYS.. => Ok(Refund { percent: 100, cents: total_cents }),
        HALF_REFUND_DAYS.. => Ok(Refund { percent: 50, cents: (total_cents + 1) / 2 }),
        _ => Err(TooLate::Deadline),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::{Refund, TooLate, Visit, refund};

    fn check(date_text: &str, now: &str, total: i64, expected: Result<Refund, TooLate>) {
        let visit = Visit {
            date: date_text.parse().unwrap(),
            start_time: Some(time(21, 0, 0, 0)),
            time_zone: "Europe/Rome".to_owned(),
        };
        assert_eq!(refund(&visit, total, now.parse().unwrap()), expected, "{date_text} at {now}");
    }

    #[test]
    fn the_rule_as_a_table() {
        let full = |cents| Ok(Refund { percent: 100, cents });
        let half = |cents| Ok(Refund { percent: 50, cents });
        check("2027-06-10", "2027-06-03T10:00:00Z", 4000, full(4000));
        check("2027-06-10", "2027-06-04T10:00:00Z", 4000, half(2000));
        check("2027-06-10", "2027-06-07T10:00:00Z", 4001, half(2001));
        check("2027-06-10", "2027-06-08T10:00:00Z", 4000, Err(TooLate::Deadline));
        check("2027-06-10", "2027-06-11T10:00:00Z", 4000, Err(TooLate::Deadline));
    }

    #[test]
    fn days_are_counted_where_the_event_is() {
        // In Rome it is already the 4th: six days are left, not seven.
        check("2027-06-10", "2027-06-03T22:30:00Z", 4000, Ok(Refund { percent: 50, cents: 2000 }));
    }

    #[test]
    fn free_events_can_be_cancelled_until_they_start() {
        check("2027-06-10", "2027-06-10T18:59:59Z", 0, Ok(Refund { percent: 100, cents: 0 }));
        check("2027-06-10", "2027-06-10T19:00:00Z", 0, Err(TooLate::Begun));
    }

    #[test]
    fn a_start_inside_the_daylight_saving_gap_is_moved_forward() {
        let visit = Visit {
            date: date(2027, 3, 28),
            start_time: Some(time(2, 30, 0, 0)),
            time_zone: "Europe/Rome".to_owned(),
        };
        assert_eq!(visit.begins().to_string(), "2027-03-28T01:30:00Z");
    }
}
