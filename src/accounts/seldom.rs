//! What is said at most once a minute about one thing, however often it happens: nobody floods the audit log.

use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};
use moka::{ops::compute::Op, sync::Cache};

/// Nothing is said again within this.
pub(super) const SELDOM: SignedDuration = SignedDuration::from_mins(1);
/// Things remembered: some tens of bytes each. What is forgotten for want of room is said again.
const REMEMBERED_MAX: u64 = 100_000;

/// When each thing was said last, on this server.
pub struct Said<K>(Cache<K, Timestamp>);

impl<K: Hash + Eq + Send + Sync + 'static> Default for Said<K> {
    /// Nothing was said yet.
    fn default() -> Self {
        Self(Cache::new(REMEMBERED_MAX))
    }
}

impl<K: Hash + Eq + Send + Sync + 'static> Said<K> {
    /// Whether something is to be said again; of many who ask at once, one hears yes.
    pub fn is_due(&self, what: K, now: Timestamp) -> bool {
        let since = now.checked_sub(SELDOM).unwrap_or(Timestamp::MIN);
        let mut due = false;
        self.0.entry(what).and_compute_with(|last| {
            due = last.is_none_or(|last| *last.value() <= since);
            if due { Op::Put(now) } else { Op::Nop }
        });
        due
    }
}
