//! Ids of jobs: 63-bit numbers ordered by time, made by the process that enqueues.
//!
//! 41 bits of milliseconds since 2025, 11 bits of node, 11 bits of sequence. Workers take their node from their row in
//! `job.worker` (two that live at once differ unless 1024 boots lie between them); processes that only enqueue draw one
//! from the other half. The sequence overflows into the milliseconds: ids of one process only grow, also when its
//! clock steps back.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use jiff::Timestamp;
use postgres_types::{FromSql, ToSql};
use serde::Serialize;

/// 2025-01-01T00:00:00Z in milliseconds.
const EPOCH_MS: i64 = 1_735_689_600_000;
const NODE_BITS: u32 = 11;
const SEQUENCE_BITS: u32 = 11;
/// Nodes below this number are workers, the others only enqueue.
const WORKERS: i64 = 1 << (NODE_BITS - 1);

/// The id of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSql, FromSql)]
#[postgres(transparent)]
pub struct JobId(pub i64);

impl JobId {
    /// No id made from `at` on is below this number.
    pub fn earliest(at: Timestamp) -> i64 {
        let ms = (at.as_millisecond() - EPOCH_MS).clamp(0, i64::MAX >> (NODE_BITS + SEQUENCE_BITS));
        ms << (NODE_BITS + SEQUENCE_BITS)
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// As a string: larger than JavaScript's safe integers.
impl Serialize for JobId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Makes ids.
#[derive(Debug)]
pub(super) struct IdSource {
    node: AtomicI64,
    /// Milliseconds and sequence of the last id.
    last: AtomicI64,
}

impl IdSource {
    /// A source of a process that is not (yet) a worker; `entropy` draws its node.
    pub(super) fn new(entropy: u64) -> Self {
        let node = WORKERS + (entropy % WORKERS as u64) as i64;
        Self { node: AtomicI64::new(node), last: AtomicI64::new(0) }
    }

    /// From now on this process is that worker.
    pub(super) fn become_worker(&self, worker: i64) {
        self.node.store(worker % WORKERS, Relaxed);
    }

    /// The next `count` ids; they grow.
    pub(super) fn take(&self, now: Timestamp, count: usize) -> impl Iterator<Item = JobId> + use<> {
        let (count, node) = (count as i64, self.node.load(Relaxed));
        let now = (now.as_millisecond() - EPOCH_MS).max(0) << SEQUENCE_BITS;
        let next = |last: i64| Some(now.max(last + 1) + count - 1);
        let last = match self.last.fetch_update(Relaxed, Relaxed, next) {
            Ok(last) | Err(last) => last,
        };
        let first = now.max(last + 1);
        (first..first + count).map(move |n| {
            let (ms, sequence) = (n >> SEQUENCE_BITS, n & ((1 << SEQUENCE_BITS) - 1));
            JobId((((ms << NODE_BITS) | node) << SEQUENCE_BITS) | sequence)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_also_when_the_sequence_overflows_and_the_clock_steps_back() {
        let ids = IdSource::new(7);
        ids.become_worker(5);
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let mut all: Vec<_> = ids.take(now, 5000).collect();
        all.extend(ids.take(now - jiff::SignedDuration::from_secs(60), 10));
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(all[0].0 > 0);
        assert_eq!(all.len(), 5010);
    }

    #[test]
    fn two_nodes_never_make_the_same_id_in_the_same_instant() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let (one, other) = (IdSource::new(0), IdSource::new(1));
        assert!(one.take(now, 100).all(|id| !other.take(now, 100).any(|it| it == id)));
    }
}
