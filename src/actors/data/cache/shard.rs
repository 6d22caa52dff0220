//! A shard of the cache: loads what is missing, each key once at a time, and compresses what is asked for often.
//!
//! A crash loses the loads in flight: whoever waits hears it and reads the database himself, once. The table survives,
//! because it belongs to the handle.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use ahash::AHashMap;
use jiff::Timestamp;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    entry::{Entry, Value},
    handle::Cache,
    second::Found,
    tags::Stamps,
};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, Message, Reply, fly},
    db::DbError,
    scope::Scope,
};

/// Answers that all shards compress with effort at once: each needs megabytes and a processor for a moment.
static IMPROVING: Semaphore = Semaphore::const_new(2);
/// A load may not take longer, whoever waits: many may wait for it.
const LOAD_DEADLINE: Duration = Duration::from_secs(5);

/// A load on its way to its shard.
pub(super) type Loader<V> = Pin<Box<dyn Future<Output = Result<Option<V>, DbError>> + Send>>;

/// What to load.
pub struct Missing<V> {
    pub(super) key: String,
    pub(super) tags: Vec<String>,
    pub(super) ttl: Duration,
    pub(super) load: Loader<V>,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The database.
    Load,
    /// The second level.
    Second,
    /// Somebody else's load.
    Joined,
}

/// What a load brought, and what it cost.
#[derive(Debug)]
pub struct Loaded<V> {
    pub(super) value: Option<Arc<V>>,
    pub(super) source: Source,
    pub(super) queries: u32,
    pub(super) rows: u32,
    pub(super) took: Duration,
}

impl<V> Clone for Loaded<V> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), ..*self }
    }
}

type Outcome<V> = Result<Loaded<V>, DbError>;

/// Messages of a shard.
pub enum CacheMsg<V> {
    /// Load an answer, or wait for the load that is under way.
    Load {
        /// What to load.
        missing: Box<Missing<V>>,
        /// Where the answer goes.
        reply: Reply<Outcome<V>>,
    },
    /// A load has ended.
    Landed {
        /// Which.
        flight: u64,
        /// Its entry; `None` when the load panicked.
        outcome: Option<Result<Landing<V>, DbError>>,
    },
    /// An answer is asked for often.
    Improve {
        /// Its key.
        key: String,
    },
    /// It is compressed now.
    Improved {
        /// Its key.
        key: String,
        /// `None` when it failed.
        change: Option<Improvement<V>>,
    },
}

/// An entry that was compressed with effort.
pub struct Improvement<V> {
    before: Arc<Entry<V>>,
    after: Arc<Entry<V>>,
}

/// The entry a load made, and what it cost.
pub struct Landing<V> {
    entry: Entry<V>,
    /// What the second level said, if it is to keep this entry.
    keep: Option<Found<V>>,
    source: Source,
    queries: u32,
    rows: u32,
    took: Duration,
}

impl<V: Value> Message for CacheMsg<V> {
    const KINDS: &'static [&'static str] = &["Load", "Landed", "Improve", "Improved"];

    fn kind(&self) -> usize {
        match self {
            Self::Load { .. } => 0,
            Self::Landed { .. } => 1,
            Self::Improve { .. } => 2,
            Self::Improved { .. } => 3,
        }
    }
}

/// One shard.
pub struct CacheShard<V: Value>(pub Cache<V>);

/// What a shard loses when it dies.
pub struct ShardState<V> {
    flights: AHashMap<u64, Flight<V>>,
    /// The flight of a key that others may still join.
    latest: AHashMap<String, u64>,
    last: u64,
}

struct Flight<V> {
    key: String,
    stamps: Stamps,
    waiting: Vec<Reply<Outcome<V>>>,
}

impl<V: Value> Behaviour for CacheShard<V> {
    type Msg = CacheMsg<V>;
    type State = ShardState<V>;

    async fn init(&self, _: &Context<CacheMsg<V>>) -> Result<ShardState<V>, Failure> {
        Ok(ShardState { flights: AHashMap::new(), latest: AHashMap::new(), last: 0 })
    }

    async fn handle(
        &self,
        ctx: &Context<CacheMsg<V>>,
        message: CacheMsg<V>,
        state: &mut ShardState<V>,
    ) -> Result<(), Failure> {
        match message {
            CacheMsg::Load { missing, reply } => self.load(ctx, state, *missing, reply),
            CacheMsg::Landed { flight, outcome } => self.land(ctx, state, flight, outcome),
            CacheMsg::Improve { key } => self.improve(ctx, key),
            CacheMsg::Improved { key, change } => {
                if let Some(Improvement { before, after }) = change {
                    let table = &self.0.parts().table;
                    if table.get(&key).is_some_and(|now| Arc::ptr_eq(&now, &before)) {
                        table.insert(key, after);
                    }
                }
            }
        }
        Ok(())
    }

    fn view(&self, state: &ShardState<V>) -> serde_json::Value {
        let waiting: usize = state.flights.values().map(|flight| flight.waiting.len()).sum();
        let (entries, bytes) = self.0.size();
        serde_json::json!({
            "loads_flying": state.flights.len(), "waiting": waiting, "loads_begun": state.last,
            "entries_of_all_shards": entries, "bytes_of_all_shards": bytes,
        })
    }
}

impl<V: Value> CacheShard<V> {
    fn load(
        &self,
        ctx: &Context<CacheMsg<V>>,
        state: &mut ShardState<V>,
        missing: Missing<V>,
        reply: Reply<Outcome<V>>,
    ) {
        let parts = self.0.parts();
        // Who asks after a write must not join a load that began before it.
        let joinable = state.latest.get(&missing.key).and_then(|id| state.flights.get_mut(id));
        if let Some(flight) = joinable.filter(|flight| parts.tags.are_current(&flight.stamps)) {
            flight.waiting.push(reply);
            return;
        }
        state.last += 1;
        let flight = state.last;
        let Missing { key, tags, ttl, load } = missing;
        let stamps = parts.tags.stamps(&tags); // before the load: what changes from now on outdates it
        state.latest.insert(key.clone(), flight);
        let key_of_second = key.clone();
        state.flights.insert(flight, Flight { key, stamps: stamps.clone(), waiting: vec![reply] });
        let (cache, key) = (self.0.clone(), key_of_second);
        fly(ctx, CacheMsg::Landed { flight, outcome: None }, async move {
            let missing = Missing { key, tags, ttl, load };
            CacheMsg::Landed { flight, outcome: Some(fetch(&cache, missing, stamps).await) }
        });
    }

    fn land(
        &self,
        ctx: &Context<CacheMsg<V>>,
        state: &mut ShardState<V>,
        flight: u64,
        outcome: Option<Result<Landing<V>, DbError>>,
    ) {
        let Some(Flight { key, waiting, .. }) = state.flights.remove(&flight) else { return };
        let is_latest = state.latest.get(&key) == Some(&flight);
        if is_latest {
            state.latest.remove(&key);
        }
        // A load that panicked drops the replies: its callers read for themselves, and see the panic where it is theirs.
        let Some(outcome) = outcome else { return };
        let landed = outcome.map(|Landing { entry, keep, source, queries, rows, took }| {
            let table = &self.0.parts().table;
            let entry = Arc::new(entry.succeeding(table.get(&key).as_deref()));
            if is_latest {
                table.insert(key.clone(), entry.clone()); // before anybody hears of it: the next reader finds it
            }
            if let Some(found) = keep {
                let (cache, entry) = (self.0.clone(), entry.clone());
                ctx.background(async move {
                    let second = cache.parts().tags.second();
                    second.keep(&key, &found, entry.value.as_deref(), entry.fresh_until).await;
                });
            }
            Loaded { value: entry.value.clone(), source, queries, rows, took }
        });
        for (at, reply) in waiting.into_iter().enumerate() {
            let mine = landed.as_ref().map(|landed| match at {
                0 => landed.clone(),
                _ => Loaded { source: Source::Joined, ..landed.clone() },
            });
            reply.send(mine.map_err(Clone::clone));
        }
    }

    fn improve(&self, ctx: &Context<CacheMsg<V>>, key: String) {
        let Some(before) = self.0.parts().table.get(&key) else { return };
        fly(ctx, CacheMsg::Improved { key: String::new(), change: None }, async move {
            let _turn = IMPROVING.acquire().await;
            let work = before.clone();
            let after = tokio::task::spawn_blocking(move || Arc::new(work.improve())).await.ok();
            CacheMsg::Improved { key, change: after.map(|after| Improvement { before, after }) }
        });
    }
}

/// Asks the second level, then the database.
async fn fetch<V: Value>(
    cache: &Cache<V>,
    missing: Missing<V>,
    stamps: Stamps,
) -> Result<Landing<V>, DbError> {
    let Missing { key, tags, ttl, load } = missing;
    let parts = cache.parts();
    let (began, stale) = (Instant::now(), *parts.config.stale_if_error);
    let mut found = parts.tags.second().find::<V>(&key, &tags).await;
    if let Some((value, fresh_until)) = found.as_mut().and_then(|found| found.answer.take()) {
        let entry = Entry::new(value.map(Arc::new), stamps, fresh_until, stale);
        let (source, took) = (Source::Second, began.elapsed());
        return Ok(Landing { entry, keep: None, source, queries: 0, rows: 0, took });
    }
    let scope = Scope::new("cache".to_owned(), began + LOAD_DEADLINE);
    let loading = timeout(LOAD_DEADLINE, scope.clone().enter(load));
    let value = loading.await.unwrap_or(Err(DbError::Timeout))?.map(Arc::new);
    let ttl = if value.is_some() { ttl } else { *parts.config.ttl_negative };
    let fresh_until = parts.clock.now().saturating_add(ttl).unwrap_or(Timestamp::MAX);
    let entry = Entry::new(value, stamps, fresh_until, stale);
    let (queries, rows, _) = scope.cost();
    Ok(Landing { entry, keep: found, source: Source::Load, queries, rows, took: began.elapsed() })
}
