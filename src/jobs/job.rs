//! What a job is: a plain struct with constants and a `run`; its outcome is a value, and `?` means "try again".

use std::{future::Future, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Dependency, JobContext};

/// One kind of background work. The struct is its arguments, stored as JSON.
///
/// It runs *at least once*: write `run` so that a second run does no harm, or finish with [`JobContext::finish`].
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name in rows and metrics, `domain.verb_noun`; never renamed once released.
    const KIND: &'static str;
    /// Where it waits.
    const QUEUE: QueueName = QueueName::Default;
    /// Attempts before it is discarded. Crashes of the process are counted apart.
    const MAX_ATTEMPTS: u16 = 10;
    /// An attempt that takes longer is cut off and counts as failed.
    const TIMEOUT: Duration = Duration::from_secs(60);
    /// Smaller runs first, within its queue.
    const PRIORITY: i16 = 100;
    /// What stays of it when it has ended.
    const KEEP: Keep = Keep::Summary;
    /// How long to wait after a failed attempt.
    const RETRY: Retry = Retry::DEFAULT;
    /// At most so many jobs of this kind run at once, in the whole fleet. Such jobs pay for it with one statement more.
    const MAX_RUNNING: Option<u16> = None;
    /// Whether the arguments are encrypted in the database (see [`super::seal`]): never shown, never kept.
    const SEALED: bool = false;
    /// What it needs besides the database: as long as one of them is away, its jobs wait (see [`super::breaker`]).
    const NEEDS: &'static [Dependency] = &[];
    /// Of the arguments' shape. Raise it with [`Job::upcast`] when old arguments would not decode any more.
    const VERSION: i16 = 1;

    /// Turns arguments of `version` into those of `version + 1`.
    fn upcast(version: i16, args: Value) -> anyhow::Result<Value> {
        let _ = args;
        anyhow::bail!("{} has no upcaster for version {version} of its arguments", Self::KIND)
    }

    /// Does the work. An error counts the attempt, is written to the history and retried after a pause.
    fn run(&self, ctx: &JobContext) -> impl Future<Output = anyhow::Result<Outcome>> + Send;
}

/// How an attempt ended, when it did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done.
    Done,
    /// Not yet: run again after this long. Costs no attempt.
    Snooze(Duration),
    /// There is nothing to do any more, for this reason.
    Cancel(String),
    /// It can never succeed, for this reason: no more attempts.
    Discard(String),
}

/// Where jobs wait. Each queue has its own dispatcher and its own workers, so that slow work delays only its like.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum QueueName {
    /// Everything without a reason to wait elsewhere.
    Default,
    /// Mails: slow, and limited by a server that is not ours.
    Mail,
    /// Certified mails: few, large, and of a provider that may be away for days.
    CertifiedMail,
    /// Pictures: limited by the processor.
    Media,
    /// Documents that other processes read: seconds each, and so many at once as there are such processes.
    Reading,
    /// Cleaning and warming: nobody waits for it.
    Maintenance,
}

impl QueueName {
    /// Every queue.
    pub const ALL: [Self; 6] =
        [Self::Default, Self::Mail, Self::CertifiedMail, Self::Media, Self::Reading, Self::Maintenance];

    /// Its name in rows, paths and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Mail => "mail",
            Self::CertifiedMail => "certified_mail",
            Self::Media => "media",
            Self::Reading => "reading",
            Self::Maintenance => "maintenance",
        }
    }

    /// Its place in [`QueueName::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for QueueName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What stays of a job that has ended; the number is in `job.body.keep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum Keep {
    /// Nothing.
    None = 0,
    /// When it ran and how it ended.
    Summary = 1,
    /// Also its arguments.
    Full = 2,
}

/// The pause after a failed attempt: exponential, bounded, with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// After the first failure.
    pub first: Duration,
    /// The longest.
    pub max: Duration,
}

impl Retry {
    /// 2 s, 4 s, 8 s, … up to an hour.
    pub const DEFAULT: Self = Self { first: Duration::from_secs(2), max: Duration::from_secs(3600) };

    /// The pause after failure number `attempt` (from 1). `noise` in `0..1` spreads it by ±20 %, so that jobs that
    /// failed together do not come back together.
    pub fn pause(&self, attempt: i16, noise: f64) -> Duration {
        let doublings = u32::from(attempt.max(1).unsigned_abs() - 1).min(30);
        let pause = self.first.saturating_mul(1 << doublings).min(self.max);
        pause.mul_f64(0.8 + 0.4 * noise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<_> = [1, 2, 3, 11, 12, 99].map(|n| Retry::DEFAULT.pause(n, 0.5).as_secs()).into();
        assert_eq!(pauses, [2, 4, 8, 2048, 3600, 3600]);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        assert_eq!(Retry::DEFAULT.pause(1, 0.0), Duration::from_millis(1600));
        assert_eq!(Retry::DEFAULT.pause(1, 1.0), Duration::from_millis(2400));
    }

    #[test]
    fn queues_are_listed_in_the_order_of_their_index() {
        assert!(QueueName::ALL.iter().enumerate().all(|(place, queue)| queue.index() == place));
    }
}
