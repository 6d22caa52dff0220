//! What is said at most once a minute about one thing, however often it happens: nobody floods the audit log.
//!
//! What has to be said before something is done is asked for with [`Said::due`], and counts only once it was said. What is said
//! while the answer goes its way ([`Said::is_due`]) counts at once: it is about refusals, and is said again after a minute.

use std::{hash::Hash, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Nothing is said again within this.
pub(super) const SELDOM: SignedDuration = SignedDuration::from_mins(1);
/// Things remembered: some hundred bytes each. What is forgotten for want of room is said again.
const REMEMBERED_MAX: u64 = 100_000;

/// When a thing was said last; who says it holds it.
type Last = Arc<Mutex<Option<Timestamp>>>;

/// When each thing was said last, on this server.
pub struct Said<K>(Cache<K, Last>);

impl<K: Hash + Ord + Clone + Send + Sync + 'static> Default for Said<K> {
    /// Nothing was said yet.
    fn default() -> Self {
        Self(Cache::new(REMEMBERED_MAX))
    }
}

impl<K: Hash + Ord + Clone + Send + Sync + 'static> Said<K> {
    /// Whether something is to be said again; of many who ask at once, one hears yes.
    pub fn is_due(&self, what: K, now: Timestamp) -> bool {
        let last = self.0.get_with(what, Arc::default);
        // Who holds it is saying it.
        let Ok(mut last) = last.try_lock() else { return false };
        let due = is_due(*last, now);
        if due {
            *last = Some(now);
        }
        due
    }

    /// Which of these are to be said again. Whoever asks about one of them meanwhile waits until they were said: then it is not
    /// due any more; or until that has failed, or was given up: then it is due to the next.
    pub async fn due(&self, mut what: Vec<K>, now: Timestamp) -> Due<K> {
        // In one order: two who ask about the same never wait for each other in a circle.
        what.sort_unstable();
        what.dedup();
        let mut turns = Vec::with_capacity(what.len());
        for key in what {
            let last = self.0.get_with(key.clone(), Arc::default).lock_owned().await;
            if is_due(*last, now) {
                turns.push((key, last));
            }
        }
        Due { now, turns }
    }
}

fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    let since = now.checked_sub(SELDOM).unwrap_or(Timestamp::MIN);
    last.is_none_or(|last| last <= since)
}

/// What is to be said by whoever holds this.
#[must_use = "what is due is to be said"]
pub struct Due<K> {
    now: Timestamp,
    turns: Vec<(K, OwnedMutexGuard<Option<Timestamp>>)>,
}

impl<K> Due<K> {
    /// Whether everything was said a moment ago.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The things, in their order.
    pub fn things(&self) -> impl Iterator<Item = &K> {
        self.turns.iter().map(|(key, _)| key)
    }

    /// They were said.
    pub fn said(mut self) {
        for (_, last) in &mut self.turns {
            **last = Some(self.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;
    use jiff::{SignedDuration, Timestamp};

    use super::Said;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[tokio::test]
    async fn what_could_not_be_said_is_due_to_the_next() {
        let said = Said::default();
        let due = said.due(vec![1, 2], NOW).await;
        assert_eq!(due.things().copied().collect::<Vec<_>>(), [1, 2]);
        drop(due);
        let due = said.due(vec![2], NOW).await;
        assert!(!due.is_empty(), "nobody has said it");
        due.said();
        assert!(said.due(vec![2], NOW).await.is_empty());
        assert_eq!(said.due(vec![1, 2], NOW).await.things().copied().collect::<Vec<_>>(), [1]);
        let later = NOW + SignedDuration::from_mins(1);
        assert!(!said.due(vec![2], later).await.is_empty());
    }

    #[tokio::test]
    async fn who_asks_while_it_is_being_said_waits_for_the_end_of_it() {
        let said = Said::default();
        let due = said.due(vec![1], NOW).await;
        assert!(!said.is_due(1, NOW), "somebody is saying it");
        let mut other = pin!(said.due(vec![1], NOW));
        assert!(other.as_mut().now_or_never().is_none());
        drop(due);
        assert!(!other.await.is_empty(), "the first has failed: the second says it");
    }
}
