//! Counters and histograms that many threads write at once without getting into each other's way.
//!
//! The histogram of the client library takes a mutex for every observation; these spread over a few cache lines and
//! are summed when scraped.

use std::{
    borrow::Cow,
    cell::Cell,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric, counter::ConstCounter, family::Family, family::MetricConstructor},
    registry::{Registry, Unit},
};

/// Label names and values. Built once per handle, never while recording.
pub(super) type Labels = Vec<(&'static str, Cow<'static, str>)>;
/// Counters by label.
pub(super) type Counts = Family<Labels, Count>;
/// Histograms by label.
pub(super) type Timings = Family<Labels, Timing, Bounds>;

/// Threads write to one of so many copies: about the worker threads of a small machine.
const SHARDS: usize = 8;

/// Seconds: from a cache hit to the deadline of a request.
pub(super) const REQUEST: Bounds = Bounds(&[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
]);
#[repr(align(128))]
#[derive(Debug, Default)]
struct Padded(AtomicU64);

/// The copy that this thread writes to.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Relaxed) % SHARDS));
    MINE.with(Cell::get)
}

/// A counter. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Count(Arc<[Padded; SHARDS]>);

impl Count {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `by`.
    pub fn add(&self, by: u64) {
        self.0[shard()].0.fetch_add(by, Relaxed);
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.iter().map(|shard| shard.0.load(Relaxed)).sum()
    }
}

impl TypedMetric for Count {
    const TYPE: MetricType = MetricType::Counter;
}

impl EncodeMetric for Count {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        ConstCounter::new(self.get()).encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

/// The upper bounds of a histogram's buckets, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds(&'static [f64]);

impl MetricConstructor<Timing> for Bounds {
    fn new_metric(&self) -> Timing {
        Timing::new(*self)
    }
}

/// A histogram of durations. Clones share it.
#[derive(Debug, Clone)]
pub struct Timing(Arc<[Shard; SHARDS]>, Bounds);

#[repr(align(128))]
#[derive(Debug)]
struct Shard {
    sum_ns: AtomicU64,
    /// One more than the bounds: the last is beyond all of them.
    buckets: Box<[AtomicU64]>,
}

impl Timing {
    fn new(bounds: Bounds) -> Self {
        let shard = |_| Shard {
            sum_ns: AtomicU64::new(0),
            buckets: (0..=bounds.0.len()).map(|_| AtomicU64::new(0)).collect(),
        };
        Self(Arc::new(std::array::from_fn(shard)), bounds)
    }

    /// Counts one duration.
    pub fn record(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = self.1.0.partition_point(|bound| *bound < seconds);
        let shard = &self.0[shard()];
        shard.buckets[bucket].fetch_add(1, Relaxed);
        shard.sum_ns.fetch_add(took.as_nanos() as u64, Relaxed);
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.0.iter().flat_map(|shard| &shard.buckets).map(|bucket| bucket.load(Relaxed)).sum()
    }
}

impl TypedMetric for Timing {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Timing {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = self.1.0.iter().copied().chain([f64::INFINITY]);
        let sum_of =
            |index: usize| self.0.iter().map(|shard| shard.buckets[index].load(Relaxed)).sum::<u64>();
        let buckets: Vec<(f64, u64)> =
            bounds.enumerate().map(|(index, bound)| (bound, sum_of(index))).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.0.iter().map(|shard| shard.sum_ns.load(Relaxed)).sum::<u64>() as f64 / 1e9;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

/// Registers counters by label.
pub(super) fn counts(registry: &mut Registry, name: &str, help: &str) -> Counts {
    let family = Counts::default();
    registry.register(name, help, family.clone());
    family
}

/// Registers histograms of seconds by label.
pub(super) fn timings(registry: &mut Registry, name: &str, help: &str, bounds: Bounds) -> Timings {
    let family = Timings::new_with_constructor(bounds);
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

/// One label.
pub(super) fn label(name: &'static str, value: impl Into<Cow<'static, str>>) -> Labels {
    vec![(name, value.into())]
}

/// Two labels.
pub(super) fn labels(
    (first, a): (&'static str, impl Into<Cow<'static, str>>),
    (second, b): (&'static str, impl Into<Cow<'static, str>>),
) -> Labels {
    vec![(first, a.into()), (second, b.into())]
}
