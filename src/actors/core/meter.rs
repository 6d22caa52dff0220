//! The meter: one sampler, once a second, whoever watches.
//!
//! It walks the cells, works out rates from what they count, keeps a history of `actors.history` and hands each sample
//! to the hub. The history lives in the handle: a crash of the meter loses at most one sample, and reading it costs no
//! message. Each sample says what it cost.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use tokio::time::Instant;

use super::figures::{Figures, Health, Tree};
use crate::{
    actors::{
        kernel::{Behaviour, Cell, Context, Failure, Handle, Registry},
        ops::hub::Hub,
    },
    clock::Clock,
};

/// How often. Once a second is what people can follow.
const EVERY: Duration = Duration::from_secs(1);

/// Messages of the meter.
pub enum MeterMsg {
    /// Take a sample.
    Sample,
}
crate::kinds!(MeterMsg: Sample);

/// One actor in one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Which.
    pub path: &'static str,
    /// Messages waiting or in hand.
    pub depth: u32,
    /// Messages handled per second since the sample before.
    pub rate: f32,
    /// Share of the time spent in handlers, in percent.
    pub busy_pct: f32,
}

/// All actors at one moment.
#[derive(Debug)]
pub struct Sample {
    /// Counts samples since the start.
    pub seq: u64,
    /// When.
    pub taken_at: Timestamp,
    /// What taking it cost.
    pub cost: Duration,
    /// Every actor.
    pub readings: Vec<Reading>,
}

impl Sample {
    /// The reading of an actor.
    pub fn reading(&self, path: &str) -> Option<&Reading> {
        self.readings.iter().find(|reading| reading.path == path)
    }
}

/// The last samples. Cheap to clone; reading needs no message.
#[derive(Clone)]
pub struct Meter {
    handle: Handle<MeterMsg>,
    shared: Arc<Shared>,
}

struct Shared {
    registry: Registry,
    clock: Clock,
    started: Instant,
    seq: AtomicU64,
    latest: ArcSwapOption<Sample>,
    history: Mutex<VecDeque<Arc<Sample>>>,
    kept: usize,
}

impl Meter {
    /// A meter of the actors of `registry`, keeping samples for `history`.
    pub fn new(handle: Handle<MeterMsg>, registry: &Registry, clock: Clock, history: Duration) -> Self {
        let shared = Shared {
            registry: registry.clone(),
            clock,
            started: Instant::now(),
            seq: AtomicU64::new(0),
            latest: ArcSwapOption::empty(),
            history: Mutex::default(),
            kept: history.as_secs().max(1) as usize,
        };
        Self { handle, shared: Arc::new(shared) }
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<MeterMsg> {
        &self.handle
    }

    /// The last sample; `None` in the first second.
    pub fn latest(&self) -> Option<Arc<Sample>> {
        self.shared.latest.load_full()
    }

    /// The readings of one actor, oldest first.
    pub fn history(&self, path: &str) -> Vec<Reading> {
        let history = self.shared.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.iter().filter_map(|sample| sample.reading(path).copied()).collect()
    }

    /// The whole tree now.
    pub fn tree(&self) -> Tree {
        let latest = self.latest();
        let cells = in_tree_order(&self.shared.registry);
        let reading = |cell: &Cell| latest.as_ref().and_then(|sample| sample.reading(&cell.path));
        Tree {
            seq: latest.as_ref().map_or(0, |sample| sample.seq),
            taken_at: self.shared.clock.now(),
            uptime_s: self.shared.started.elapsed().as_secs(),
            cost_us: latest.as_ref().map_or(0, |sample| sample.cost.as_micros() as u64),
            health: Health::of(&cells),
            actors: cells.iter().map(|cell| Figures::of(cell, reading(cell))).collect(),
        }
    }

    /// One actor now.
    pub fn figures(&self, path: &str) -> Option<Figures> {
        let cell = self.shared.registry.find(path)?;
        Some(Figures::of(cell, self.latest().as_ref().and_then(|sample| sample.reading(path))))
    }

    fn keep(&self, sample: Arc<Sample>) {
        let mut history = self.shared.history.lock().unwrap_or_else(PoisonError::into_inner);
        if history.len() == self.shared.kept {
            history.pop_front();
        }
        history.push_back(sample.clone());
        drop(history);
        self.shared.latest.store(Some(sample));
    }
}

/// Parents before their children, siblings by name.
fn in_tree_order(registry: &Registry) -> Vec<&'static Cell> {
    let mut cells = registry.cells();
    cells.sort_by(|one, other| one.path.split('/').cmp(other.path.split('/')));
    cells
}

/// The meter actor.
pub struct MeterActor {
    /// Where samples are kept.
    pub meter: Meter,
    /// Who shows them.
    pub hub: Hub,
}

/// What the meter counts from; lost in a crash, and with it one sample's rates.
#[derive(Default)]
pub struct Before {
    at: Option<Instant>,
    counts: HashMap<&'static str, (u64, Duration)>,
}

impl Before {
    /// Works out what happened since, and remembers the present.
    fn read(&mut self, cells: &[&'static Cell]) -> Vec<Reading> {
        let now = Instant::now();
        let elapsed = self.at.replace(now).map(|before| now.duration_since(before).as_secs_f32());
        let mut reading = |cell: &&'static Cell| {
            let counts = (cell.handled(), cell.busy());
            let before = self.counts.insert(cell.path.as_str(), counts);
            let (rate, busy_pct) = match (elapsed, before) {
                (Some(elapsed), Some((handled, busy))) if elapsed > 0.0 => (
                    counts.0.saturating_sub(handled) as f32 / elapsed,
                    (counts.1.saturating_sub(busy).as_secs_f32() / elapsed * 100.0).min(100.0),
                ),
                _ => (0.0, 0.0),
            };
            Reading { path: cell.path.as_str(), depth: cell.depth(), rate, busy_pct }
        };
        cells.iter().map(&mut reading).collect()
    }
}

impl Behaviour for MeterActor {
    type Msg = MeterMsg;
    type State = Before;

    async fn init(&self, ctx: &Context<MeterMsg>) -> Result<Before, Failure> {
        ctx.every(EVERY, || MeterMsg::Sample);
        Ok(Before::default())
    }

    async fn handle(
        &self,
        _: &Context<MeterMsg>,
        MeterMsg::Sample: MeterMsg,
        before: &mut Before,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let shared = &self.meter.shared;
        let readings = before.read(&shared.registry.cells());
        let seq = shared.seq.fetch_add(1, Relaxed) + 1;
        let taken_at = shared.clock.now();
        let sample = Arc::new(Sample { seq, taken_at, cost: began.elapsed(), readings });
        self.meter.keep(sample);
        self.hub.show(&self.meter);
        Ok(())
    }

    fn view(&self, _: &Before) -> serde_json::Value {
        let history = self.meter.shared.history.lock().unwrap_or_else(PoisonError::into_inner).len();
        let cost = self.meter.latest().map_or(0, |sample| sample.cost.as_micros() as u64);
        serde_json::json!({
            "samples": self.meter.shared.seq.load(Relaxed), "history": history,
            "history_max": self.meter.shared.kept, "cost_us": cost,
        })
    }
}
