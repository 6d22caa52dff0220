//! The next ticks, and what changes of the clocks do to them: for people who are about to trust a schedule.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;

use super::{How, Timing};

/// Most ticks of a preview.
pub const PREVIEW_MAX: usize = 100;
/// Skipped local times that are listed one by one; a schedule of every second skips thousands in one night.
const SKIPPED_MAX: usize = 100;

/// The next ticks of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CronPreview)]
pub struct Preview {
    /// In order.
    pub ticks: Vec<PreviewedTick>,
    /// Local times between them that do not tick because of a change of the clocks; at most the first hundred.
    pub skipped: Vec<PreviewedTick>,
    /// How many there are of these.
    pub skipped_count: usize,
    /// Why there are fewer ticks than asked for; `null` when there are as many.
    pub end: Option<&'static str>,
}

/// Said where the ticks end.
const END: &str = "it never ticks again, as far as can be told: times end with the year 9999";

/// A tick to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PreviewedTick {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The same on a clock in the schedule's time zone.
    #[schema(example = "2027-03-28T03:30:00+02:00[Europe/Rome]")]
    pub local: String,
    /// What a change of the clocks does to it.
    pub remark: Option<Remark>,
    /// The same in words.
    pub note: Option<String>,
}

/// What a change of the clocks does to a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CronRemark)]
pub enum Remark {
    /// Its local time does not exist that day; it comes later.
    Shifted,
    /// Its local time does not exist that day, or exists twice and this is the time that is not taken.
    Skipped,
    /// Its local time exists twice that day; this time is taken.
    Doubled,
}

/// The next `count` ticks after `after`, at most [`PREVIEW_MAX`].
pub fn preview(timing: &Timing, after: Timestamp, count: usize) -> Preview {
    let count = count.min(PREVIEW_MAX);
    let mut preview = Preview { ticks: Vec::new(), skipped: Vec::new(), skipped_count: 0, end: None };
    for it in timing.after(after) {
        if preview.ticks.len() == count {
            break;
        }
        let local = it.at.to_zoned(timing.zone().clone());
        let (remark, note) = told(it.how, local.datetime(), it.at, timing.zone()).unzip();
        let tick = PreviewedTick { at: it.at, local: local.to_string(), remark, note };
        if it.how.ticks() {
            preview.ticks.push(tick);
        } else {
            preview.skipped_count += 1;
            if preview.skipped.len() < SKIPPED_MAX {
                preview.skipped.push(tick);
            }
        }
    }
    preview.end = (preview.ticks.len() < count).then_some(END);
    preview
}

fn told(how: How, local: DateTime, at: Timestamp, zone: &TimeZone) -> Option<(Remark, String)> {
    let clock = |local: DateTime| local.strftime("%H:%M:%S").to_string();
    let time = clock(local);
    Some(match how {
        How::Plain => return None,
        How::Shifted => {
            let meant = clock(before_the_gap(at, zone));
            (Remark::Shifted, format!("{meant} does not exist that day: it ticks at {time}"))
        }
        How::Missing => {
            let meant = clock(before_the_gap(at, zone));
            (Remark::Skipped, format!("{meant} does not exist that day: it does not tick"))
        }
        How::First => (Remark::Doubled, format!("{time} exists twice that day: this is the first time")),
        How::Second => (Remark::Doubled, format!("{time} exists twice that day: this is the second time")),
        How::NotFirst => {
            (Remark::Skipped, format!("{time} exists twice that day: it ticks the second time, not this one"))
        }
        How::NotSecond => {
            (Remark::Skipped, format!("{time} exists twice that day: it ticks the first time, not this one"))
        }
    })
}

/// What the wall would show if the clocks had not been put forward.
fn before_the_gap(at: Timestamp, zone: &TimeZone) -> DateTime {
    let just_after = at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at);
    let change = zone.preceding(just_after).next().map(|change| change.timestamp());
    let before = change.and_then(|change| change.checked_sub(SignedDuration::from_nanos(1)).ok());
    before.map_or_else(|| zone.to_datetime(at), |before| zone.to_offset(before).to_datetime(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::schedules::{Fold, Gap};

    fn previewed(spec: &str, gap: Gap, fold: Fold, after: &str) -> Preview {
        let timing = Timing::new(spec, "Europe/Rome", gap, fold).unwrap();
        preview(&timing, after.parse().unwrap(), 3)
    }

    fn notes(ticks: &[PreviewedTick]) -> Vec<(&str, Option<Remark>, Option<&str>)> {
        ticks.iter().map(|it| (&it.local[..16], it.remark, it.note.as_deref())).collect()
    }

    #[test]
    fn the_nights_of_the_changes_have_their_remarks() {
        let spring = previewed("30 2 * * *", Gap::Shift, Fold::First, "2027-03-27T12:00:00Z");
        let shifted = "02:30:00 does not exist that day: it ticks at 03:30:00";
        let plain = |at| (at, None, None);
        let expected = [
            ("2027-03-28T03:30", Some(Remark::Shifted), Some(shifted)),
            plain("2027-03-29T02:30"),
            plain("2027-03-30T02:30"),
        ];
        assert_eq!(notes(&spring.ticks), expected);
        let spring = previewed("30 2 * * *", Gap::Skip, Fold::First, "2027-03-27T12:00:00Z");
        let skipped = "02:30:00 does not exist that day: it does not tick";
        assert_eq!(notes(&spring.skipped), [("2027-03-28T03:30", Some(Remark::Skipped), Some(skipped))]);
        assert_eq!((spring.ticks.len(), spring.skipped_count), (3, 1));
        let autumn = previewed("30 2 * * *", Gap::Skip, Fold::Both, "2027-10-30T12:00:00Z");
        let remarks: Vec<_> = autumn.ticks.iter().map(|it| it.remark).collect();
        assert_eq!(remarks, [Some(Remark::Doubled), Some(Remark::Doubled), None]);
        let autumn = previewed("30 2 * * *", Gap::Skip, Fold::Second, "2027-10-30T12:00:00Z");
        assert_eq!(notes(&autumn.skipped)[0].1, Some(Remark::Skipped));
        assert!(autumn.ticks[0].local.starts_with("2027-10-31T02:30:00+01:00"), "{autumn:?}");
    }

    #[test]
    fn a_preview_is_bounded() {
        let timing = Timing::new("* 2 * * * *", "Europe/Rome", Gap::Skip, Fold::First).unwrap();
        let preview = preview(&timing, "2027-03-28T00:59:59Z".parse().unwrap(), 5000);
        assert_eq!(preview.ticks.len(), PREVIEW_MAX);
        let daily = Timing::new("@daily", "UTC", Gap::Shift, Fold::First).unwrap();
        let late = super::preview(&daily, "9999-12-29T12:00:00Z".parse().unwrap(), 5);
        assert_eq!((late.ticks.len(), late.end), (1, Some(END)));
        let leap = Timing::new("0 0 29 2 *", "UTC", Gap::Shift, Fold::First).unwrap();
        let leap = super::preview(&leap, "2096-03-01T00:00:00Z".parse().unwrap(), 2);
        assert_eq!(leap.ticks.len(), 2, "eight years without one");
    }
}
