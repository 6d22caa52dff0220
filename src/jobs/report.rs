//! What an attempt came to, as the acknowledger writes it down.

use jiff::Timestamp;

use super::{JobId, store::Ties};

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
    /// What the job says to those who wait for it: JSON.
    pub answer: Option<String>,
    /// What its end means elsewhere.
    pub ties: Option<Box<Ties>>,
}

impl Report {
    /// With nothing more to say.
    pub fn new(job: JobId, token: i64, verdict: Verdict) -> Self {
        Self { job, token, verdict, story: None, answer: None, ties: None }
    }

    /// Whether it is done with nothing to tell, and nothing waits for it.
    pub(super) fn is_plain(&self) -> bool {
        let in_batch = self.ties.as_ref().is_some_and(|ties| ties.in_batch);
        self.verdict == Verdict::End(Ending::Done)
            && self.story.is_none()
            && self.answer.is_none()
            && !in_batch
    }
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
    /// To this door, the one of its kind, which is paused; the attempt does not count.
    Park(i64),
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

impl Ending {
    /// The ending of that number; `None` for those of a newer binary.
    pub const fn of(number: i16) -> Option<Self> {
        Some(match number {
            0 => Self::Done,
            1 => Self::Discarded,
            2 => Self::Cancelled,
            3 => Self::Quarantined,
            _ => return None,
        })
    }
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
    /// Errors with the same one are the same error: see [`super::fingerprint`].
    pub fingerprint: Option<i64>,
    /// The last lines it logged.
    pub log: Vec<String>,
}
