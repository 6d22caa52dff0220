//! A job about to be enqueued.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Job, JobId, Keep, Key, QueueName, key, registry::Kind};

/// In front of what a job is about, in its tags.
pub(super) const SUBJECT: &str = "subject:";

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
    /// The shape of the arguments.
    pub version: i16,
    /// Its rank, where the queue has an order of its own: see [`super::order`].
    pub(super) place: Option<i64>,
    /// What few jobs have.
    pub more: Option<Box<More>>,
}

/// Of arguments whose shape was never changed.
const FIRST_VERSION: i16 = 1;

/// What few jobs have. One of these makes the insert a longer statement, and lets no worker be reserved.
#[derive(Debug, Clone, Default)]
pub struct More {
    /// What it shares a limit with.
    pub(super) key: Option<Key>,
    /// The same, of a kind that has a limit.
    pub(super) kind_key: Option<i64>,
    /// Its arguments are to be encrypted.
    pub(super) sealed: bool,
    /// Whose work it is, and that one's weight.
    pub(super) tenant: Option<(String, f32)>,
    /// The account that may look at it.
    pub(super) owner: Option<Uuid>,
    /// The batch or flow it belongs to.
    pub(super) batch: Option<JobId>,
    /// The jobs whose results it may read.
    pub(super) parents: Vec<JobId>,
    /// How many of them it waits for.
    pub(super) waits: i32,
    /// What it does when one of them fails.
    pub(super) on_fail: OnFail,
}

/// What a job does when one it waits for has not ended well; the number is in `job.gate.on_fail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(i16)]
pub enum OnFail {
    /// It is cancelled, and so is what waits for it.
    #[default]
    Cancel = 0,
    /// It runs whatever happened, and can look at it.
    Run = 1,
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
            version: J::VERSION,
            place: None,
            more: More::of_kind(J::KIND, J::MAX_RUNNING.is_some(), J::SEALED),
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
            version: kind.version,
            place: None,
            more: More::of_kind(kind.name, kind.max_running.is_some(), kind.sealed),
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

    /// Whom or what it is about, for the right to be forgotten: see [`super::erase`]. The tag `subject:…`.
    #[must_use]
    pub fn subject(self, subject: impl std::fmt::Display) -> Self {
        self.tag(format!("{SUBJECT}{subject}"))
    }

    /// It shares this limit.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.more().key = Some(key);
        self
    }

    /// The account that may look at it as a task.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<Uuid>) -> Self {
        self.more().owner = Some(owner.into());
        self
    }

    /// Whose work it is: queues that are fair give each tenant a share by its weight, however much one enqueues.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>, weight: f32) -> Self {
        self.more().tenant = Some((tenant.into(), weight));
        self
    }

    /// In this queue instead of its kind's.
    #[must_use]
    pub fn queue(mut self, queue: QueueName) -> Self {
        self.queue = queue;
        self
    }

    /// With this priority instead of its kind's.
    #[must_use]
    pub fn priority(mut self, priority: i16) -> Self {
        self.priority = priority;
        self
    }

    /// Whether it has what few jobs have.
    pub(super) fn is_special(&self) -> bool {
        self.unique.is_some() || self.more.is_some() || self.version != FIRST_VERSION
    }

    /// Its lane: the first order of its queue. Queues with an order of their own have one lane.
    pub(super) fn lane(&self) -> i16 {
        self.place.map_or(self.priority, |_| 0)
    }

    /// Its rank: the order within its lane. A past time keeps it: what was due earlier runs earlier.
    pub(super) fn rank(&self, now: Timestamp) -> i64 {
        self.place.unwrap_or_else(|| self.run_at.unwrap_or(now).as_microsecond())
    }

    pub(super) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }
}

impl More {
    fn of_kind(kind: &str, is_limited: bool, sealed: bool) -> Option<Box<Self>> {
        let kind_key = is_limited.then(|| key::of_kind(kind));
        (is_limited || sealed).then(|| Box::new(Self { kind_key, sealed, ..Self::default() }))
    }

    /// Where the job waits when its limits are full: at the door of its key, or of its kind.
    pub(super) fn door(&self) -> Option<i64> {
        self.key.as_ref().map(|key| key.hash).or(self.kind_key)
    }
}
