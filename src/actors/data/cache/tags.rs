//! Tags: what an answer depends on. A write names them after its commit, and every answer that depends on one of them is
//! outdated from then on.
//!
//! Each tag has a generation, a number that only grows. An entry keeps the generations from before its load and is
//! current while they have not changed: nothing has to be found and removed, and no order of events makes an old answer
//! pass for a new one. Tags share a fixed number of generations by hash; a collision costs a load, never a wrong answer.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use ahash::RandomState;

use super::second::Second;
use crate::{
    actors::{data::listener::ListenerMsg, kernel::Bell},
    ids::NotaryId,
};

/// Where other nodes hear of outdated tags: their names, one per line.
pub const CHANNEL: &str = "sportello_cache";
/// Names everything.
pub(super) const EVERYTHING: &str = "*";
/// 512 KiB: with 10 000 live tags one write in six outdates a stranger too.
const SLOTS: usize = 1 << 16;
/// Says that the second level must not be believed for a while.
const DISBELIEVE: &str = "!";
/// More tags than this between two announcements are announced as everything.
const PENDING_MAX: usize = 4096;

/// What an answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag<'a> {
    /// The event called so in URLs, with everything its page shows: tickets, reviews, pictures.
    Event(&'a str),
    /// Which events there are: lists, suggestions, cities. Sales do not count: lists may be some seconds behind.
    Catalogue,
    /// The showcase of a notary.
    Notary(NotaryId),
    /// Which notaries there are.
    Notaries,
}

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(slug) => write!(f, "event:{slug}"),
            Self::Catalogue => f.write_str("catalogue"),
            Self::Notary(id) => write!(f, "notary:{id}"),
            Self::Notaries => f.write_str("notaries"),
        }
    }
}

/// The generations of some tags at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamps(Box<[(usize, u64)]>);

/// What other nodes are to hear. Unless it was [`Self::said`], it is pending again when this is dropped.
pub(in crate::actors::data) struct Announcement {
    tags: Tags,
    payloads: Vec<String>,
    writes: u64,
}

impl Announcement {
    pub(in crate::actors::data) fn is_empty(&self) -> bool {
        self.payloads.is_empty()
    }

    /// Makes the second level know, and returns what to tell the others.
    pub(in crate::actors::data) async fn raise(&self) -> Vec<String> {
        let mut payloads = self.payloads.clone();
        let names = self.payloads.iter().flat_map(|payload| payload.lines());
        if !self.tags.0.second.raise(names, self.writes).await {
            payloads.push(DISBELIEVE.to_owned());
        }
        payloads
    }

    pub(in crate::actors::data) fn said(mut self) {
        self.payloads.clear();
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        self.tags.put_back(&self.payloads);
    }
}

/// The generations of all tags, and what other nodes have not heard yet. Cheap to clone.
#[derive(Clone)]
pub struct Tags(Arc<Inner>);

struct Inner {
    generations: Box<[AtomicU64]>,
    hasher: RandomState,
    pending: Mutex<Pending>,
    bell: OnceLock<Bell<ListenerMsg>>,
    second: Second,
}

#[derive(Default)]
struct Pending {
    names: BTreeSet<String>,
    everything: bool,
}

impl Tags {
    /// Tags that are known to the second level, too.
    pub fn new(second: Second) -> Self {
        let generations = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        // Fixed seeds: nobody gains by outdating answers on purpose, a write of his own does that anyway.
        let hasher = RandomState::with_seeds(5, 6, 7, 8);
        let (pending, bell) = (Mutex::default(), OnceLock::new());
        Self(Arc::new(Inner { generations, hasher, pending, bell, second }))
    }

    /// Makes every answer outdated that depends on one of these. Call it after the commit of the write; it waits for
    /// nothing. Other nodes hear it through the listener.
    pub fn invalidate(&self, tags: &[Tag<'_>]) {
        let names = tags.iter().map(ToString::to_string);
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.second.written(); // first: what is loaded from now on must not come from there
        for name in names {
            self.outdate(&name);
            if pending.names.len() < PENDING_MAX {
                pending.names.insert(name);
            } else {
                pending.everything = true;
            }
        }
        drop(pending);
        if let Some(bell) = self.0.bell.get() {
            bell.ring();
        }
    }

    /// Another node has announced this: names, one per line.
    pub(in crate::actors::data) fn heard(&self, payload: &str) {
        for name in payload.lines() {
            match name {
                EVERYTHING => self.outdate_everything(),
                DISBELIEVE => self.0.second.disbelieve(),
                name => self.outdate(name),
            }
        }
    }

    /// Announcements may have been missed.
    pub(in crate::actors::data) fn outdate_everything(&self) {
        for generation in &self.0.generations {
            generation.fetch_add(1, SeqCst);
        }
    }

    /// Who announces; once, when the actors are built.
    pub(in crate::actors::data) fn announced_by(&self, bell: Bell<ListenerMsg>) {
        let _ = self.0.bell.set(bell); // the listener of one server is built once
    }

    /// What is to be announced, as payloads of at most `longest` bytes; it is not pending any more.
    pub(in crate::actors::data) fn take_pending(&self, longest: usize) -> Announcement {
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let Pending { names, everything } = std::mem::take(&mut *pending);
        let (tags, writes) = (self.clone(), self.0.second.writes());
        let mut payloads: Vec<String> = Vec::new();
        for name in if everything { BTreeSet::from([EVERYTHING.to_owned()]) } else { names } {
            match payloads.last_mut() {
                Some(last) if last.len() + 1 + name.len() <= longest => {
                    last.push('\n');
                    last.push_str(&name);
                }
                _ => payloads.push(name),
            }
        }
        Announcement { tags, payloads, writes }
    }

    fn put_back(&self, payloads: &[String]) {
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for name in payloads.iter().flat_map(|payload| payload.lines()) {
            if name == EVERYTHING || pending.names.len() >= PENDING_MAX {
                pending.everything = true;
            } else {
                pending.names.insert(name.to_owned());
            }
        }
    }

    /// The second level.
    pub(super) fn second(&self) -> &Second {
        &self.0.second
    }

    /// The generations of `names` now.
    pub(super) fn stamps(&self, names: &[String]) -> Stamps {
        let stamp = |name: &String| {
            let slot = self.slot(name);
            (slot, self.0.generations[slot].load(SeqCst))
        };
        Stamps(names.iter().map(stamp).collect())
    }

    /// Whether nothing was outdated since.
    pub(super) fn are_current(&self, stamps: &Stamps) -> bool {
        stamps.0.iter().all(|(slot, generation)| self.0.generations[*slot].load(SeqCst) == *generation)
    }

    fn outdate(&self, name: &str) {
        self.0.generations[self.slot(name)].fetch_add(1, SeqCst);
    }

    fn slot(&self, name: &str) -> usize {
        self.0.hasher.hash_one(name) as usize % SLOTS
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{EVERYTHING, PENDING_MAX, Second, Tag, Tags};
    use crate::{actors::data::redis::Redis, clock::Clock};

    fn tags() -> Tags {
        Tags::new(Second::new(Redis::absent(), Clock::system(), Duration::from_secs(300)))
    }

    #[test]
    fn a_write_outdates_what_depends_on_it_and_nothing_else() {
        let tags = tags();
        let (mine, other) = (tags.stamps(&["event:a".into()]), tags.stamps(&["catalogue".into()]));
        tags.invalidate(&[Tag::Event("a")]);
        assert!(!tags.are_current(&mine) && tags.are_current(&other));
        let announcement = tags.take_pending(100);
        assert_eq!(announcement.payloads, ["event:a"]);
        announcement.said();
        assert!(tags.take_pending(100).is_empty());
    }

    #[test]
    fn what_is_announced_by_one_node_is_outdated_on_the_other() {
        let (here, there) = (tags(), tags());
        let stamps = there.stamps(&["event:b".into(), "catalogue".into()]);
        here.invalidate(&[Tag::Event("a"), Tag::Event("b")]);
        for payload in &here.take_pending(8).payloads {
            there.heard(payload);
        }
        assert!(!there.are_current(&stamps));
    }

    #[test]
    fn too_many_tags_are_announced_as_everything_and_what_was_not_said_stays_pending() {
        let tags = tags();
        for n in 0..=PENDING_MAX {
            tags.invalidate(&[Tag::Event(&n.to_string())]);
        }
        for _ in 0..2 {
            assert_eq!(tags.take_pending(7000).payloads, [EVERYTHING]); // and it is pending again
        }
        tags.take_pending(7000).said();
        tags.invalidate(&[Tag::Event("a"), Tag::Event("b")]);
        assert_eq!(tags.take_pending(8).payloads, ["event:a", "event:b"]);
    }
}
