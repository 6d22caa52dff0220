//! The table of clients: for each, until when its bucket is not full. Bounded, and shared by all classes.
//!
//! A client whose time is over is the same as one never seen: forgetting it changes nothing, and the sweep does. When
//! more clients owe something than fit, room is made by forgetting the eighth that owes least (the idlest, in the
//! measure that counts); they get a full bucket back somewhat early. So a flood of addresses can wash out those who
//! made a few requests, but not those who are close to their limit, and neither grow the table nor lock anybody out.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use ahash::{AHashMap, RandomState};
use governor::{nanos::Nanos, state::StateStore};

use super::class::{Class, Key};

/// Shards are locked one at a time, for some ten nanoseconds: so many that threads seldom meet.
const SHARDS_MAX: usize = 64;
/// Smaller shards would fill unevenly.
const SHARD_MIN: usize = 256;
/// Room is made for one in so many at once: finding who owes least looks at a whole shard.
const MAKE_ROOM: usize = 8;

type Client = (Class, Key);
/// Nanoseconds after the start of the limiter at which the bucket is full.
type FullAt = u64;

/// Who has used how much of which quota.
#[derive(Debug)]
pub(super) struct Table {
    shards: Box<[Mutex<AHashMap<Client, FullAt>>]>,
    per_shard: usize,
    hasher: RandomState,
    len: AtomicUsize,
    washed_out: AtomicU64,
}

impl Table {
    pub(super) fn new(max: usize) -> Self {
        let shards = (max / SHARD_MIN).clamp(1, SHARDS_MAX);
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            per_shard: (max / shards).max(1),
            hasher: RandomState::new(),
            len: AtomicUsize::new(0),
            washed_out: AtomicU64::new(0),
        }
    }

    fn shard(&self, client: &Client) -> MutexGuard<'_, AHashMap<Client, FullAt>> {
        lock(&self.shards[self.hasher.hash_one(client) as usize % self.shards.len()])
    }

    /// When this client's bucket is full; `None` if it is.
    pub(super) fn full_at(&self, client: &Client) -> Option<FullAt> {
        self.shard(client).get(client).copied()
    }

    /// Clients remembered.
    pub(super) fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    /// Clients forgotten early because the table was full.
    pub(super) fn washed_out(&self) -> u64 {
        self.washed_out.load(Relaxed)
    }

    /// Forgets everybody whose bucket is full at `now`.
    pub(super) fn sweep(&self, now: FullAt) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let before = shard.len();
            shard.retain(|_, full_at| *full_at > now);
            self.len.fetch_sub(before - shard.len(), Relaxed);
            // After a flood: memory goes back.
            if shard.capacity() > 4 * shard.len().max(SHARD_MIN) {
                shard.shrink_to_fit();
            }
        }
    }

    fn make_room(&self, shard: &mut AHashMap<Client, FullAt>) {
        let mut least = shard.values().copied().collect::<Vec<_>>();
        let mut leaving = (least.len() / MAKE_ROOM).max(1);
        let (_, threshold, _) = least.select_nth_unstable(leaving - 1);
        let before = shard.len();
        shard.retain(|_, full_at| {
            let leaves = leaving > 0 && *full_at <= *threshold;
            leaving -= usize::from(leaves);
            !leaves
        });
        let gone = before - shard.len();
        self.len.fetch_sub(gone, Relaxed);
        self.washed_out.fetch_add(gone as u64, Relaxed);
    }
}

/// A panic elsewhere leaves a map of numbers as good as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The table, as governor's limiters see it.
#[derive(Debug, Clone)]
pub(super) struct Store(pub(super) Arc<Table>);

impl StateStore for Store {
    type Key = Client;

    fn measure_and_replace<T, F, E>(&self, client: &Client, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let table = &*self.0;
        let mut shard = table.shard(client);
        let known = shard.get_mut(client);
        let (outcome, full_at) = measure(known.as_deref().copied().map(Nanos::from))?;
        if let Some(known) = known {
            *known = full_at.into();
            return Ok(outcome);
        }
        if shard.len() >= table.per_shard {
            table.make_room(&mut shard);
        }
        shard.insert(*client, full_at.into());
        table.len.fetch_add(1, Relaxed);
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use governor::{nanos::Nanos, state::StateStore as _};

    use super::{Class, Key, Store, Table};

    fn client(n: u32) -> (Class, Key) {
        (Class::Anonymous, Key::Address(std::net::Ipv4Addr::from_bits(n).into()))
    }

    fn put(store: &Store, n: u32, full_at: u64) {
        let put = store.measure_and_replace(&client(n), |_| Ok::<_, ()>(((), Nanos::from(full_at))));
        put.unwrap();
    }

    #[test]
    fn a_full_table_forgets_those_who_owe_least_and_never_grows() {
        let store = Store(Arc::new(Table::new(16)));
        for n in 0..16 {
            put(&store, n, 1_000 - u64::from(n));
        }
        assert_eq!(store.0.len(), 16);
        put(&store, 100, 5_000);
        assert_eq!((store.0.len(), store.0.washed_out()), (15, 2), "an eighth made room for one");
        assert_eq!((store.0.full_at(&client(15)), store.0.full_at(&client(14))), (None, None));
        assert_eq!(store.0.full_at(&client(0)), Some(1_000), "who owes most is remembered");
        for n in 1_000..9_000 {
            put(&store, n, 10);
            assert!(store.0.len() <= 16);
        }
        assert_eq!(store.0.full_at(&client(100)), Some(5_000));
    }

    #[test]
    fn the_bound_holds_for_any_size() {
        for max in [1, 2, 300, 1_000] {
            let store = Store(Arc::new(Table::new(max)));
            for n in 0..3_000 {
                put(&store, n, u64::from(n));
            }
            assert!((1..=max).contains(&store.0.len()), "{max}: {}", store.0.len());
        }
    }

    #[test]
    fn a_sweep_forgets_full_buckets_only() {
        let store = Store(Arc::new(Table::new(1_000)));
        for n in 0..500 {
            put(&store, n, u64::from(n));
        }
        store.0.sweep(99);
        assert_eq!((store.0.len(), store.0.washed_out()), (400, 0));
        assert_eq!(store.0.full_at(&client(99)), None);
        assert_eq!(store.0.full_at(&client(100)), Some(100));
    }
}
