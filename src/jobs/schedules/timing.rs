//! From local minutes to instants: time zones and their two awkward nights.

use jiff::{
    Timestamp, ToSpan,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

use super::{Fold, Gap, Spec, SpecError};

/// Clocks move by at most this much (the date line apart, where whole days moved): local times further apart keep
/// their order as instants.
const LARGEST_CHANGE_HOURS: i64 = 3;

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
    /// The five fields.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The time zone.
    #[error("{0:?} is not a time zone")]
    Zone(String),
}

impl Timing {
    /// `spec` in the IANA time zone `tz`.
    pub fn new(spec: &str, tz: &str, gap: Gap, fold: Fold) -> Result<Self, TimingError> {
        let tz = TimeZone::get(tz).map_err(|_| TimingError::Zone(tz.to_owned()))?;
        Ok(Self { spec: spec.parse()?, tz, gap, fold })
    }

    /// The first tick after `after`; `None` when none comes any more.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let local = self.tz.to_datetime(after);
        // Near a change, an earlier local time may be a later instant.
        let mut at = if self.is_near_change(after) {
            local.saturating_sub(LARGEST_CHANGE_HOURS.hours())
        } else {
            local
        };
        let mut best = None::<Timestamp>;
        loop {
            let Some(next) = self.spec.next(at) else { return best };
            at = next;
            let tick = self.instants(at).into_iter().flatten().filter(|tick| *tick > after).min();
            best = best.into_iter().chain(tick).min();
            if let Some(best) = best {
                let beyond = self.tz.to_datetime(best).saturating_add(LARGEST_CHANGE_HOURS.hours());
                if !self.is_near_change(best) || at > beyond {
                    return Some(best);
                }
            }
        }
    }

    /// The instants of a local time, by policy.
    fn instants(&self, local: DateTime) -> [Option<Timestamp>; 2] {
        let instant = |offset: jiff::tz::Offset| offset.to_timestamp(local).ok();
        match self.tz.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => [instant(offset), None],
            AmbiguousOffset::Gap { before, .. } => match self.gap {
                // The old offset moves it by the length of the gap.
                Gap::Shift => [instant(before), None],
                Gap::Skip => [None, None],
            },
            AmbiguousOffset::Fold { before, after } => match self.fold {
                Fold::First => [instant(before), None],
                Fold::Second => [instant(after), None],
                Fold::Both => [instant(before), instant(after)],
            },
        }
    }

    fn is_near_change(&self, at: Timestamp) -> bool {
        let hours = jiff::SignedDuration::from_hours(LARGEST_CHANGE_HOURS);
        let offset = |at: Result<Timestamp, jiff::Error>| at.ok().map(|at| self.tz.to_offset(at));
        offset(at.checked_sub(hours)) != offset(at.checked_add(hours))
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
        assert_eq!(refused.to_string(), "\"Europe/Roma\" is not a time zone");
    }
}
