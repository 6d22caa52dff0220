//! The cache's promises, with loads that the test lets end when it wants.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use jiff::SignedDuration;
use tokio::sync::oneshot;

use super::{Cache, CacheShard, Namespace, Second, Tag, Tags, Value};
use crate::{
    actors::{
        data::redis::Redis,
        kernel::{Registry, Strategy, Supervisor, System, actor},
    },
    clock::Clock,
    config::Config,
    db::DbError,
    metrics::Metrics,
};

/// A text, and whether effort was spent on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(pub(super) String, pub(super) bool);

impl Value for Text {
    fn weight(&self) -> usize {
        self.0.len()
    }
    fn improved(&self) -> Self {
        Self(self.0.clone(), true)
    }
    fn same_content(&self, other: &Self) -> bool {
        self.0 == other.0
    }
    fn encode(&self) -> Vec<u8> {
        self.0.clone().into_bytes()
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self(String::from_utf8(bytes.to_vec()).ok()?, false))
    }
}

type Answer = Result<Option<Arc<Text>>, DbError>;
type Ending = Result<Option<Text>, DbError>;

/// A cache whose loads end when the test says so.
struct Fixture {
    cache: Cache<Text>,
    namespace: Namespace,
    metrics: Metrics,
    registry: Registry,
    clock: Clock,
    system: System,
    loads: Arc<AtomicU32>,
    gates: Arc<Mutex<Vec<oneshot::Sender<Ending>>>>,
}

async fn start() -> Fixture {
    let (clock, metrics) = (Clock::system(), Metrics::new());
    let registry = Registry::new(clock.clone());
    let handle = registry.handle("root/cache", "cache", 1000);
    let config = Config::defaults().cache;
    let second = Second::new(Redis::absent(), clock.clone(), *config.redis_ttl);
    let tags = Tags::new(second);
    let cache = Cache::new(vec![handle.clone()], tags, clock.clone(), &config);
    let root = Supervisor::new("root", Strategy::OneForOne, 100, Duration::from_secs(60))
        .child(actor(CacheShard(cache.clone()), &handle));
    let system = System::start(&registry, root).await.unwrap();
    let namespace = Namespace::new("test", Duration::from_secs(60), &metrics.cache);
    let (loads, gates) = (Arc::default(), Arc::default());
    Fixture { cache, namespace, metrics, registry, clock, system, loads, gates }
}

#[expect(clippy::unnecessary_wraps, reason = "one of the ways a load ends")]
fn text(text: &str) -> Ending {
    Ok(Some(Text(text.to_owned(), false)))
}

impl Fixture {
    /// Asks; a load it causes waits for the test.
    async fn ask(&self) -> Answer {
        let load = || {
            self.loads.fetch_add(1, SeqCst);
            let (sender, receiver) = oneshot::channel();
            self.gates.lock().unwrap().push(sender);
            async move { receiver.await.unwrap_or(Err(DbError::Lost)) }
        };
        self.cache.get(&self.namespace, "key", &[Tag::Event("a")], load).await
    }

    /// Asks, and the load ends at once.
    async fn ask_with(&self, ending: Ending) -> Answer {
        let load = || {
            self.loads.fetch_add(1, SeqCst);
            let ending = ending.clone();
            async move { ending }
        };
        self.cache.get(&self.namespace, "key", &[Tag::Event("a")], load).await
    }

    /// Waits until so many messages were handled by the shard.
    async fn handled(&self, messages: u64) {
        let cell = self.cache.shards()[0].cell();
        while cell.handled() < messages {
            tokio::task::yield_now().await;
        }
    }

    /// Lets the oldest load end. Loads of those who only joined never began.
    fn end(&self, ending: Ending) {
        let gate = self.gates.lock().unwrap().remove(0);
        let _ = gate.send(ending);
    }

    fn figure(&self, result: &str) -> u64 {
        let line = format!("sportello_cache_lookups_total{{namespace=\"test\",result=\"{result}\"}} ");
        let text = self.metrics.encode();
        text.lines().find_map(|it| it.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
    }

    fn wait(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }
}

fn shown(answer: Answer) -> String {
    answer.unwrap().unwrap().0.clone()
}

#[tokio::test]
async fn a_hundred_who_ask_at_once_cause_one_load() {
    let it = start().await;
    let asking = futures_util::future::join_all((0..100).map(|_| it.ask()));
    let (answers, ()) = tokio::join!(asking, async {
        it.handled(100).await;
        it.end(text("page"));
    });
    assert!(answers.into_iter().all(|answer| shown(answer) == "page"));
    assert_eq!((it.figure("miss"), it.figure("coalesced")), (1, 99));
    assert_eq!(shown(it.ask_with(text("never read")).await), "page");
    assert_eq!(it.figure("hit"), 1);
    it.system.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_load_that_began_before_a_write_is_neither_joined_nor_kept_after_it() {
    let it = start().await;
    let early = it.ask();
    let late = async {
        it.handled(1).await;
        it.cache.invalidate(&[Tag::Event("a")]); // the write has committed
        let late = it.ask();
        let ends = async {
            it.handled(2).await;
            it.end(text("before")); // the early load saw the database before the write
            it.handled(3).await;
            it.end(text("after"));
        };
        tokio::join!(late, ends).0
    };
    let (early, late) = tokio::join!(early, late);
    assert_eq!((shown(early), shown(late)), ("before".into(), "after".into()));
    assert_eq!(shown(it.ask_with(text("never read")).await), "after", "the early load was not kept");
    it.system.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn what_is_kept_is_outdated_by_a_write_and_by_time() {
    let it = start().await;
    assert_eq!(shown(it.ask_with(text("one")).await), "one");
    it.wait(59);
    assert_eq!(shown(it.ask_with(text("two")).await), "one");
    it.wait(2);
    assert_eq!(shown(it.ask_with(text("two")).await), "two");
    it.cache.invalidate(&[Tag::Event("b"), Tag::Catalogue]);
    assert_eq!(shown(it.ask_with(text("three")).await), "two", "nobody wrote to event a");
    it.cache.invalidate(&[Tag::Event("a")]);
    assert_eq!(shown(it.ask_with(text("three")).await), "three");
    it.system.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn while_the_database_is_away_the_last_known_answer_is_served_for_a_while() {
    let it = start().await;
    assert!(matches!(it.ask_with(Err(DbError::Down)).await, Err(DbError::Down)), "nothing is known yet");
    assert_eq!(shown(it.ask_with(text("known")).await), "known");
    it.cache.invalidate(&[Tag::Event("a")]);
    it.wait(61);
    assert_eq!(shown(it.ask_with(Err(DbError::Down)).await), "known");
    let loads = it.loads.load(SeqCst);
    assert_eq!(shown(it.ask_with(Err(DbError::Down)).await), "known");
    assert_eq!(it.loads.load(SeqCst), loads, "it has just been tried");
    it.wait(1);
    assert_eq!(shown(it.ask_with(text("fresh")).await), "fresh", "as soon as it is back");
    it.wait(60 + 601);
    assert!(matches!(it.ask_with(Err(DbError::Lost)).await, Err(DbError::Lost)), "too old");
    assert_eq!(it.figure("stale"), 2);
    it.system.stop(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn while_the_database_hangs_the_last_known_answer_is_served() {
    let it = start().await;
    assert_eq!(shown(it.ask_with(text("known")).await), "known");
    it.wait(61);
    assert_eq!(shown(it.ask().await), "known", "the load hangs");
    let loads = it.loads.load(SeqCst);
    assert_eq!(shown(it.ask().await), "known");
    assert_eq!(it.loads.load(SeqCst), loads, "it is still being tried");
    it.end(text("fresh")); // the database goes on
    it.handled(4).await; // two loads, both landed
    assert_eq!(shown(it.ask_with(text("never read")).await), "fresh", "what landed late was kept");
    assert_eq!(it.figure("stale"), 2);
    it.system.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn that_there_is_no_such_thing_is_remembered_for_a_moment() {
    let it = start().await;
    assert_eq!(it.ask_with(Ok(None)).await.unwrap(), None);
    assert_eq!(it.ask_with(text("made meanwhile")).await.unwrap(), None);
    it.wait(6);
    assert_eq!(shown(it.ask_with(text("made meanwhile")).await), "made meanwhile");
    assert_eq!(it.figure("negative"), 1);
    it.system.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn what_is_asked_for_often_is_compressed_with_effort_once_and_for_its_successors() {
    let it = start().await;
    it.ask_with(text("page")).await.unwrap();
    for _ in 0..8 {
        assert!(!it.ask_with(text("page")).await.unwrap().unwrap().1);
    }
    it.handled(4).await; // load, landed, improve, improved
    assert!(it.ask_with(text("page")).await.unwrap().unwrap().1);
    it.wait(61);
    assert!(it.ask_with(text("page")).await.unwrap().unwrap().1, "equal content keeps its form");
    it.wait(61);
    assert!(!it.ask_with(text("another page")).await.unwrap().unwrap().1);
    it.system.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn when_the_shard_dies_whoever_waits_reads_for_himself_and_what_is_kept_stays() {
    let it = start().await;
    let (answer, ()) = tokio::join!(it.ask(), async {
        it.handled(1).await;
        it.registry.crash("root/cache").unwrap();
        while it.loads.load(SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        drop(it.gates.lock().unwrap().remove(0));
        it.end(text("by himself"));
    });
    assert_eq!(shown(answer), "by himself");
    while it.cache.shards()[0].cell().restarts() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(shown(it.ask_with(text("kept")).await), "kept");
    it.registry.crash("root/cache").unwrap();
    assert_eq!(shown(it.ask_with(text("never read")).await), "kept");
    it.system.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_load_that_panics_is_told_by_a_panic_of_its_own_and_hangs_nobody() {
    let it = start().await;
    let load = || async { panic!("a bug in a loader") };
    let asking = std::panic::AssertUnwindSafe(it.cache.get(&it.namespace, "key", &[Tag::Catalogue], load));
    assert!(futures_util::FutureExt::catch_unwind(asking).await.is_err());
    assert_eq!(shown(it.ask_with(text("next")).await), "next");
    it.system.stop(Duration::from_secs(1)).await;
}
