//! What the engine counts, and the failures it remembers for people and tests.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use ahash::AHashMap;
use tokio::{sync::Notify, time::Instant};

use super::{
    Distribution, JobId, QueueName,
    distribution::{SIZES, WAITS_US},
    registry::Registry,
    store::samples::Sample,
};

/// Failures remembered: enough for a look, bounded for a storm.
const FAILURES: usize = 64;
/// An older look at the tables is no news any more.
const SAMPLE_LIFE: Duration = Duration::from_secs(60);
/// Upper bounds of the duration buckets, in microseconds; the last bucket is open.
pub const BUCKETS_US: [u64; 10] =
    [250, 1_000, 5_000, 25_000, 100_000, 500_000, 2_000_000, 10_000_000, 60_000_000, 600_000_000];

macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name { $($(#[$field_doc])* pub $field: AtomicU64,)+ }

        impl $name {
            /// Every counter with its name.
            pub fn all(&self) -> [(&'static str, u64); [$(stringify!($field)),+].len()] {
                [$((stringify!($field), self.$field.load(Relaxed))),+]
            }
        }
    };
}

counters! {
    /// Attempts of one kind, by how they ended.
    Outcomes {
        /// Started.
        started,
        /// Done.
        done,
        /// Failed, to be tried again.
        retried,
        /// Failed for good.
        discarded,
        /// Found nothing to do.
        cancelled,
        /// Asked to run later.
        snoozed,
        /// Set aside.
        quarantined,
        /// Cut off by a stop or a fence and given back.
        interrupted,
    }
}
counters! {
    /// What the engine itself did.
    Engine {
        /// Claim statements.
        claims,
        /// Jobs claimed.
        claimed,
        /// Jobs given to idle workers by the transaction that made them, without a claim.
        handed_over,
        /// Acknowledgement flushes.
        flushes,
        /// Reports applied.
        acknowledged,
        /// Reports whose lease had gone to somebody else.
        stale,
        /// Jobs taken from dead workers.
        rescued,
        /// Jobs set aside because they crashed too often.
        quarantined,
        /// Jobs moved from later to ready.
        promoted,
        /// Jobs let through the doors of their limits.
        let_through,
        /// Jobs let go because those they waited for have ended.
        released,
        /// Leases given back that nobody knew.
        unknown,
        /// Times the own jobs were cancelled for want of a beat.
        fenced,
        /// Running jobs that somebody cancelled.
        cancels,
        /// Handlers reported because they went on after their attempt was over.
        stuck,
        /// Times the watchdog found work, room and no claim.
        alarms,
        /// Cron ticks that enqueued a job.
        fired,
        /// Cron ticks that did not.
        skipped,
    }
}

/// One kind's figures.
#[derive(Debug, Default)]
pub struct KindFigures {
    /// Attempts by how they ended.
    pub outcomes: Outcomes,
    /// Jobs enqueued here.
    pub enqueued: AtomicU64,
    /// Running time, in microseconds.
    pub run_us: AtomicU64,
    /// Attempts per bucket of [`BUCKETS_US`]; the last is the open one.
    pub run_buckets: [AtomicU64; BUCKETS_US.len() + 1],
}

impl KindFigures {
    /// Counts one attempt's running time.
    pub fn ran(&self, took: Duration) {
        let us = took.as_micros() as u64;
        self.run_us.fetch_add(us, Relaxed);
        self.run_buckets[BUCKETS_US.partition_point(|bound| *bound < us)].fetch_add(1, Relaxed);
    }
}

/// Upper bounds of the buckets of [`Lateness`], in microseconds; the last bucket is open.
pub const LATENESS_US: [u64; 9] =
    [1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_000_000, 60_000_000];

/// How late cron ticks were decided, without those that make up for missed ones.
#[derive(Debug, Default)]
pub struct Lateness {
    /// All together, in microseconds.
    pub sum_us: AtomicU64,
    /// Ticks per bucket of [`LATENESS_US`]; the last is the open one.
    pub buckets: [AtomicU64; LATENESS_US.len() + 1],
}

impl Lateness {
    /// Counts a tick.
    pub fn add(&self, late: Duration) {
        let us = late.as_micros() as u64;
        self.sum_us.fetch_add(us, Relaxed);
        self.buckets[LATENESS_US.partition_point(|bound| *bound < us)].fetch_add(1, Relaxed);
    }
}

/// One failed attempt.
#[derive(Debug, Clone, serde::Serialize)]
pub struct FailureSeen {
    /// The job.
    pub job: JobId,
    /// Its kind.
    pub kind: String,
    /// From 1.
    pub attempt: i16,
    /// The error with its causes.
    pub error: String,
}

/// Everything counted. Owned by [`super::Jobs`].
#[derive(Debug)]
pub struct Figures {
    kinds: AHashMap<&'static str, KindFigures>,
    /// The engine.
    pub engine: Engine,
    /// Handlers that go on now although their attempt is over.
    pub stuck: AtomicU64,
    /// From a cron tick to the commit of its decision.
    pub cron_lateness: Lateness,
    /// Jobs per claim that brought any, and reports per flush.
    pub claim_sizes: Distribution,
    /// The same of flushes.
    pub ack_sizes: Distribution,
    /// From due to started, in microseconds, by queue: first attempts of queues with strict priority.
    pub waits_us: [Distribution; QueueName::ALL.len()],
    sample: Mutex<Option<(Instant, Sample)>>,
    /// Attempts running now, by queue.
    pub running: [AtomicI64; QueueName::ALL.len()],
    failures: Mutex<(u64, VecDeque<FailureSeen>)>,
    /// Rung whenever something was acknowledged.
    pub(crate) progress: Notify,
}

impl Figures {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            kinds: registry.kinds().map(|kind| (kind.name, KindFigures::default())).collect(),
            engine: Engine::default(),
            stuck: AtomicU64::new(0),
            cron_lateness: Lateness::default(),
            claim_sizes: Distribution::new(&SIZES),
            ack_sizes: Distribution::new(&SIZES),
            waits_us: QueueName::ALL.map(|_| Distribution::new(&WAITS_US)),
            sample: Mutex::default(),
            running: Default::default(),
            failures: Mutex::default(),
            progress: Notify::new(),
        }
    }

    /// The figures of a kind of the registry.
    pub fn kind(&self, name: &str) -> Option<&KindFigures> {
        self.kinds.get(name)
    }

    /// Remembers how full the tables are.
    pub(crate) fn sampled(&self, sample: Sample) {
        let now = Instant::now();
        *self.sample.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, sample));
    }

    /// How full the tables are; `None` when nobody has looked lately.
    pub fn sample(&self) -> Option<Sample> {
        let sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        sample.as_ref().filter(|(at, _)| at.elapsed() < SAMPLE_LIFE).map(|(_, sample)| sample.clone())
    }

    /// Remembers a failed attempt.
    pub(crate) fn failed(&self, failure: FailureSeen) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.0 += 1;
        if failures.1.len() == FAILURES {
            failures.1.pop_front();
        }
        failures.1.push_back(failure);
    }

    /// How many attempts have failed so far.
    pub fn failed_count(&self) -> u64 {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// The last failures, oldest first.
    pub fn failures(&self) -> Vec<FailureSeen> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).1.iter().cloned().collect()
    }
}
