//! What every statement costs: counted by label, slow ones logged.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use ahash::AHashMap;

/// Upper bounds of the duration buckets, in microseconds; the last bucket is open.
pub const BUCKETS_US: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_000_000];

/// Figures of one statement.
#[derive(Debug, Default)]
pub struct StatementStats {
    /// Executions.
    pub count: AtomicU64,
    /// Executions that failed.
    pub errors: AtomicU64,
    /// Rows returned or changed.
    pub rows: AtomicU64,
    /// Callers answered: more than executions where lanes batch.
    pub served: AtomicU64,
    /// Time spent, in microseconds.
    pub total_us: AtomicU64,
    /// Executions per bucket of [`BUCKETS_US`]; the last is the open one.
    pub buckets: [AtomicU64; BUCKETS_US.len() + 1],
}

/// Counts statements. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Observer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    slow: Duration,
    by_label: RwLock<AHashMap<&'static str, Arc<StatementStats>>>,
}

impl Observer {
    /// Logs statements slower than `slow`.
    pub fn new(slow: Duration) -> Self {
        Self(Arc::new(Inner { slow, by_label: RwLock::default() }))
    }

    /// Records one execution that answered `served` callers.
    pub fn record(&self, label: &'static str, took: Duration, served: usize, rows: Result<usize, ()>) {
        let stats = self.stats(label);
        let us = took.as_micros() as u64;
        stats.count.fetch_add(1, Relaxed);
        stats.served.fetch_add(served as u64, Relaxed);
        stats.total_us.fetch_add(us, Relaxed);
        stats.buckets[BUCKETS_US.partition_point(|bound| *bound < us)].fetch_add(1, Relaxed);
        match rows {
            Ok(rows) => stats.rows.fetch_add(rows as u64, Relaxed),
            Err(()) => stats.errors.fetch_add(1, Relaxed),
        };
        if took > self.0.slow {
            tracing::warn!(
                db.statement = label,
                db.ms = us / 1000,
                db.rows = rows.unwrap_or(0),
                "slow query"
            );
        }
    }

    fn stats(&self, label: &'static str) -> Arc<StatementStats> {
        let map = self.0.by_label.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(stats) = map.get(label) {
            return stats.clone();
        }
        drop(map);
        self.0.by_label.write().unwrap_or_else(PoisonError::into_inner).entry(label).or_default().clone()
    }

    /// Every statement seen so far, by label.
    pub fn statements(&self) -> Vec<(&'static str, Arc<StatementStats>)> {
        let map = self.0.by_label.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = map.iter().map(|(label, stats)| (*label, stats.clone())).collect();
        all.sort_by_key(|(label, _)| *label);
        all
    }
}
