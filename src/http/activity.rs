//! What one connection is doing, and until when it may: the clock that cuts off slow clients.
//!
//! Three tasks may look at it (the connection's, and with HTTP/2 those of its streams), so it is made of atomics. Times
//! are milliseconds since the connection began; 0 means "not".
//!
//! Invariant: whatever a client does or does not do, [`Activity::deadline`] is finite unless a handler is at work, and
//! handlers have deadlines of their own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// A client that takes nothing of its answer for so long is gone.
const WRITE_STALL: Duration = Duration::from_secs(20);
/// And one that takes it slower than this (bytes per millisecond, about 4 KiB/s) is not waited for either.
const WRITE_PACE: u64 = 4;

/// The limits of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first byte of a header to its last; also to the first byte of a new connection.
    pub header: Duration,
    /// Between two requests.
    pub keep_alive: Duration,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Activity {
    began: Instant,
    limits: Limits,
    /// Requests being handled or answered.
    active: AtomicU32,
    /// Since when nothing is asked.
    idle_since: AtomicU64,
    /// Since when a header arrives.
    reading_since: AtomicU64,
    /// Since when the client does not take what we write.
    blocked_since: AtomicU64,
    /// When it took something last.
    moved_at: AtomicU64,
    /// How much it took since it was blocked.
    moved: AtomicU64,
    requests: AtomicU64,
}

impl Activity {
    /// A connection that begins now.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            limits,
            active: AtomicU32::new(0),
            idle_since: AtomicU64::new(1),
            reading_since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            moved_at: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        })
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64 + 1
    }

    fn at(&self, ms: u64, after: Duration) -> Instant {
        self.began + Duration::from_millis(ms) + after
    }

    /// Bytes arrived.
    pub fn read(&self) {
        if self.active.load(Relaxed) == 0 && self.reading_since.load(Relaxed) == 0 {
            self.reading_since.store(self.now(), Relaxed);
        }
    }

    /// The client did not take what was written.
    pub fn blocked(&self) {
        if self.blocked_since.load(Relaxed) == 0 {
            let now = self.now();
            self.moved.store(0, Relaxed);
            self.moved_at.store(now, Relaxed);
            self.blocked_since.store(now, Relaxed);
        }
    }

    /// The client took `bytes`; `all` if nothing is left in this write.
    pub fn wrote(&self, bytes: usize, all: bool) {
        if self.blocked_since.load(Relaxed) == 0 {
            return;
        }
        if all {
            self.blocked_since.store(0, Relaxed);
        } else if bytes > 0 {
            self.moved.fetch_add(bytes as u64, Relaxed);
            self.moved_at.store(self.now(), Relaxed);
        }
    }

    /// A header is complete; the request lasts until the guard is dropped.
    pub fn begin(self: &Arc<Self>) -> Busy {
        self.active.fetch_add(1, Relaxed);
        self.reading_since.store(0, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        Busy(self.clone())
    }

    /// Nothing is asked, nothing arrives, nothing waits to be taken.
    pub fn is_idle(&self) -> bool {
        self.active.load(Relaxed) == 0
            && self.reading_since.load(Relaxed) == 0
            && self.blocked_since.load(Relaxed) == 0
    }

    /// Since when it [is idle](Self::is_idle).
    pub fn idle_since(&self) -> Instant {
        self.at(self.idle_since.load(Relaxed), Duration::ZERO)
    }

    /// When an idle connection is closed. A new one has to say something sooner.
    pub fn idle_until(&self) -> Instant {
        let first = self.requests.load(Relaxed) == 0;
        let limit = if first { self.limits.header } else { self.limits.keep_alive };
        self.at(self.idle_since.load(Relaxed), limit)
    }

    /// When the client is cut off if nothing changes; `None` while a handler works and the client takes its answer.
    pub fn deadline(&self) -> Option<Instant> {
        let blocked = self.blocked_since.load(Relaxed);
        if blocked != 0 {
            let stalled = self.at(self.moved_at.load(Relaxed), WRITE_STALL);
            let paced = Duration::from_millis(self.moved.load(Relaxed) / WRITE_PACE);
            return Some(stalled.min(self.at(blocked, WRITE_STALL + paced)));
        }
        if self.active.load(Relaxed) > 0 {
            return None;
        }
        match self.reading_since.load(Relaxed) {
            0 => Some(self.idle_until()),
            reading => Some(self.at(reading, self.limits.header)),
        }
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Relaxed) == 1 {
            self.0.idle_since.store(self.0.now(), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::{Activity, Limits, WRITE_STALL};

    const LIMITS: Limits = Limits { header: Duration::from_secs(10), keep_alive: Duration::from_secs(75) };
    const SECOND: Duration = Duration::from_secs(1);
    /// Times are kept in whole milliseconds.
    const GRAIN: Duration = Duration::from_millis(2);

    fn left(activity: &Activity) -> Option<u64> {
        let left = activity.deadline()? - Instant::now() + GRAIN;
        Some(left.as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_deadline() {
        let activity = Activity::new(LIMITS);
        assert_eq!(left(&activity), Some(10), "the first byte");
        advance(4 * SECOND).await;
        activity.read();
        activity.read();
        advance(3 * SECOND).await;
        activity.read();
        assert_eq!(left(&activity), Some(7), "the header, whatever drips in");
        let busy = activity.begin();
        activity.read();
        assert_eq!(left(&activity), None, "the handler has its own");
        drop(busy);
        assert_eq!(left(&activity), Some(75), "between requests");
        assert!(activity.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_waited_for_as_long_as_it_keeps_pace() {
        let activity = Activity::new(LIMITS);
        let _busy = activity.begin();
        activity.blocked();
        assert_eq!(left(&activity), Some(WRITE_STALL.as_secs()));
        for _ in 0..100 {
            advance(SECOND).await;
            activity.wrote(8 * 1024, false);
        }
        assert_eq!(left(&activity), Some(WRITE_STALL.as_secs()), "8 KiB/s is slow, but honest");
        for _ in 0..120 {
            advance(SECOND).await;
            activity.wrote(100, false);
        }
        assert_eq!(left(&activity), Some(7), "100 B/s is not");
        activity.wrote(1, true);
        assert_eq!(left(&activity), None);
    }
}
