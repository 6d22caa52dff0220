//! Statements by label, the transaction pool, the read lanes.

use std::{fmt, sync::atomic::Ordering::Relaxed, time::Instant};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet},
    metrics::{
        MetricType,
        counter::ConstCounter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::{Registry, Unit},
};

use super::instruments::{Count, Counts, Labels, REQUEST, Timing, Timings, counts, label, timings};
use crate::db::{BUCKETS_US, Observer, StatementStats};

/// The figures that [`Observer`] keeps, read when scraped: `metrics.collect(Statements::new(observer))`.
#[derive(Debug)]
pub struct Statements(Observer);

impl Statements {
    /// Reads this observer.
    pub fn new(observer: Observer) -> Self {
        Self(observer)
    }

    fn counter(
        &self,
        encoder: &mut DescriptorEncoder,
        (name, help): (&str, &str),
        read: impl Fn(&StatementStats) -> u64,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (label, stats) in self.0.statements() {
            ConstCounter::new(read(&stats)).encode(family.encode_family(&[("statement", label)])?)?;
        }
        Ok(())
    }
}

impl Collector for Statements {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let encoder = &mut encoder;
        self.counter(encoder, ("sportello_db_rows", "Rows returned or changed"), |stats| {
            stats.rows.load(Relaxed)
        })?;
        self.counter(encoder, ("sportello_db_errors", "Failed statements"), |stats| {
            stats.errors.load(Relaxed)
        })?;
        self.counter(
            encoder,
            ("sportello_db_served", "Callers answered; lanes answer many at once"),
            |stats| stats.served.load(Relaxed),
        )?;
        let mut family = encoder.encode_descriptor(
            "sportello_db_statement_duration",
            "Statements by label",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (label, stats) in self.0.statements() {
            let bounds = BUCKETS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> =
                bounds.zip(&stats.buckets).map(|(bound, count)| (bound, count.load(Relaxed))).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let sum = stats.total_us.load(Relaxed) as f64 / 1e6;
            let labels = [("statement", label)];
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}

/// The transaction pool. Its size and use are read from it when scraped: see [`Pool::watch`].
#[derive(Clone)]
pub struct Pool {
    /// How long a lease was waited for.
    pub wait: Timing,
    /// Callers that got none in time.
    pub timeouts: Count,
    connections: Watched,
}

/// One pool's open, leased and waiting, once there is one.
type Watched = std::sync::Arc<std::sync::OnceLock<Box<dyn Fn() -> PoolUse + Send + Sync>>>;

/// How a pool is used right now.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolUse {
    /// Open connections.
    pub open: usize,
    /// Leased ones.
    pub leased: usize,
    /// Callers waiting for one.
    pub waiting: usize,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Pool {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let wait = timings(registry, "sportello_pool_wait", "Waiting for a connection", REQUEST);
        let wait = wait.get_or_create_owned(&Labels::new());
        let pool = Self { wait, timeouts: Count::default(), connections: Watched::default() };
        let help = "Callers that got no connection in time";
        registry.register("sportello_pool_timeouts", help, pool.timeouts.clone());
        registry.register_collector(Box::new(PoolGauges(pool.connections.clone())));
        pool
    }

    /// Reads the gauges with `read` from now on; the first pool that asks is the one that is shown.
    pub fn watch(&self, read: impl Fn() -> PoolUse + Send + Sync + 'static) {
        let _ = self.connections.set(Box::new(read)); // a restarted actor watches the same pool
    }
}

struct PoolGauges(Watched);

impl fmt::Debug for PoolGauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PoolGauges")
    }
}

impl Collector for PoolGauges {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let PoolUse { open, leased, waiting } = self.0.get().map(|read| read()).unwrap_or_default();
        let mut gauge = |name: &str, help: &str, value: usize| {
            let family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value as u64).encode(family)
        };
        gauge("sportello_pool_connections", "Open connections", open)?;
        gauge("sportello_pool_in_use", "Leased connections", leased)?;
        gauge("sportello_pool_waiting", "Callers waiting for a connection", waiting)
    }
}

/// The read lanes, each with its own handle.
#[derive(Debug)]
pub struct Lanes {
    batches: Counts,
    reads: Counts,
    in_flight: Family<Labels, Gauge>,
    flight: Timings,
}

impl Lanes {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let in_flight = Family::default();
        registry.register("sportello_lane_in_flight", "Batches on their way", Family::clone(&in_flight));
        Self {
            batches: counts(registry, "sportello_lane_batches", "Batches sent"),
            reads: counts(registry, "sportello_lane_reads", "Reads sent in batches"),
            flight: timings(registry, "sportello_lane_flight", "From sending a batch to its answer", REQUEST),
            in_flight,
        }
    }

    /// The handle of one lane, for example `point-0`.
    pub fn lane(&self, name: &str) -> Lane {
        let labels = label("lane", name.to_owned());
        Lane {
            batches: self.batches.get_or_create_owned(&labels),
            reads: self.reads.get_or_create_owned(&labels),
            in_flight: self.in_flight.get_or_create_owned(&labels),
            flight: self.flight.get_or_create_owned(&labels),
        }
    }
}

/// The counters of one lane. The mean size of a batch is reads by batches.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Batches sent.
    pub batches: Count,
    /// Reads sent.
    pub reads: Count,
    /// Batches on their way.
    pub in_flight: Gauge,
    /// How long a batch was on its way.
    pub flight: Timing,
}

impl Lane {
    /// Counts a batch that leaves; dropping what it returns counts it as landed, however it ended.
    pub fn sent(&self, reads: usize) -> Flight {
        self.batches.inc();
        self.reads.add(reads as u64);
        self.in_flight.inc();
        Flight { lane: self.clone(), began: Instant::now() }
    }
}

/// A batch on its way.
#[derive(Debug)]
pub struct Flight {
    lane: Lane,
    began: Instant,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.lane.in_flight.dec();
        self.lane.flight.record(self.began.elapsed());
    }
}
