//! Kinds of jobs that are measured. What they see is kept in statics: one engine runs at a time.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sportello::jobs::{Job, JobContext, Keep, Outcome, registry::Registry};

/// Handlers that ended, of all kinds.
static RAN: AtomicU64 = AtomicU64::new(0);
/// When each [`Stamp`] was committed and when it started.
static MARKS: Mutex<Vec<Mark>> = Mutex::new(Vec::new());
/// Microseconds by which each [`Due`] was late.
static LATE: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// One job's two instants.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) committed: Option<Instant>,
    pub(crate) started: Option<Instant>,
}

/// Every kind here.
pub(crate) fn kinds() -> Registry {
    Registry::default().with::<Nothing>().with::<NothingKept>().with::<Work>().with::<Stamp>().with::<Due>()
}

/// Handlers that ended so far.
pub(crate) fn ran() -> u64 {
    RAN.load(Relaxed)
}

/// The instants of stamps; cleared by who begins to measure.
pub(crate) fn marks() -> MutexGuard<'static, Vec<Mark>> {
    MARKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How late jobs were; cleared by who begins to measure.
pub(crate) fn late() -> MutexGuard<'static, Vec<u64>> {
    LATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn done() -> Outcome {
    RAN.fetch_add(1, Relaxed);
    Outcome::Done
}

/// Does nothing and leaves nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "bench.nothing";
    const KEEP: Keep = Keep::None;

    async fn run(&self, _ctx: &JobContext) -> anyhow::Result<Outcome> {
        Ok(done())
    }
}

/// Does nothing; its summary is kept, as a kind has it by default.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NothingKept;

impl Job for NothingKept {
    const KIND: &'static str = "bench.nothing_kept";

    async fn run(&self, _ctx: &JobContext) -> anyhow::Result<Outcome> {
        Ok(done())
    }
}

/// A millisecond of waiting; its summary is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Work;

impl Job for Work {
    const KIND: &'static str = "bench.work";

    async fn run(&self, _ctx: &JobContext) -> anyhow::Result<Outcome> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(done())
    }
}

/// Takes the time at which it starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stamp(pub(crate) usize);

impl Job for Stamp {
    const KIND: &'static str = "bench.stamp";

    async fn run(&self, _ctx: &JobContext) -> anyhow::Result<Outcome> {
        let now = Instant::now();
        marks()[self.0].started = Some(now);
        Ok(done())
    }
}

/// Looks how late it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Due {
    /// When it should start.
    pub(crate) at: jiff::Timestamp,
}

impl Job for Due {
    const KIND: &'static str = "bench.due";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let by = ctx.clock.now().duration_since(self.at);
        late().push(u64::try_from(by.as_micros()).unwrap_or(0));
        Ok(done())
    }
}
