//! How handlers ask the cache.

use std::{future::Future, sync::Arc, time::Duration};

use ahash::RandomState;
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use super::{
    entry::{Entry, Value},
    shard::{CacheMsg, Loaded, Loader, Missing, Source},
    tags::{Tag, Tags},
};
use crate::{
    actors::kernel::{CallError, Handle},
    clock::Clock,
    config::sections,
    db::DbError,
    metrics, scope,
};

/// Entries by their keys; the shards publish it through the handle.
pub(super) type Table<V> = moka::sync::Cache<String, Arc<Entry<V>>, RandomState>;

/// A known answer is served stale when its load takes longer: a database that hangs must not hang its readers.
const SLOW_LOAD: Duration = Duration::from_secs(1);
/// After a failed load the known answer is served for so long before the next try.
const AFTER_ERROR: SignedDuration = SignedDuration::from_millis(250);
/// And after a slow one.
const AFTER_SLOW: SignedDuration = SignedDuration::from_secs(2);

/// A kind of answers, and how long they are fresh.
#[derive(Debug, Clone)]
pub struct Namespace {
    name: &'static str,
    ttl: Duration,
    figures: metrics::Namespace,
}

impl Namespace {
    /// Answers of this name are fresh for `ttl`.
    pub fn new(name: &'static str, ttl: Duration, metrics: &metrics::Cache) -> Self {
        Self { name, ttl, figures: metrics.namespace(name) }
    }

    fn key(&self, key: &str) -> String {
        [self.name, ":", key].concat()
    }
}

/// The cache. Cheap to clone.
pub struct Cache<V: Value>(Arc<Parts<V>>);

pub(super) struct Parts<V: Value> {
    pub(super) table: Table<V>,
    pub(super) tags: Tags,
    pub(super) clock: Clock,
    pub(super) config: sections::Cache,
    shards: Vec<Handle<CacheMsg<V>>>,
    hasher: RandomState,
}

impl<V: Value> Clone for Cache<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Value> Cache<V> {
    /// A cache whose misses are loaded by these shards.
    pub fn new(shards: Vec<Handle<CacheMsg<V>>>, tags: Tags, clock: Clock, config: &sections::Cache) -> Self {
        let table = moka::sync::Cache::builder()
            .max_capacity(*config.max_bytes as u64)
            .weigher(|key: &String, entry: &Arc<Entry<V>>| entry.weight(key))
            .time_to_live(longest_life(config))
            .build_with_hasher(RandomState::new());
        // Fixed seeds: a key's shard is the same after a restart, which makes the console readable.
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        Self(Arc::new(Parts { table, tags, clock, config: config.clone(), shards, hasher }))
    }

    /// The shards' handles.
    pub fn shards(&self) -> &[Handle<CacheMsg<V>>] {
        &self.0.shards
    }

    /// What answers depend on.
    pub fn tags(&self) -> &Tags {
        &self.0.tags
    }

    /// Makes answers outdated that depend on one of these: call it after the commit.
    pub fn invalidate(&self, tags: &[Tag<'_>]) {
        self.0.tags.invalidate(tags);
    }

    /// Entries and bytes in memory, about.
    pub fn size(&self) -> (u64, u64) {
        (self.0.table.entry_count(), self.0.table.weighted_size())
    }

    pub(super) fn parts(&self) -> &Parts<V> {
        &self.0
    }

    /// The answer for `key`: kept, or loaded once for everybody who asks meanwhile. `None` when there is no such thing.
    ///
    /// `load` reads the database; it is called again if the shard that runs it dies.
    pub async fn get<F>(
        &self,
        namespace: &Namespace,
        key: &str,
        tags: &[Tag<'_>],
        load: impl Fn() -> F,
    ) -> Result<Option<Arc<V>>, DbError>
    where
        F: Future<Output = Result<Option<V>, DbError>> + Send + 'static,
    {
        if !self.0.config.enabled {
            return Ok(load().await?.map(Arc::new));
        }
        let name = namespace.key(key);
        let known = self.0.table.get(&name);
        if let Some(entry) = &known
            && self.may_serve(namespace, &name, entry)
        {
            return Ok(entry.value.clone());
        }
        let known = known.filter(|entry| entry.may_be_stale(self.0.clock.now()));
        let loading = self.load(namespace, name, tags, load);
        let Some(entry) = known else { return loading.await };
        let pause = match timeout(SLOW_LOAD, loading).await {
            Ok(Err(error)) if error.is_unavailable() => AFTER_ERROR,
            Ok(answer) => return answer,
            Err(_) => AFTER_SLOW, // the shard goes on loading; what lands ends the pause
        };
        entry.wait_until(self.0.clock.now().saturating_add(pause).unwrap_or(Timestamp::MAX));
        namespace.figures.stale.inc();
        Ok(entry.value.clone())
    }

    /// The answer for `key` if it is kept and fresh: what [`Cache::get`] would give at once, and counted like it.
    pub fn kept(&self, namespace: &Namespace, key: &str) -> Option<Arc<V>> {
        if !self.0.config.enabled {
            return None;
        }
        let name = namespace.key(key);
        let entry = self.0.table.get(&name)?;
        let is_fresh = self.0.clock.now() < entry.fresh_until && self.0.tags.are_current(&entry.stamps);
        let may_serve = is_fresh && entry.value.is_some() && self.may_serve(namespace, &name, &entry);
        may_serve.then(|| entry.value.clone()).flatten()
    }

    /// Whether a known entry is good without a load; counts it then.
    fn may_serve(&self, namespace: &Namespace, name: &str, entry: &Entry<V>) -> bool {
        let now = self.0.clock.now();
        let is_current = self.0.tags.are_current(&entry.stamps);
        if is_current && now < entry.fresh_until {
            if entry.earns_improvement() {
                let _ = self.shard(name).send(CacheMsg::Improve { key: name.to_owned() }); // a later hit pays
            }
            let count =
                if entry.value.is_some() { &namespace.figures.hit } else { &namespace.figures.negative };
            count.inc();
            return true;
        }
        if !is_current {
            namespace.figures.invalidated.inc();
        }
        let is_stale = entry.is_waiting(now) && entry.may_be_stale(now);
        if is_stale {
            namespace.figures.stale.inc();
        }
        is_stale
    }

    async fn load<F>(
        &self,
        namespace: &Namespace,
        key: String,
        tags: &[Tag<'_>],
        load: impl Fn() -> F,
    ) -> Result<Option<Arc<V>>, DbError>
    where
        F: Future<Output = Result<Option<V>, DbError>> + Send + 'static,
    {
        let shard = self.shard(&key);
        let missing = Missing {
            key,
            tags: tags.iter().map(ToString::to_string).collect(),
            ttl: namespace.ttl,
            load: Box::pin(load()) as Loader<V>,
        };
        match shard.call(|reply| CacheMsg::Load { missing: Box::new(missing), reply }).await {
            Ok(Ok(Loaded { value, source, queries, rows, took })) => {
                let figures = &namespace.figures;
                match source {
                    Source::Load => figures.miss.inc(),
                    Source::Second => figures.hit_redis.inc(),
                    Source::Joined => figures.coalesced.inc(),
                }
                if queries > 0 {
                    scope::count_query(rows as usize, took);
                }
                Ok(value)
            }
            Ok(Err(error)) => Err(error),
            Err(CallError::Overloaded) => Err(DbError::Overloaded),
            // A read may be repeated: the lanes are bounded themselves.
            Err(CallError::Down | CallError::Crashed) => {
                namespace.figures.miss.inc();
                Ok(load().await?.map(Arc::new))
            }
        }
    }

    fn shard(&self, key: &str) -> &Handle<CacheMsg<V>> {
        &self.0.shards[self.0.hasher.hash_one(key) as usize % self.0.shards.len()]
    }
}

/// No entry is of use for longer: fresh, then stale while loads fail.
fn longest_life(config: &sections::Cache) -> Duration {
    let fresh = (*config.ttl_list).max(*config.ttl_detail).max(*config.ttl_negative);
    fresh.saturating_add(*config.stale_if_error)
}
