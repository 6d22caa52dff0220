//! What an attempt came to, as the acknowledger writes it down.

use jiff::Timestamp;

use super::JobId;

/// One attempt's result. Applied only while (id, token) is still the job's lease.
#[derive(Debug, Clone)]
pub struct Report {
    /// The job.
    pub job: JobId,
    /// The attempt's fence.
    pub token: i64,
    /// What to do with the job.
    pub verdict: Verdict,
    /// What the history keeps of the attempt.
    pub story: Option<Story>,
}

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has ended.
    End(Ending),
    /// Later again; the attempt counts.
    Retry(Timestamp),
    /// Later again; the attempt does not count.
    Snooze(Timestamp),
    /// Back to its place in the queue; the attempt does not count.
    GiveBack,
}

/// How a job ended; the number is in `job.done.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Ending {
    /// The work is done.
    Done = 0,
    /// It failed for good.
    Discarded = 1,
    /// There was nothing to do any more.
    Cancelled = 2,
    /// Set aside: it crashed the process, or its arguments cannot be read.
    Quarantined = 3,
}

/// How an attempt ended when that is worth a row of history; the number is in `job.attempt.outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum AttemptOutcome {
    /// It failed and is tried again.
    Retry = 1,
    /// The job gave up, or its attempts are used up.
    Discard = 3,
    /// The job found nothing to do.
    Cancel = 4,
    /// It took too long.
    Timeout = 5,
    /// It panicked.
    Panic = 6,
    /// Its process died.
    Crash = 7,
    /// Cut off by a stop or a fence.
    Interrupt = 8,
}

/// What the history keeps of one attempt.
#[derive(Debug, Clone)]
pub struct Story {
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// A word for grouping: `error`, `timeout`, `panic`, `arguments`, `reason`.
    pub kind: &'static str,
    /// The error with its causes, or the reason.
    pub text: String,
    /// The backtrace, when one was captured.
    pub trace: Option<String>,
}
