//! The only source of wall-clock time. Code that needs the time takes a [`Clock`]; tests move it.
//!
//! Durations (deadlines, busy times) use `tokio::time::Instant` and need no clock.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

/// Tells the time. Cheap to clone; clones share the offset.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Nanoseconds added to the system's time; zero except in tests.
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self::default()
    }

    /// Now, in UTC, cut to microseconds: what PostgreSQL can store.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    pub fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_nanos(self.offset.load(Ordering::Relaxed));
        let now = Timestamp::now() + offset;
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Time since the process first asked: it never steps back as wall clocks do, and moves with [`Self::advance`]. For
    /// quotas and pauses.
    pub fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        let offset = Duration::from_nanos(self.offset.load(Ordering::Relaxed).max(0) as u64);
        START.get_or_init(Instant::now).elapsed() + offset
    }

    /// Moves every clone of this clock forward; for tests.
    pub fn advance(&self, by: SignedDuration) {
        self.offset.fetch_add(by.as_nanos() as i64, Ordering::Relaxed);
    }
}
