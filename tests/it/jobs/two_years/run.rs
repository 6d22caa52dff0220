//! The scheduler without its database.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sportello::jobs::schedules::{Fold, Gap, Missed, Timing, decide};

use super::eight::new_year;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The scheduler without its database: a tick that has come is decided a moment later.
pub(super) struct Run {
    pub(super) timing: Timing,
    pub(super) missed: Missed,
    pub(super) within: Duration,
    pub(super) max: usize,
    pub(super) next_at: Option<Timestamp>,
    pub(super) fired: Vec<Timestamp>,
    pub(super) decisions: usize,
}

impl Run {
    pub(super) fn new(spec: &str, (gap, fold): (Gap, Fold), missed: Missed) -> Self {
        let timing = Timing::new(spec, "Europe/Rome", gap, fold).unwrap();
        let next_at = timing.from(new_year(2027)).next().map(|it| it.at);
        Self { timing, missed, within: DAY, max: 100, next_at, fired: Vec::new(), decisions: 0 }
    }

    /// Decides what has come at `now`.
    pub(super) fn look(&mut self, now: Timestamp) {
        let Some(next_at) = self.next_at.filter(|next_at| *next_at <= now) else { return };
        let decision = decide(&self.timing, next_at, now, self.missed, self.within, self.max);
        self.decisions += decision.ticks.len();
        let fired = decision.ticks.iter().filter(|(_, tick)| tick.fires());
        self.fired.extend(fired.map(|(at, _)| *at));
        self.next_at = decision.next_at;
    }

    /// Looks at every tick, a moment after it has come, until `end`.
    pub(super) fn go_on(&mut self, end: Timestamp) {
        while let Some(next_at) = self.next_at.filter(|next_at| *next_at < end) {
            self.look(next_at + SignedDuration::from_millis(3));
        }
    }

    pub(super) fn in_order(&self) -> bool {
        self.fired.is_sorted_by(|one, next| one < next)
    }

    pub(super) fn years(&self) -> [usize; 2] {
        [2027, 2028].map(|year| self.between(new_year(year), new_year(year + 1)).len())
    }

    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> Vec<String> {
        let fired = self.fired.iter().filter(|at| (from..to).contains(*at));
        fired.map(|at| at.strftime("%m-%dT%H:%M").to_string()).collect()
    }
}
