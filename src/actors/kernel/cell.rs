//! The cell of one logical actor: its figures, kept across restarts.
//!
//! Cells are leaked: there are some dozens, they live as long as the process, and `&'static` keeps reference
//! counting off the hot path. Counters written by the actor alone are plain loads and stores.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::{sync::Notify, time::Instant};

use super::Histogram;
use crate::clock::Clock;

/// An actor whose environment is away goes down again and again: it is told so often, the rest is for who debugs.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// Exits remembered per actor.
const EXITS: usize = 32;
/// `current` when nothing is being handled.
const IDLE: u8 = u8::MAX;

/// Where an actor is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum State {
    /// Not started yet.
    Starting,
    /// Handling messages.
    Running,
    /// Alive, but messages wait until an administrator resumes it.
    Suspended,
    /// Died; the supervisor restarts it.
    Down,
    /// Stopped in order.
    Stopped,
}

/// What a death is put down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Itself, or somebody who wanted it: always told.
    Own,
    /// Its environment, or a sibling it depends on.
    Environment,
}

/// Which deaths are worth a warning.
#[derive(Debug, Default)]
pub(super) struct Told {
    at: Option<Instant>,
    untold: u64,
}

impl Told {
    /// Of a death now: how many before it were not told, or `None` if neither is this one.
    fn tell(&mut self, fault: Fault, now: Instant) -> Option<u64> {
        let is_news = self.at.is_none_or(|at| now.duration_since(at) >= TOLD_EVERY);
        if fault == Fault::Environment && !is_news {
            self.untold += 1;
            return None;
        }
        self.at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// One end of an incarnation.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Exit {
    /// Counts the exits of this actor, from 1.
    pub number: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The message being handled, if any.
    pub message: Option<&'static str>,
    /// The panic, the error or the reason of the stop.
    pub cause: String,
    /// Messages lost: the one in hand and those that died with the mailbox.
    pub lost: u64,
    /// How long the incarnation lived, in milliseconds.
    pub uptime_ms: u64,
    /// From the death to the next incarnation being ready; `None` until then.
    pub recovered_ms: Option<f64>,
    #[serde(skip)]
    at_ns: u64,
}

/// Written by one side only, and on cache lines of its own.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Padded<T>(T);

/// What every sender writes: on one cache line, so that counting attempts costs no other.
#[derive(Debug, Default)]
struct Places {
    depth: AtomicU32,
    attempted: AtomicU64,
}

/// The figures of one logical actor.
#[derive(Debug)]
pub struct Cell {
    /// Where it is in the tree, for example `data/lanes/point-0`.
    pub path: String,
    /// What it is, for example `lane`.
    pub kind: &'static str,
    /// Messages it may hold.
    pub bound: u32,
    /// Whether readiness needs it.
    pub required: AtomicBool,
    pub(super) kinds: &'static [&'static str],
    clock: Clock,
    mailbox: Padded<Places>,
    high_water: AtomicU32,
    rejected: AtomicU64,
    dropped: AtomicU64,
    handled: Padded<AtomicU64>,
    busy_ns: AtomicU64,
    by_kind: Box<[AtomicU64]>,
    current: AtomicU8,
    current_since_ns: AtomicU64,
    /// Time spent handling, per message.
    pub handling: Histogram,
    /// Time spent waiting in the mailbox, per message.
    pub waiting: Histogram,
    state: AtomicU8,
    generation: AtomicU64,
    up_since_ns: AtomicU64,
    dropped_at_start: AtomicU64,
    down: AtomicBool,
    pub(super) suspended: AtomicBool,
    pub(super) resumed: Notify,
    pub(super) restart_requested: AtomicBool,
    pub(super) backoff_ms: AtomicU64,
    /// Restarts by bugs in the supervisor's window, and how many it allows; written by the supervisor.
    pub(super) intensity: Mutex<Option<(usize, usize)>>,
    told: Mutex<Told>,
    exits: Mutex<VecDeque<Exit>>,
    exits_ever: AtomicU64,
    view: Mutex<serde_json::Value>,
}

/// Nanoseconds since the process first asked.
pub(super) fn now_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    // +1: zero means "never" in the cells.
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64 + 1
}

/// Adds to a counter that has a single writer, without a locked instruction.
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Relaxed) + by, Relaxed);
}

impl Cell {
    pub(super) fn new(
        path: String,
        kind: &'static str,
        bound: u32,
        kinds: &'static [&'static str],
        clock: Clock,
    ) -> Self {
        Self {
            path,
            kind,
            bound,
            required: AtomicBool::new(true),
            kinds,
            clock,
            mailbox: Padded::default(),
            high_water: AtomicU32::new(0),
            rejected: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            handled: Padded::default(),
            busy_ns: AtomicU64::new(0),
            by_kind: kinds.iter().map(|_| AtomicU64::new(0)).collect(),
            current: AtomicU8::new(IDLE),
            current_since_ns: AtomicU64::new(0),
            handling: Histogram::default(),
            waiting: Histogram::default(),
            state: AtomicU8::new(State::Starting as u8),
            generation: AtomicU64::new(0),
            up_since_ns: AtomicU64::new(0),
            dropped_at_start: AtomicU64::new(0),
            down: AtomicBool::new(false),
            suspended: AtomicBool::new(false),
            resumed: Notify::new(),
            restart_requested: AtomicBool::new(false),
            backoff_ms: AtomicU64::new(0),
            intensity: Mutex::new(None),
            told: Mutex::default(),
            exits: Mutex::new(VecDeque::new()),
            exits_ever: AtomicU64::new(0),
            view: Mutex::new(serde_json::Value::Null),
        }
    }

    /// Messages waiting or in hand.
    pub fn depth(&self) -> u32 {
        self.mailbox.0.depth.load(Relaxed)
    }

    /// Messages that somebody tried to send. At rest every one was handled, rejected or dropped.
    pub fn attempted(&self) -> u64 {
        self.mailbox.0.attempted.load(Relaxed)
    }

    /// The deepest the mailbox has been.
    pub fn high_water(&self) -> u32 {
        self.high_water.load(Relaxed)
    }

    /// Messages handled to the end.
    pub fn handled(&self) -> u64 {
        self.handled.0.load(Relaxed)
    }

    /// Messages refused because the mailbox was full or the actor down.
    pub fn rejected(&self) -> u64 {
        self.rejected.load(Relaxed)
    }

    /// Messages accepted and then lost by a crash or a stop.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Time spent in handlers.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_ns.load(Relaxed))
    }

    /// Incarnations so far.
    pub fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    /// Restarts so far.
    pub fn restarts(&self) -> u64 {
        self.generation().saturating_sub(1)
    }

    /// How long the present incarnation has been up.
    pub fn uptime(&self) -> Duration {
        match self.state() {
            State::Running | State::Suspended => {
                Duration::from_nanos(now_ns().saturating_sub(self.up_since_ns.load(Relaxed)))
            }
            _ => Duration::ZERO,
        }
    }

    /// The message being handled, and since when.
    pub fn current(&self) -> Option<(&'static str, Duration)> {
        let kind = self.kinds.get(usize::from(self.current.load(Relaxed)))?;
        let since = self.current_since_ns.load(Relaxed);
        Some((kind, Duration::from_nanos(now_ns().saturating_sub(since))))
    }

    /// Messages handled per kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.kinds.iter().zip(&self.by_kind).map(|(kind, count)| (*kind, count.load(Relaxed)))
    }

    /// Where it is in its life.
    pub fn state(&self) -> State {
        match self.state.load(Relaxed) {
            0 => State::Starting,
            1 if self.suspended.load(Relaxed) => State::Suspended,
            1 => State::Running,
            3 => State::Down,
            _ => State::Stopped,
        }
    }

    /// Exits since the start, whether a restart followed or not.
    pub fn exits_ever(&self) -> u64 {
        self.exits_ever.load(Relaxed)
    }

    /// The last exits, oldest first.
    pub fn exits(&self) -> Vec<Exit> {
        lock(&self.exits).iter().cloned().collect()
    }

    /// What the actor last said of its state.
    pub fn view(&self) -> serde_json::Value {
        lock(&self.view).clone()
    }

    /// Restarts by bugs within the supervisor's window and how many it allows; `None` under a back-off policy.
    pub fn intensity(&self) -> Option<(usize, usize)> {
        *lock(&self.intensity)
    }

    /// The pause before the next restart, if one is being waited for.
    pub fn backoff(&self) -> Option<Duration> {
        let ms = self.backoff_ms.load(Relaxed);
        (ms > 0).then(|| Duration::from_millis(ms))
    }

    /// Takes a place in the mailbox; `false` when it is full.
    pub(super) fn admit(&self, bounded: bool) -> bool {
        self.mailbox.0.attempted.fetch_add(1, Relaxed);
        let depth = self.mailbox.0.depth.fetch_add(1, Relaxed) + 1;
        if bounded && depth > self.bound {
            self.mailbox.0.depth.fetch_sub(1, Relaxed);
            self.rejected.fetch_add(1, Relaxed);
            return false;
        }
        if depth > self.high_water.load(Relaxed) {
            self.high_water.fetch_max(depth, Relaxed);
        }
        true
    }

    /// Gives a place back: the message was not delivered.
    pub(super) fn refuse(&self) {
        self.mailbox.0.depth.fetch_sub(1, Relaxed);
        self.rejected.fetch_add(1, Relaxed);
    }

    /// Gives a place back: the message was lost.
    pub(super) fn lose(&self) {
        self.mailbox.0.depth.fetch_sub(1, Relaxed);
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(super) fn begin(&self, kind: usize, sent_ns: u64) -> u64 {
        let now = now_ns();
        self.waiting.record(now.saturating_sub(sent_ns));
        self.current_since_ns.store(now, Relaxed);
        self.current.store(kind as u8, Relaxed);
        now
    }

    pub(super) fn finish(&self, kind: usize, began_ns: u64) {
        let took = now_ns().saturating_sub(began_ns);
        self.current.store(IDLE, Relaxed);
        self.mailbox.0.depth.fetch_sub(1, Relaxed);
        bump(&self.handled.0, 1);
        bump(&self.busy_ns, took);
        bump(&self.by_kind[kind], 1);
        self.handling.record(took);
    }

    pub(super) fn set_view(&self, view: serde_json::Value) {
        *lock(&self.view) = view;
    }

    /// A new incarnation is ready.
    pub(super) fn up(&self) {
        let now = now_ns();
        let (dropped, before) = (self.dropped(), self.dropped_at_start.load(Relaxed));
        if self.down.swap(false, Relaxed) {
            let mut exits = lock(&self.exits);
            if let Some(last) = exits.back_mut() {
                last.lost = dropped - before;
            }
            // Failed restarts, too, have ended in this recovery.
            for exit in exits.iter_mut().rev().take_while(|exit| exit.recovered_ms.is_none()) {
                exit.recovered_ms = Some(now.saturating_sub(exit.at_ns) as f64 / 1e6);
            }
        }
        self.dropped_at_start.store(dropped, Relaxed);
        self.up_since_ns.store(now, Relaxed);
        self.backoff_ms.store(0, Relaxed);
        self.generation.fetch_add(1, Relaxed);
        self.state.store(State::Running as u8, Relaxed);
    }

    /// An incarnation ended and will be restarted.
    pub(super) fn down(&self, cause: String, fault: Fault) {
        let now = now_ns();
        let current = self.current.swap(IDLE, Relaxed);
        let exit = Exit {
            number: self.exits_ever.fetch_add(1, Relaxed) + 1,
            at: self.clock.now(),
            message: self.kinds.get(usize::from(current)).copied(),
            cause,
            lost: self.dropped() - self.dropped_at_start.load(Relaxed),
            uptime_ms: now.saturating_sub(self.up_since_ns.load(Relaxed)) / 1_000_000,
            recovered_ms: None,
            at_ns: now,
        };
        self.down.store(true, Relaxed);
        self.state.store(State::Down as u8, Relaxed);
        self.tell(&exit, fault);
        let mut exits = lock(&self.exits);
        if exits.len() == EXITS {
            exits.pop_front();
        }
        exits.push_back(exit);
    }

    fn tell(&self, exit: &Exit, fault: Fault) {
        let (path, cause, message) = (&self.path, &exit.cause, exit.message);
        let told = lock(&self.told).tell(fault, Instant::now());
        if let Some(untold) = told {
            tracing::warn!(actor.path = %path, %cause, actor.message = message, actor.untold = untold, "actor went down");
        } else {
            tracing::debug!(actor.path = %path, %cause, actor.message = message, "actor went down");
        }
    }

    pub(super) fn stopped(&self) {
        self.state.store(State::Stopped as u8, Relaxed);
    }
}

/// Locks a figure; a panic elsewhere cannot leave it half-written.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_at_once_and_then_so_often_with_a_count() {
        let (mut told, begun) = (Told::default(), Instant::now());
        let after = |ms| begun + Duration::from_millis(ms);
        assert_eq!(told.tell(Fault::Environment, begun), Some(0));
        for n in 1..40 {
            assert_eq!(told.tell(Fault::Environment, after(n * 250)), None);
        }
        assert_eq!(told.tell(Fault::Environment, after(10_000)), Some(39));
        assert_eq!(told.tell(Fault::Environment, after(10_001)), None);
        assert_eq!(told.tell(Fault::Own, after(10_002)), Some(1), "a bug is always told");
    }
}
