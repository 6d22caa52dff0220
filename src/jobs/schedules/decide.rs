//! What to do about the ticks that have come: a pure function of the table row and the time.

use std::time::Duration;

use jiff::Timestamp;

use super::{Missed, Timing};

/// A tick decided this much after its time was not missed: the scheduler was merely busy or just starting.
const ON_TIME: Duration = Duration::from_secs(60);
/// Ticks decided at once; a longer past is decided in the next rounds.
const TICKS_MAX: usize = 2000;

/// What is decided about one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// A job is enqueued.
    Fire,
    /// It is not, for this reason.
    Skip(&'static str),
}

/// What to write.
#[derive(Debug, PartialEq, Eq)]
pub struct Decision {
    /// Each tick that has come, in order; recorded one by one.
    pub ticks: Vec<(Timestamp, Tick)>,
    /// The next one; `None` when none comes any more.
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
    let mut ticks = Vec::new();
    let mut next = Some(next_at);
    while let Some(at) = next.filter(|at| *at <= now && ticks.len() < TICKS_MAX) {
        // A long past is one decision, not a million rows.
        let too_old = at < now - within;
        ticks.push((at, if too_old { Tick::Skip("skipped: missed too long ago") } else { Tick::Fire }));
        next = timing.next_after(if too_old { at.max(now - within - Duration::from_nanos(1)) } else { at });
    }
    let made_up = |place: usize, count: usize| count - place <= max.max(1);
    let count = ticks.len();
    for (place, (at, tick)) in ticks.iter_mut().enumerate().filter(|(_, (_, tick))| *tick == Tick::Fire) {
        let is_last = place + 1 == count;
        *tick = match missed {
            Missed::Skip if *at < now - ON_TIME => Tick::Skip("skipped: missed"),
            Missed::One if !is_last => Tick::Skip("skipped: a later tick makes up for it"),
            Missed::All if !made_up(place, count) => Tick::Skip("skipped: too many were missed"),
            Missed::Skip | Missed::One | Missed::All => Tick::Fire,
        };
    }
    Decision { ticks, next_at: next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::schedules::{Fold, Gap};

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn fired(missed: Missed, next_at: &str, now: &str, max: usize) -> (Vec<String>, usize, String) {
        let timing = Timing::new("0 * * * *", "UTC", Gap::Shift, Fold::First).unwrap();
        let decision = decide(&timing, next_at.parse().unwrap(), now.parse().unwrap(), missed, DAY, max);
        let fired = decision.ticks.iter().filter(|(_, tick)| *tick == Tick::Fire);
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
}
