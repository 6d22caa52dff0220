//! A job about to be enqueued.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Job, Keep, QueueName, registry::Kind};

/// Everything that is written when a job is enqueued. [`NewJob::of`] takes it from the job's constants.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its kind.
    pub kind: &'static str,
    /// Where it waits.
    pub queue: QueueName,
    /// Its arguments, as JSON text.
    pub args: String,
    /// Not before; `None` is now.
    pub run_at: Option<Timestamp>,
    /// Smaller runs first.
    pub priority: i16,
    /// Attempts before it is discarded.
    pub max_attempts: i16,
    /// Longest attempt.
    pub timeout: Duration,
    /// What stays of it.
    pub keep: Keep,
    /// At most one live job has this key.
    pub unique: Option<Unique>,
    /// For people and filters.
    pub tags: Vec<String>,
}

/// A lock on a key: as long as it is held, equal jobs are not enqueued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unique {
    pub(super) hash: Uuid,
    pub(super) hold: Hold,
}

/// How long a [`Unique`] key is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Until the job starts for the first time: one that is enqueued while it runs will run again.
    Start,
    /// Until the job has ended, whatever its outcome.
    End,
    /// Until this time, whatever happens to the job.
    Until(Timestamp),
}

impl Hold {
    /// The number in `job.body.unique_hold`.
    pub(super) const fn code(self) -> i16 {
        match self {
            Self::Start => 0,
            Self::End => 1,
            Self::Until(_) => 2,
        }
    }
}

impl NewJob {
    /// A job to be run now.
    ///
    /// # Panics
    /// When the arguments cannot be JSON (maps with keys that are not text): the first test finds it.
    pub fn of<J: Job>(job: &J) -> Self {
        Self {
            kind: J::KIND,
            queue: J::QUEUE,
            args: serde_json::to_string(job).expect("arguments of jobs are plain data"),
            run_at: None,
            priority: J::PRIORITY,
            max_attempts: J::MAX_ATTEMPTS as i16,
            timeout: J::TIMEOUT,
            keep: J::KEEP,
            unique: None,
            tags: Vec::new(),
        }
    }

    /// A job of `kind` with these arguments.
    pub(super) fn of_kind(kind: &Kind, args: String) -> Self {
        Self {
            kind: kind.name,
            queue: kind.queue,
            args,
            run_at: None,
            priority: kind.priority,
            max_attempts: kind.max_attempts as i16,
            timeout: kind.timeout,
            keep: kind.keep,
            unique: None,
            tags: Vec::new(),
        }
    }

    /// Not before `at`.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.run_at = Some(at);
        self
    }

    /// At most one live job of this kind has `key`; enqueueing an equal one does nothing.
    #[must_use]
    pub fn unique(mut self, key: impl AsRef<str>, hold: Hold) -> Self {
        let digest =
            Sha256::new().chain_update(self.kind).chain_update([0]).chain_update(key.as_ref()).finalize();
        let hash = Uuid::from_slice(&digest[..16]).expect("sixteen bytes are a uuid");
        self.unique = Some(Unique { hash, hold });
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }
}
