//! Live: who waits for notifications at this server, and the bell that each of them has.
//!
//! A stream holds nothing but the number of the last notification that it has sent: what it is owed stands in the table. A
//! bell says "look", and a hundred rings are one. So a reader may be as slow as it likes: it costs a page of its own rows,
//! and is cut off by its connection when it takes nothing any more; it comes back with `Last-Event-ID`.
//!
//! - News come from every server by PostgreSQL's NOTIFY, heard by the listener. When its connection was lost, everybody looks.
//! - One clock for all: [`LiveActor`] ticks, tells who has been silent too long, and ends those whose time is over.
//! - A session that ends, ends its streams ([`Sessions::when_ended`]).
//! - Places are bounded, for each person and in all. They are kept by the handle: a crash of the actor ends no stream.
//! - An orderly stop ends all, before the acceptor waits for answers under way.
//!
//! [`Sessions::when_ended`]: crate::accounts::sessions::Sessions::when_ended

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed, Ordering::SeqCst},
    },
    time::Duration,
};

use jiff::Timestamp;
use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::{
    accounts::tokens::TokenHash,
    actors::kernel::{Behaviour, Context, Failure, Handle},
    clock::Clock,
    config::sections,
    ids::UserId,
};

/// Where it is told whose notifications were written, by their ids.
pub const CHANNEL: &str = "sportello_told";
/// A silent stream is closed by proxies.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// How often the clock is looked at: nobody is silent, or stays, so much longer.
const TICK: Duration = Duration::from_secs(1);

/// Reasons to ring.
const NEWS: u8 = 1;
const BEAT: u8 = 2;
const CHECK: u8 = 4;
const END: u8 = 8;

/// Why somebody gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The person has as many as one may have.
    #[error("{each} streams of yours are open: close one first")]
    TooMany {
        /// So many.
        each: usize,
    },
    /// There is no place left, or the server stops.
    #[error("no stream can be opened at the moment")]
    Full,
}

/// Why a stream is rung; several at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Call {
    /// There may be news.
    pub news: bool,
    /// It has been silent for long.
    pub beat: bool,
    /// Whether its session still is one, is not known.
    pub check: bool,
}

/// Whom a stream belongs to, and until when it is good.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// The person.
    pub user: UserId,
    /// The access token.
    pub token: TokenHash,
    /// When that is no longer good.
    pub expires_at: Timestamp,
}

/// Messages of the actor.
pub enum LiveMsg {
    /// Look at the clock.
    Tick,
}
crate::kinds!(LiveMsg: Tick);

/// Who waits. Cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    handle: Handle<LiveMsg>,
    clock: Clock,
    each: usize,
    all: usize,
    life: Duration,
    places: Mutex<Places>,
    /// The server stops.
    is_closed: AtomicBool,
    rung: AtomicU64,
}

#[derive(Default)]
struct Places {
    streams: HashMap<u64, Entry>,
    by_user: HashMap<UserId, SmallVec<[u64; 2]>>,
    by_token: HashMap<TokenHash, SmallVec<[u64; 2]>>,
    last: u64,
}

struct Entry {
    holder: Holder,
    /// By the clock's monotonic time.
    until: Duration,
    bell: Arc<Bell>,
}

/// One stream's bell.
struct Bell {
    reasons: AtomicU8,
    /// When it spoke last, in milliseconds of the clock's monotonic time.
    spoke: AtomicU64,
    rung: Notify,
}

impl Bell {
    fn ring(&self, reason: u8) {
        self.reasons.fetch_or(reason, SeqCst);
        self.rung.notify_one();
    }
}

impl Live {
    /// Places as `[server]` says.
    pub fn new(handle: Handle<LiveMsg>, config: &sections::Server, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            handle,
            clock,
            each: config.streams_each,
            all: config.streams,
            life: *config.stream_life,
            places: Mutex::default(),
            is_closed: AtomicBool::new(false),
            rung: AtomicU64::new(0),
        }))
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<LiveMsg> {
        &self.0.handle
    }

    /// The actor.
    pub fn actor(&self) -> LiveActor {
        LiveActor(self.clone())
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many streams are open.
    pub fn count(&self) -> usize {
        self.places().streams.len()
    }

    /// A place for a stream. From now on it is rung; what happened before has to be looked for.
    pub fn join(&self, holder: Holder) -> Result<Seat, Refused> {
        let now = self.0.clock.monotonic();
        let mut places = self.places();
        if self.0.is_closed.load(Relaxed) || places.streams.len() >= self.0.all {
            return Err(Refused::Full);
        }
        if places.by_user.get(&holder.user).is_some_and(|streams| streams.len() >= self.0.each) {
            return Err(Refused::TooMany { each: self.0.each });
        }
        places.last += 1;
        let number = places.last;
        let bell = Arc::new(Bell {
            reasons: AtomicU8::new(0),
            spoke: AtomicU64::new(millis(now)),
            rung: Notify::new(),
        });
        places.by_user.entry(holder.user).or_default().push(number);
        places.by_token.entry(holder.token).or_default().push(number);
        places.streams.insert(number, Entry { holder, until: now + self.0.life, bell: bell.clone() });
        Ok(Seat { live: self.clone(), number, holder, bell })
    }

    /// There may be news for this person.
    pub fn wake(&self, user: UserId) {
        let places = self.places();
        for number in places.by_user.get(&user).into_iter().flatten() {
            places.ring(*number, NEWS);
            self.0.rung.fetch_add(1, Relaxed);
        }
    }

    /// News may have been missed, by everybody.
    pub fn wake_all(&self) {
        self.places().ring_all(NEWS);
    }

    /// A session has ended, or nobody knows which have.
    pub fn ended(&self, token: Option<TokenHash>) {
        let places = self.places();
        match token {
            None => places.ring_all(CHECK),
            Some(token) => {
                for number in places.by_token.get(&token).into_iter().flatten() {
                    places.ring(*number, END);
                }
            }
        }
    }

    /// Ends every stream, and lets nobody in until the next start.
    fn close(&self) {
        self.0.is_closed.store(true, Relaxed);
        self.places().ring_all(END);
    }

    /// What the clock says to each.
    fn tick(&self) {
        let (now, time) = (self.0.clock.monotonic(), self.0.clock.now());
        let silent_since = millis(now.saturating_sub(HEARTBEAT_EVERY));
        for entry in self.places().streams.values() {
            if entry.until <= now || entry.holder.expires_at <= time {
                entry.bell.ring(END);
            } else if entry.bell.spoke.load(Relaxed) <= silent_since {
                entry.bell.ring(BEAT);
            }
        }
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}

impl Places {
    fn ring(&self, number: u64, reason: u8) {
        if let Some(entry) = self.streams.get(&number) {
            entry.bell.ring(reason);
        }
    }

    fn ring_all(&self, reason: u8) {
        self.streams.values().for_each(|entry| entry.bell.ring(reason));
    }

    fn leave(&mut self, number: u64) {
        let Some(Entry { holder, .. }) = self.streams.remove(&number) else { return };
        forget(&mut self.by_user, &holder.user, number);
        forget(&mut self.by_token, &holder.token, number);
    }
}

fn forget<K: std::hash::Hash + Eq>(map: &mut HashMap<K, SmallVec<[u64; 2]>>, key: &K, number: u64) {
    let Some(numbers) = map.get_mut(key) else { return };
    numbers.retain(|it| *it != number);
    if numbers.is_empty() {
        map.remove(key);
    }
}

/// A stream's place; free again when it is dropped.
pub struct Seat {
    live: Live,
    number: u64,
    /// Whose it is.
    pub holder: Holder,
    bell: Arc<Bell>,
}

impl Seat {
    /// Waits until there is a reason to look; `None` ends the stream.
    pub async fn called(&self) -> Option<Call> {
        loop {
            let reasons = self.bell.reasons.swap(0, SeqCst);
            if reasons & END != 0 {
                // Also for who asks again.
                self.bell.ring(END);
                return None;
            }
            if reasons != 0 {
                let is = |reason| reasons & reason != 0;
                return Some(Call { news: is(NEWS), beat: is(BEAT), check: is(CHECK) });
            }
            self.bell.rung.notified().await;
        }
    }

    /// Something was sent: the next heartbeat is due later.
    pub fn spoke(&self) {
        self.bell.spoke.store(millis(self.live.0.clock.monotonic()), Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.live.places().leave(self.number);
    }
}

/// Looks at the clock.
pub struct LiveActor(Live);

impl Behaviour for LiveActor {
    type Msg = LiveMsg;
    type State = ();

    async fn init(&self, ctx: &Context<LiveMsg>) -> Result<(), Failure> {
        self.0.0.is_closed.store(false, Relaxed);
        ctx.every(TICK, || LiveMsg::Tick);
        Ok(())
    }

    async fn handle(&self, _: &Context<LiveMsg>, LiveMsg::Tick: LiveMsg, (): &mut ()) -> Result<(), Failure> {
        self.0.tick();
        Ok(())
    }

    fn view(&self, (): &()) -> serde_json::Value {
        serde_json::json!({ "streams": self.0.count(), "streams_max": self.0.0.all, "rung": self.0.0.rung.load(Relaxed) })
    }

    async fn stop(&self, (): &mut ()) {
        self.0.close();
    }
}
