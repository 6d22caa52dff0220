//! What there is: one row of `job.cron`, its decisions, its jobs, and the schedulers.

use jiff::{SignedDuration, Timestamp};
use sportello::jobs::schedules::{Missed, Overlap};

/// Minutes with a tick: 1, 2 and 3. The clock stands at 0 first.
pub(crate) const TICKS: usize = 3;

/// Minute `n` of the model as an instant.
pub(crate) fn instant(minute: u8) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(i64::from(minute))
}

/// And back.
pub(crate) fn minute(at: Timestamp) -> u8 {
    (at.as_second() / 60) as u8
}

/// A job of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Run {
    Waiting,
    Running,
    /// Runs, and was asked to end.
    Told,
    Ended,
}

/// A row of `job.cron_fire`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Fired,
    /// By the policy for missed ticks.
    Missed,
    /// The last run is still live.
    Overlapping,
    /// The schedule was paused.
    Paused,
}

/// A statement of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Statement {
    /// `jobs.cron.take`: moves `next_at` if it is still what was seen, and locks the row.
    Take,
    /// `jobs.insert`, or `jobs.insert_unique` where runs must not overlap.
    Insert,
    /// `jobs.cron.record`
    Record,
    Commit,
}

/// What a transaction will have written when it commits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Writes {
    /// Also: the row of the schedule is locked.
    pub(crate) next_at: Option<u8>,
    pub(crate) jobs: Vec<u8>,
    pub(crate) key: Option<u8>,
    pub(crate) records: Vec<(u8, Outcome)>,
}

/// A round of one scheduler, from the look that found the schedule due.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Round {
    /// The next statement.
    pub(crate) place: usize,
    /// `next_at` as it was read.
    pub(crate) seen: u8,
    /// The decision: the next tick, and what becomes of those that have come.
    pub(crate) next_at: u8,
    pub(crate) ticks: Vec<(u8, Outcome)>,
    /// The open transaction.
    pub(crate) writes: Writes,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) is_dead: bool,
    pub(crate) round: Option<Round>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) now: u8,
    pub(crate) next_at: u8,
    pub(crate) is_paused: bool,
    /// `job.cron_fire`, by tick.
    pub(crate) records: [Option<Outcome>; TICKS],
    /// Jobs, by tick; more than one is a bug.
    pub(crate) jobs: [Vec<Run>; TICKS],
    /// `job.uniq`: the tick whose job holds the schedule's key.
    pub(crate) key: Option<u8>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) crashes: u8,
    pub(crate) losses: u8,
    pub(crate) pauses: u8,
}

/// What the guarantee rests on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// `jobs.cron.take` compares `next_at` with what was seen.
    pub(crate) compares: bool,
    /// A round.
    pub(crate) statements: &'static [Statement],
}

/// As it is.
pub(crate) const SOUND: Rules = Rules {
    compares: true,
    statements: &[Statement::Take, Statement::Insert, Statement::Record, Statement::Commit],
};

/// One run of the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cron {
    pub(crate) nodes: usize,
    pub(crate) missed: Missed,
    pub(crate) overlap: Overlap,
    pub(crate) crashes: u8,
    pub(crate) losses: u8,
    pub(crate) pauses: u8,
    pub(crate) rules: Rules,
}

/// The place of a tick in the arrays.
pub(crate) fn place(tick: u8) -> usize {
    usize::from(tick) - 1
}
