//! What to do about the ticks that have come: a pure function of the table row and the time.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{How, Missed, Timing};

/// The last tick, decided this much after its time, was not missed: the scheduler was merely starting.
const ON_TIME: SignedDuration = SignedDuration::from_secs(60);
/// Nor were ticks of the last few seconds: it was merely busy.
const PROMPT: SignedDuration = SignedDuration::from_secs(5);
/// Ticks decided one by one. Where more have come (a schedule of every second, after an hour), the oldest ones share a
/// decision, as those older than the window do.
pub const TICKS_MAX: usize = 2000;

/// What is decided about one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// A job is enqueued; perhaps there is something to say about it.
    Fire(Option<Why>),
    /// It is not, for this reason.
    Skip(Why),
}

impl Tick {
    /// Whether a job is enqueued.
    pub const fn fires(self) -> bool {
        matches!(self, Self::Fire(_))
    }
}

/// Reasons of decisions, as they are recorded. The word before the colon is for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nobody was there, and the policy makes up for nothing.
    Missed,
    /// Older than the window, with all before it.
    MissedLongAgo,
    /// More than are made up for.
    MissedTooMany,
    /// One run makes up for several ticks: a later one.
    MadeUp,
    /// This tick makes up for missed ones.
    Late,
    /// Its local time does not exist: moved.
    Shifted,
    /// Its local time does not exist: skipped.
    NoSuchTime,
    /// Of two equal local times, the first.
    FoldFirst,
    /// Of two, the second.
    FoldSecond,
    /// The policy takes the second of two.
    FoldNotFirst,
    /// The policy takes the first of two.
    FoldNotSecond,
    /// The last run is still live.
    Overlap,
    /// One is already waiting for the running one.
    OverlapOneWaits,
    /// Earlier runs were cancelled for this one.
    OverlapCancelled,
    /// The schedule was paused.
    Paused,
    /// This server cannot read the schedule.
    Unreadable,
}

impl Why {
    /// The words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "missed: nobody was there in time",
            Self::MissedLongAgo => "missed: too long ago; one decision for all older ticks",
            Self::MissedTooMany => "missed: more than are made up for",
            Self::MadeUp => "missed: a later tick makes up for it",
            Self::Late => "missed: made up for later",
            Self::Shifted => "gap: its local time does not exist and is moved by the length of the gap",
            Self::NoSuchTime => "gap: its local time does not exist",
            Self::FoldFirst => "fold: the first of two equal local times",
            Self::FoldSecond => "fold: the second of two equal local times",
            Self::FoldNotFirst => "fold: the second of two equal local times is taken",
            Self::FoldNotSecond => "fold: the first of two equal local times was taken",
            Self::Overlap => "overlap: the last run is still live",
            Self::OverlapOneWaits => "overlap: one is waiting already",
            Self::OverlapCancelled => "overlap: earlier runs were told to end",
            Self::Paused => "paused: nothing is made up for",
            Self::Unreadable => "unreadable: a newer server has to decide",
        }
    }

    /// What there is to say about a tick that the clocks have touched.
    pub const fn of(how: How) -> Option<Self> {
        match how {
            How::Plain => None,
            How::Shifted => Some(Self::Shifted),
            How::Missing => Some(Self::NoSuchTime),
            How::First => Some(Self::FoldFirst),
            How::Second => Some(Self::FoldSecond),
            How::NotFirst => Some(Self::FoldNotFirst),
            How::NotSecond => Some(Self::FoldNotSecond),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What to write.
#[derive(Debug, PartialEq, Eq)]
pub struct Decision {
    /// Each tick that has come, in order; recorded one by one.
    pub ticks: Vec<(Timestamp, Tick)>,
    /// The next one to decide; `None` when none comes any more.
    pub next_at: Option<Timestamp>,
}

/// Decides all ticks from `next_at` up to `now`.
pub fn decide(
    timing: &Timing,
    next_at: Timestamp,
    now: Timestamp,
    missed: Missed,
    within: Duration,
    max: usize,
) -> Decision {
    let (mut ticks, next_at) = come(timing, next_at, now, within);
    let is_open = |tick: &Tick| tick.fires();
    let (mut place, count) = (0, ticks.iter().filter(|(_, tick)| is_open(tick)).count());
    for (at, tick) in ticks.iter_mut().filter(|(_, tick)| is_open(tick)) {
        place += 1;
        let (is_last, made_up) = (place == count, count - place < max.max(1));
        let age = now.duration_since(*at);
        *tick = match missed {
            Missed::Skip if age > PROMPT && !(is_last && age <= ON_TIME) => Tick::Skip(Why::Missed),
            Missed::One if age > PROMPT && !is_last => Tick::Skip(Why::MadeUp),
            Missed::All if !made_up => Tick::Skip(Why::MissedTooMany),
            Missed::One | Missed::All if age > ON_TIME => Tick::Fire(Some(Why::Late)),
            Missed::Skip | Missed::One | Missed::All => *tick,
        };
    }
    Decision { ticks, next_at }
}

/// The ticks of a pause: none of them is made up for.
pub(super) fn paused(timing: &Timing, next_at: Timestamp, now: Timestamp, within: Duration) -> Decision {
    let (mut ticks, next_at) = come(timing, next_at, now, within);
    for (_, tick) in &mut ticks {
        *tick = Tick::Skip(Why::Paused);
    }
    Decision { ticks, next_at }
}

/// What has come from `next_at` up to `now`, before the policy for missed ticks, and the next one.
fn come(
    timing: &Timing,
    next_at: Timestamp,
    now: Timestamp,
    within: Duration,
) -> (Vec<(Timestamp, Tick)>, Option<Timestamp>) {
    let window = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
    let oldest = now.checked_sub(window).unwrap_or(Timestamp::MIN);
    let (mut from, mut why) = (next_at.max(oldest), Why::MissedLongAgo);
    loop {
        let mut ticks = Vec::new();
        if from > next_at {
            let first = timing.from(next_at).next().filter(|it| it.at < from);
            ticks.extend(first.map(|it| (it.at, Tick::Skip(why))));
        }
        for it in timing.from(from) {
            if it.at > now {
                return (ticks, Some(it.at));
            }
            if ticks.len() > TICKS_MAX {
                break;
            }
            let tick = match Why::of(it.how) {
                Some(why) if !it.how.ticks() => Tick::Skip(why),
                why => Tick::Fire(why),
            };
            ticks.push((it.at, tick));
        }
        if ticks.len() <= TICKS_MAX {
            return (ticks, None);
        }
        // The newest half of the time; again, until there are few enough.
        (from, why) = (from + now.duration_since(from) / 2, Why::MissedTooMany);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::schedules::{Fold, Gap};

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn decided(spec: &str, missed: Missed, [next_at, now]: [&str; 2], max: usize) -> Decision {
        let timing = Timing::new(spec, "UTC", Gap::Shift, Fold::First).unwrap();
        decide(&timing, next_at.parse().unwrap(), now.parse().unwrap(), missed, DAY, max)
    }

    fn fired(missed: Missed, next_at: &str, now: &str, max: usize) -> (Vec<String>, usize, String) {
        let decision = decided("0 * * * *", missed, [next_at, now], max);
        let fired = decision.ticks.iter().filter(|(_, tick)| tick.fires());
        let fired = fired.map(|(at, _)| at.strftime("%dT%H:%M").to_string()).collect();
        (fired, decision.ticks.len(), decision.next_at.unwrap().to_string())
    }

    #[test]
    fn a_tick_in_time_fires_under_every_policy() {
        for missed in [Missed::Skip, Missed::One, Missed::All] {
            let decided = fired(missed, "2026-11-21T10:00:00Z", "2026-11-21T10:00:30Z", 100);
            assert_eq!(decided, (vec!["21T10:00".to_owned()], 1, "2026-11-21T11:00:00Z".to_owned()));
        }
    }

    #[test]
    fn after_a_night_off_the_policy_decides() {
        let (from, to) = ("2026-11-21T00:00:00Z", "2026-11-21T06:30:00Z");
        assert_eq!(fired(Missed::Skip, from, to, 100).0, [""; 0]);
        assert_eq!(fired(Missed::One, from, to, 100).0, ["21T06:00"]);
        assert_eq!(fired(Missed::All, from, to, 100).0.len(), 7);
        assert_eq!(fired(Missed::All, from, to, 2).0, ["21T05:00", "21T06:00"]);
        assert!([Missed::Skip, Missed::One, Missed::All].iter().all(|it| fired(*it, from, to, 100).1 == 7));
    }

    #[test]
    fn what_was_missed_long_ago_is_one_decision() {
        let (fired, decided, next) = fired(Missed::All, "2025-11-21T00:00:00Z", "2026-11-21T00:30:00Z", 100);
        assert_eq!((fired.len(), decided), (24, 25));
        assert_eq!(next, "2026-11-21T01:00:00Z");
    }

    #[test]
    fn nothing_due_decides_nothing() {
        assert_eq!(fired(Missed::All, "2026-11-21T10:00:00Z", "2026-11-21T09:59:59Z", 1).1, 0);
    }

    #[test]
    fn a_busy_moment_costs_no_tick_of_every_second() {
        for missed in [Missed::Skip, Missed::One, Missed::All] {
            let at = ["2026-11-21T10:00:00Z", "2026-11-21T10:00:03.2Z"];
            let decision = decided("* * * * * *", missed, at, 100);
            assert!(decision.ticks.iter().all(|(_, tick)| *tick == Tick::Fire(None)), "{decision:?}");
            assert_eq!(decision.ticks.len(), 4);
        }
        let count = |missed| {
            let decision =
                decided("* * * * * *", missed, ["2026-11-21T10:00:00Z", "2026-11-21T10:01:00Z"], 100);
            decision.ticks.iter().filter(|(_, tick)| tick.fires()).count()
        };
        assert_eq!([Missed::Skip, Missed::One, Missed::All].map(count), [6, 6, 61]);
    }

    #[test]
    fn a_day_of_seconds_is_decided_at_once_and_the_oldest_share_a_decision() {
        for (missed, fires) in [(Missed::Skip, 6), (Missed::One, 6), (Missed::All, 1000)] {
            let at = ["2026-11-20T10:00:00Z", "2026-11-21T10:00:00Z"];
            let decision = decided("* * * * * *", missed, at, 1000);
            assert!(decision.ticks.len() <= TICKS_MAX + 1 && decision.ticks.len() > TICKS_MAX / 2);
            assert_eq!(decision.ticks[0].1, Tick::Skip(Why::MissedTooMany));
            assert_eq!(decision.ticks.iter().filter(|(_, tick)| tick.fires()).count(), fires, "{missed:?}");
            assert_eq!(decision.next_at.unwrap().to_string(), "2026-11-21T10:00:01Z");
        }
    }

    #[test]
    fn ticks_that_are_none_any_more_are_passed_over() {
        let decision = decided("0 * * * *", Missed::All, ["2026-11-21T10:17:00Z", "2026-11-21T10:30:00Z"], 9);
        assert_eq!(
            (decision.ticks.len(), decision.next_at.unwrap().to_string().as_str()),
            (0, "2026-11-21T11:00:00Z")
        );
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let timing = Timing::new("0 * * * *", "UTC", Gap::Shift, Fold::First).unwrap();
        let [from, now] = ["2026-11-21T00:00:00Z", "2026-11-21T06:30:00Z"].map(|at| at.parse().unwrap());
        let decision = paused(&timing, from, now, DAY);
        assert_eq!(decision.ticks.len(), 7);
        assert!(decision.ticks.iter().all(|(_, tick)| *tick == Tick::Skip(Why::Paused)));
        assert_eq!(decision.next_at.unwrap().to_string(), "2026-11-21T07:00:00Z");
    }
}
