//! From local times to instants: time zones and their two awkward nights.
//!
//! The time line is a row of pieces with one offset each. In a piece, ticks are the local times of the schedule; where a
//! piece begins with a gap, also those that the gap has swallowed, moved by its length; and where two pieces overlap on
//! the wall (a fold), both have the same local times, of which the policy drops one.

use jiff::{
    SignedDuration, Timestamp,
    tz::{Offset, TimeZone},
};

use super::{Fold, Gap, Spec, SpecError, spec::SEARCH_YEARS};

const MOMENT: SignedDuration = SignedDuration::from_nanos(1);
/// Clocks move by at most a day and some hours (where the date line moved).
const LARGEST_CHANGE: SignedDuration = SignedDuration::from_hours(30);

/// When a schedule ticks.
#[derive(Debug, Clone)]
pub struct Timing {
    spec: Spec,
    tz: TimeZone,
    gap: Gap,
    fold: Fold,
}

/// Why a timing is none.
#[derive(Debug, thiserror::Error)]
pub enum TimingError {
    /// The fields.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The time zone.
    #[error("{0:?} is not a time zone, write a name such as Europe/Rome or UTC")]
    Zone(String),
}

/// A local time of the schedule, as an instant. Those that the policy drops are decided like all others: they are
/// recorded, and start nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// When.
    pub at: Timestamp,
    /// What the clocks do to it.
    pub how: How,
}

/// What a change of the clocks does to a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Nothing.
    Plain,
    /// Its local time does not exist; it comes as much later as the gap is long.
    Shifted,
    /// Its local time does not exist, and the policy skips it.
    Missing,
    /// Its local time exists twice; this is the first time.
    First,
    /// This is the second time.
    Second,
    /// This is the first time, and the policy takes the second.
    NotFirst,
    /// This is the second time, and the policy takes the first.
    NotSecond,
}

impl How {
    /// Whether it is a tick.
    pub const fn ticks(self) -> bool {
        matches!(self, Self::Plain | Self::Shifted | Self::First | Self::Second)
    }
}

impl Timing {
    /// `spec` in the IANA time zone `tz`.
    pub fn new(spec: &str, tz: &str, gap: Gap, fold: Fold) -> Result<Self, TimingError> {
        let tz = TimeZone::get(tz).map_err(|_| TimingError::Zone(tz.to_owned()))?;
        Ok(Self { spec: spec.parse()?, tz, gap, fold })
    }

    /// The time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.tz
    }

    /// The first tick after `after`; `None` when none comes any more.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.after(after).find(|it| it.how.ticks()).map(|it| it.at)
    }

    /// Ticks and what the policies drop, in order, from the first one after `after`.
    pub fn after(&self, after: Timestamp) -> Occurrences<'_> {
        let from = after.checked_add(MOMENT).unwrap_or(Timestamp::MAX);
        Occurrences { timing: self, piece: Some(Piece::at(&self.tz, from)), from }
    }

    /// The same from `from` on, that moment included.
    pub fn from(&self, from: Timestamp) -> Occurrences<'_> {
        Occurrences { timing: self, piece: Some(Piece::at(&self.tz, from)), from }
    }

    /// The first one in this piece that is not before `from`.
    fn first_in(&self, piece: &Piece, from: Timestamp) -> Option<Occurrence> {
        let plain =
            self.first_at(piece.offset, from).filter(|at| piece.until.is_none_or(|until| *at < until));
        let plain = plain.map(|at| Occurrence { at, how: self.how(piece, at) });
        let swallowed = piece.swallowed_until().filter(|end| from < *end);
        let swallowed = swallowed.and_then(|end| self.first_at(piece.before, from).filter(|at| *at < end));
        let how = if self.gap == Gap::Shift { How::Shifted } else { How::Missing };
        let swallowed = swallowed.map(|at| Occurrence { at, how });
        match (plain, swallowed) {
            // Two at the same instant are one tick.
            (Some(plain), Some(other)) => Some(if other.at < plain.at { other } else { plain }),
            (plain, swallowed) => plain.or(swallowed),
        }
    }

    /// The first instant from `from` on whose wall time, with this offset, is in the schedule.
    fn first_at(&self, offset: Offset, from: Timestamp) -> Option<Timestamp> {
        let local = offset.to_datetime(from.checked_sub(MOMENT).ok()?);
        offset.to_timestamp(self.spec.next(local)?).ok()
    }

    fn how(&self, piece: &Piece, at: Timestamp) -> How {
        if piece.repeated_until().is_some_and(|end| at < end) {
            return if self.fold == Fold::First { How::NotSecond } else { How::Second };
        }
        if piece.repeated_from().is_some_and(|begin| at >= begin) {
            return if self.fold == Fold::Second { How::NotFirst } else { How::First };
        }
        How::Plain
    }
}

/// A time with one offset.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: Timestamp,
    until: Option<Timestamp>,
    offset: Offset,
    /// The offset of the piece before.
    before: Offset,
    /// The offset of the next one.
    after: Offset,
}

impl Piece {
    /// The piece of this instant.
    fn at(tz: &TimeZone, at: Timestamp) -> Self {
        let just_after = at.checked_add(MOMENT).unwrap_or(Timestamp::MAX);
        let begin = tz.preceding(just_after).next();
        let offset = begin.as_ref().map_or_else(|| tz.to_offset(at), jiff::tz::TimeZoneTransition::offset);
        let from = begin.map_or(Timestamp::MIN, |change| change.timestamp());
        // Long after the change it does not matter what was before.
        let before = from.checked_sub(MOMENT).ok().filter(|_| at.duration_since(from) <= LARGEST_CHANGE);
        let before = before.map_or(offset, |before| tz.to_offset(before));
        let next = tz.following(at).next();
        let until = next.as_ref().map(jiff::tz::TimeZoneTransition::timestamp);
        let after = next.map_or(offset, |change| change.offset());
        Self { from, until, offset, before, after }
    }

    fn next(&self, tz: &TimeZone) -> Option<Self> {
        self.until.map(|until| Self::at(tz, until))
    }

    /// How much later the wall shows after `before` became `after`.
    fn jump(before: Offset, after: Offset) -> SignedDuration {
        SignedDuration::from_secs(i64::from(after.seconds()) - i64::from(before.seconds()))
    }

    /// After a gap at the beginning: until when swallowed times are made up for.
    fn swallowed_until(&self) -> Option<Timestamp> {
        let gap = Self::jump(self.before, self.offset);
        let end = self.from.checked_add(gap).ok().filter(|_| gap.is_positive())?;
        Some(self.until.map_or(end, |until| until.min(end)))
    }

    /// After a fold at the beginning: until when times come for the second time.
    fn repeated_until(&self) -> Option<Timestamp> {
        let fold = Self::jump(self.before, self.offset);
        self.from.checked_sub(fold).ok().filter(|_| fold.is_negative())
    }

    /// Before a fold at the end: from when on times will come again.
    fn repeated_from(&self) -> Option<Timestamp> {
        let fold = Self::jump(self.offset, self.after);
        self.until?.checked_add(fold).ok().filter(|_| fold.is_negative())
    }
}

/// See [`Timing::after`].
#[derive(Debug, Clone)]
pub struct Occurrences<'a> {
    timing: &'a Timing,
    /// `None` at the end.
    piece: Option<Piece>,
    from: Timestamp,
}

impl Iterator for Occurrences<'_> {
    type Item = Occurrence;

    fn next(&mut self) -> Option<Occurrence> {
        let begun = self.from.to_zoned(TimeZone::UTC).year();
        while let Some(piece) = self.piece {
            if let Some(found) = self.timing.first_in(&piece, self.from) {
                match found.at.checked_add(MOMENT) {
                    Ok(from) => self.from = from,
                    Err(_) => self.piece = None,
                }
                return Some(found);
            }
            self.piece = piece.next(&self.timing.tz);
            if let Some(next) = &self.piece {
                self.from = next.from;
                let year = next.from.to_zoned(TimeZone::UTC).year();
                if year > begun.saturating_add(SEARCH_YEARS) {
                    self.piece = None;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ticks of `spec` in Rome between two local midnights, as local times with their offset.
    fn ticks(spec: &str, gap: Gap, fold: Fold, from: &str, to: &str) -> Vec<String> {
        let timing = Timing::new(spec, "Europe/Rome", gap, fold).unwrap();
        let midnight =
            |day: &str| day.parse::<jiff::civil::Date>().unwrap().to_zoned(timing.tz.clone()).unwrap();
        let (mut at, end) = (midnight(from).timestamp() - jiff::SignedDuration::from_nanos(1), midnight(to));
        let mut ticks = Vec::new();
        while let Some(next) = timing.next_after(at).filter(|next| *next < end.timestamp()) {
            ticks.push(next.to_zoned(timing.tz.clone()).strftime("%H:%M%:z").to_string());
            at = next;
        }
        ticks
    }

    fn spring(spec: &str, gap: Gap) -> Vec<String> {
        ticks(spec, gap, Fold::First, "2027-03-28", "2027-03-29")
    }

    fn autumn(spec: &str, fold: Fold) -> Vec<String> {
        ticks(spec, Gap::Shift, fold, "2027-10-31", "2027-11-01")
    }

    #[test]
    fn in_the_spring_night_a_tick_is_shifted_or_skipped() {
        assert_eq!(spring("30 2 * * *", Gap::Shift), ["03:30+02:00"]);
        assert_eq!(spring("30 2 * * *", Gap::Skip), [""; 0]);
        assert_eq!(spring("30 1,2,3 * * *", Gap::Shift), ["01:30+01:00", "03:30+02:00"]);
    }

    #[test]
    fn in_the_spring_night_frequent_ticks_neither_double_nor_stop() {
        let quarters = spring("*/15 0-4 * * *", Gap::Shift);
        assert_eq!(quarters.len(), 16);
        assert_eq!(quarters[7..9], ["01:45+01:00", "03:00+02:00"]);
        assert_eq!(spring("0 * * * *", Gap::Skip).len(), 23);
        assert_eq!(spring("* * * * *", Gap::Shift).len(), 23 * 60);
    }

    #[test]
    fn in_the_autumn_night_a_tick_comes_first_second_or_both() {
        assert_eq!(autumn("30 2 * * *", Fold::First), ["02:30+02:00"]);
        assert_eq!(autumn("30 2 * * *", Fold::Second), ["02:30+01:00"]);
        assert_eq!(autumn("30 2 * * *", Fold::Both), ["02:30+02:00", "02:30+01:00"]);
    }

    #[test]
    fn in_the_autumn_night_ticks_keep_the_order_of_instants() {
        let both = autumn("*/30 1-3 * * *", Fold::Both);
        let expected = [
            "01:00+02:00",
            "01:30+02:00",
            "02:00+02:00",
            "02:30+02:00",
            "02:00+01:00",
            "02:30+01:00",
            "03:00+01:00",
            "03:30+01:00",
        ];
        assert_eq!(both, expected);
        assert_eq!(autumn("0 * * * *", Fold::Both).len(), 25);
        assert_eq!(autumn("0 * * * *", Fold::First).len(), 24);
        assert_eq!(autumn("* * * * *", Fold::Both).len(), 25 * 60);
    }

    #[test]
    fn two_years_of_a_daily_tick_are_one_per_day() {
        for spec in ["30 2 * * *", "0 3 * * *", "59 1 * * *"] {
            assert_eq!(ticks(spec, Gap::Shift, Fold::First, "2026-01-01", "2028-01-01").len(), 730, "{spec}");
        }
    }

    #[test]
    fn an_unknown_zone_is_refused() {
        let refused = Timing::new("* * * * *", "Europe/Roma", Gap::Shift, Fold::First).unwrap_err();
        assert!(refused.to_string().starts_with("\"Europe/Roma\" is not a time zone"), "{refused}");
    }

    /// What each local time of a night becomes.
    fn night(spec: &str, gap: Gap, fold: Fold, midnight: &str) -> Vec<(String, How)> {
        let timing = Timing::new(spec, "Europe/Rome", gap, fold).unwrap();
        let midnight = midnight.parse::<Timestamp>().unwrap();
        let until = midnight + SignedDuration::from_hours(6);
        let told =
            |it: Occurrence| (it.at.to_zoned(timing.tz.clone()).strftime("%H:%M%:z").to_string(), it.how);
        timing.from(midnight).take_while(|it| it.at < until).map(told).collect()
    }

    #[test]
    fn what_the_policies_drop_is_told() {
        let told = |at: &str, how| (at.to_owned(), how);
        let spring = |gap| night("30 1-3 * * *", gap, Fold::First, "2027-03-27T23:00:00Z");
        let plain = [told("01:30+01:00", How::Plain), told("03:30+02:00", How::Plain)];
        assert_eq!(spring(Gap::Shift), plain, "02:30 and 03:30 are the same instant");
        let only = |gap| night("30 2 * * *", gap, Fold::First, "2027-03-27T23:00:00Z");
        assert_eq!(only(Gap::Shift), [told("03:30+02:00", How::Shifted)]);
        assert_eq!(only(Gap::Skip), [told("03:30+02:00", How::Missing)]);
        let autumn = |fold| night("30 2 * * *", Gap::Shift, fold, "2027-10-30T22:00:00Z");
        let [first, second] = ["02:30+02:00", "02:30+01:00"];
        assert_eq!(autumn(Fold::First), [told(first, How::First), told(second, How::NotSecond)]);
        assert_eq!(autumn(Fold::Second), [told(first, How::NotFirst), told(second, How::Second)]);
        assert_eq!(autumn(Fold::Both), [told(first, How::First), told(second, How::Second)]);
    }

    #[test]
    fn a_whole_day_that_does_not_exist_is_shifted_or_skipped() {
        // Samoa left out 30 December 2011.
        let count = |gap| {
            let timing = Timing::new("0 12 * * *", "Pacific/Apia", gap, Fold::First).unwrap();
            let (from, to) = ("2011-12-29T00:00:00-10:00", "2012-01-01T00:00:00+14:00");
            let to: Timestamp = to.parse().unwrap();
            let ticks = timing.from(from.parse().unwrap()).take_while(|it| it.at < to);
            ticks.filter(|it| it.how.ticks()).count()
        };
        assert_eq!((count(Gap::Skip), count(Gap::Shift)), (2, 2), "noon of the 30th is noon of the 31st");
    }

    #[test]
    fn every_second_goes_on_through_both_nights() {
        for (midnight, seconds) in [("2027-03-27T23:00:00Z", 6 * 3600), ("2027-10-30T22:00:00Z", 6 * 3600)] {
            let all = night("* * * * * *", Gap::Shift, Fold::Both, midnight);
            assert_eq!(all.len(), seconds, "one each second, whatever the wall shows");
            assert!(all.iter().all(|(_, how)| how.ticks()));
        }
    }
}
