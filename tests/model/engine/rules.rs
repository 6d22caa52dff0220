//! The bounds of a run, and the rules that can be taken away.

/// Ages are in heartbeats (`jobs.beat`). A process fences itself when its last beat is older than this (`jobs.fence`).
pub(crate) const FENCE: u8 = 1;
/// A worker whose beat is older than this is dead (`jobs.rescue`).
pub(crate) const RESCUE: u8 = 2;
/// Older makes no difference.
pub(crate) const OLD: u8 = RESCUE + 1;
/// `jobs.quarantine_crashes`.
pub(crate) const QUARANTINE_CRASHES: u8 = 3;
/// Attempts before a job is discarded.
pub(crate) const MAX_ATTEMPTS: i8 = 2;

/// How much may happen in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Budget {
    /// Processes that die.
    pub(crate) crashes: u8,
    /// Processes that are stopped for a while and go on (SIGSTOP).
    pub(crate) sleeps: u8,
    /// Processes cut off from the database for a while.
    pub(crate) cuts: u8,
    /// Processes whose heartbeats alone do not get through for a while: they have a connection of their own.
    pub(crate) mutes: u8,
    /// Restarts of PostgreSQL.
    pub(crate) outages: u8,
    /// Orderly stops.
    pub(crate) stops: u8,
    /// Answers lost without further harm.
    pub(crate) losses: u8,
    /// Attempts that fail.
    pub(crate) failures: u8,
    /// Boots of a node whose earlier boot still lives.
    pub(crate) overlaps: u8,
}

/// The rules the guarantees rest on; a run without one of them must go wrong.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "one switch per rule")]
pub(crate) struct Rules {
    /// `jobs.acks.*` delete a lease by id and token, not by id alone.
    pub(crate) acks_are_fenced: bool,
    /// `jobs.rescue.dead_workers` takes only what belongs to the dead.
    pub(crate) rescue_tests_the_beat: bool,
    /// It counts only beats that could have been sent: not while PostgreSQL was just starting.
    pub(crate) rescue_tests_the_server: bool,
    /// `jobs.workers.bury_earlier_boots` asks for the lock of the session.
    pub(crate) burial_tests_the_session: bool,
    /// The age of a beat is counted from when it was sent, not from its answer.
    pub(crate) beat_counts_from_sending: bool,
    /// Before a beat is sent, the age of the last one is looked at.
    pub(crate) look_before_beat: bool,
    /// The process cuts its jobs off when its beats do not arrive.
    pub(crate) fence: bool,
    /// A claim that is answered behind the fence is given back.
    pub(crate) fence_stops_late_answers: bool,
    /// The process knows its leases by their tokens, not by their jobs.
    pub(crate) known_by_token: bool,
    /// What is given back costs no attempt.
    pub(crate) give_back_refunds: bool,
    /// The third crash sets a job aside.
    pub(crate) quarantine: bool,
    /// A job that would be set aside with its next crash is announced before it starts, one at a time in each process,
    /// and only the announced one is.
    pub(crate) only_the_announced_is_blamed: bool,
    /// A handler's writes and its acknowledgement are one transaction.
    pub(crate) finish_is_one_transaction: bool,
}

/// All rules hold.
pub(crate) const SOUND: Rules = Rules {
    acks_are_fenced: true,
    rescue_tests_the_beat: true,
    rescue_tests_the_server: true,
    burial_tests_the_session: true,
    beat_counts_from_sending: true,
    look_before_beat: true,
    fence: true,
    fence_stops_late_answers: true,
    known_by_token: true,
    give_back_refunds: true,
    quarantine: true,
    only_the_announced_is_blamed: true,
    finish_is_one_transaction: true,
};

/// One run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Engine {
    /// Nodes, each with one process at first.
    pub(crate) nodes: u8,
    /// Per job: whether its handler ends with `ctx.finish`.
    pub(crate) jobs: &'static [bool],
    /// Attempts a process runs side by side (`jobs.workers`).
    pub(crate) workers: usize,
    /// Whether the sending, the execution and the answer of a heartbeat are steps of their own.
    pub(crate) splits_beats: bool,
    /// What may happen.
    pub(crate) budget: Budget,
    /// What holds.
    pub(crate) rules: Rules,
    /// Situations to look out for, by name: each look costs time in every state.
    pub(crate) wanted: &'static [&'static str],
}
