//! What is kept of an answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::tags::Stamps;

/// An answer was asked for so often that it is worth compressing with effort.
const IMPROVE_AFTER: u32 = 8;
/// What the table itself costs per entry, about.
const OVERHEAD: usize = 256;

/// What a cache can keep.
pub trait Value: Sized + Send + Sync + 'static {
    /// Bytes in memory.
    fn weight(&self) -> usize;
    /// The same content, compressed with effort; called outside the runtime's threads.
    #[must_use]
    fn improved(&self) -> Self;
    /// The same content, whether compressed or not.
    fn same_content(&self, other: &Self) -> bool;
    /// For another node.
    fn encode(&self) -> Vec<u8>;
    /// From another node; `None` when it is not what [`Self::encode`] writes.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// A kept answer; `None` is "there is no such thing".
pub struct Entry<V> {
    pub(super) value: Option<Arc<V>>,
    pub(super) stamps: Stamps,
    pub(super) fresh_until: Timestamp,
    keep_until: Timestamp,
    retry_at: AtomicI64,
    hits: AtomicU32,
    is_improved: bool,
}

impl<V: Value> Entry<V> {
    pub(super) fn new(
        value: Option<Arc<V>>,
        stamps: Stamps,
        fresh_until: Timestamp,
        stale: Duration,
    ) -> Self {
        Self {
            value,
            stamps,
            fresh_until,
            keep_until: fresh_until.saturating_add(stale).unwrap_or(Timestamp::MAX),
            retry_at: AtomicI64::new(i64::MIN),
            hits: AtomicU32::new(0),
            is_improved: false,
        }
    }

    /// The same answer in its best form.
    pub(super) fn improve(&self) -> Self {
        Self { is_improved: true, ..self.with(self.value.as_ref().map(|value| Arc::new(value.improved()))) }
    }

    /// This entry, as the successor of `known`: equal content keeps the form that was paid for already.
    pub(super) fn succeeding(self, known: Option<&Self>) -> Self {
        let (Some(value), Some(known)) = (&self.value, known) else { return self };
        match &known.value {
            Some(old) if known.is_improved && old.same_content(value) => {
                Self { is_improved: true, ..self.with(Some(old.clone())) }
            }
            _ => self,
        }
    }

    fn with(&self, value: Option<Arc<V>>) -> Self {
        Self {
            value,
            stamps: self.stamps.clone(),
            fresh_until: self.fresh_until,
            keep_until: self.keep_until,
            retry_at: AtomicI64::new(i64::MIN),
            hits: AtomicU32::new(self.hits.load(Relaxed)),
            is_improved: self.is_improved,
        }
    }

    /// May be served when its load fails or hangs.
    pub(super) fn may_be_stale(&self, now: Timestamp) -> bool {
        now < self.keep_until
    }

    /// A load has just failed or hangs: there is no point in trying again at once.
    pub(super) fn is_waiting(&self, now: Timestamp) -> bool {
        now.as_microsecond() < self.retry_at.load(Relaxed)
    }

    pub(super) fn wait_until(&self, retry: Timestamp) {
        self.retry_at.store(retry.as_microsecond(), Relaxed);
    }

    /// Counts a hit; true for the one that earns the effort of compressing.
    pub(super) fn earns_improvement(&self) -> bool {
        !self.is_improved && self.value.is_some() && self.hits.fetch_add(1, Relaxed) + 1 == IMPROVE_AFTER
    }

    pub(super) fn weight(&self, key: &str) -> u32 {
        let value = self.value.as_ref().map_or(0, |value| value.weight());
        u32::try_from(value + key.len() + OVERHEAD).unwrap_or(u32::MAX)
    }
}
