//! How values are distributed: counters by bucket, for what the engine measures often.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Upper bounds of waiting times, in microseconds: from a hand-over to a night.
pub(super) const WAITS_US: [u64; 12] = [
    250,
    1_000,
    5_000,
    25_000,
    100_000,
    500_000,
    2_000_000,
    10_000_000,
    60_000_000,
    600_000_000,
    3_600_000_000,
    28_800_000_000,
];
/// Upper bounds of batches, in jobs.
pub(super) const SIZES: [u64; 10] = [1, 2, 5, 10, 25, 50, 100, 200, 500, 1000];

/// Counts values by bucket.
#[derive(Debug)]
pub struct Distribution {
    bounds: &'static [u64],
    /// One more than the bounds: the last is open.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Distribution {
    /// With these upper bounds, ascending.
    pub fn new(bounds: &'static [u64]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, buckets, sum: AtomicU64::new(0) }
    }

    /// Counts one value.
    pub fn record(&self, value: u64) {
        self.sum.fetch_add(value, Relaxed);
        self.buckets[self.bounds.partition_point(|bound| *bound < value)].fetch_add(1, Relaxed);
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    /// Their sum.
    pub fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }

    /// Upper bounds with their counts; `None` is the open bucket.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.buckets.iter().map(|bucket| bucket.load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_up_to_and_with_their_bound() {
        let sizes = Distribution::new(&SIZES);
        for value in [1, 2, 3, 1000, 1001] {
            sizes.record(value);
        }
        let counted: Vec<_> = sizes.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(Some(1), 1), (Some(2), 1), (Some(5), 1), (Some(1000), 1), (None, 1)]);
        assert_eq!((sizes.count(), sizes.sum()), (5, 2007));
    }
}
