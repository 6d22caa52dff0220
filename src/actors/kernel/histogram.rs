//! A fixed-size histogram of durations with one writer: recording is two relaxed stores, reading never blocks.
//!
//! Buckets grow by a quarter of a power of two, so a percentile is at most 19 % too high.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Sub-buckets per power of two.
const STEPS: usize = 4;
/// 2^40 ns is 18 minutes: longer than any handler may run.
const BUCKETS: usize = 40 * STEPS;

/// Durations in nanoseconds, bucketed.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    max_ns: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), max_ns: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Records one duration. Only the owning actor may call this: the stores are not read-modify-write.
    pub fn record(&self, ns: u64) {
        let bucket = &self.buckets[bucket_of(ns)];
        bucket.store(bucket.load(Relaxed) + 1, Relaxed);
        if ns > self.max_ns.load(Relaxed) {
            self.max_ns.store(ns, Relaxed);
        }
    }

    /// The upper bound of the bucket that holds the given quantile (0..=1), in microseconds; 0 when empty.
    pub fn quantile_us(&self, quantile: f64) -> f64 {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return 0.0;
        }
        let rank = ((total as f64) * quantile).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_ns(index).min(self.max_ns.load(Relaxed) as f64) / 1_000.0;
            }
        }
        self.max_us()
    }

    /// The longest duration, in microseconds.
    pub fn max_us(&self) -> f64 {
        self.max_ns.load(Relaxed) as f64 / 1_000.0
    }
}

fn bucket_of(ns: u64) -> usize {
    let ns = ns.max(1);
    let power = 63 - ns.leading_zeros() as usize;
    let sub = if power >= 2 { ((ns >> (power - 2)) & 3) as usize } else { 0 };
    (power * STEPS + sub).min(BUCKETS - 1)
}

fn upper_ns(bucket: usize) -> f64 {
    let (power, sub) = (bucket / STEPS, bucket % STEPS);
    (2f64).powi(power as i32) * (1.0 + (sub as f64 + 1.0) / STEPS as f64)
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn quantiles_are_close_above_the_truth() {
        let histogram = Histogram::default();
        for us in 1..=1000u64 {
            histogram.record(us * 1000);
        }
        let p50 = histogram.quantile_us(0.5);
        assert!((500.0..=600.0).contains(&p50), "{p50}");
        let p99 = histogram.quantile_us(0.99);
        assert!((990.0..=1000.0).contains(&p99), "{p99}");
    }
}
