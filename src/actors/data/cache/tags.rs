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

use crate::actors::{data::listener::ListenerMsg, kernel::Bell};

/// Where other nodes hear of outdated tags: their names, one per line.
pub const CHANNEL: &str = "sportello_cache";
/// Names everything.
pub(in crate::actors::data) const EVERYTHING: &str = "*";
/// 512 KiB: with 10 000 live tags one write in six outdates a stranger too.
const SLOTS: usize = 1 << 16;
/// More tags than this between two announcements are announced as everything.
const PENDING_MAX: usize = 4096;

/// What an answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag<'a> {
    /// The event called so in URLs, with everything its page shows: tickets, reviews, pictures.
    Event(&'a str),
    /// Which events there are: lists, suggestions, cities. Sales do not count: lists may be some seconds behind.
    Catalogue,
}

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(slug) => write!(f, "event:{slug}"),
            Self::Catalogue => f.write_str("catalogue"),
        }
    }
}

/// The generations of some tags at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamps(Box<[(usize, u64)]>);

/// The generations of all tags, and what other nodes have not heard yet. Cheap to clone.
#[derive(Clone)]
pub struct Tags(Arc<Inner>);

struct Inner {
    generations: Box<[AtomicU64]>,
    hasher: RandomState,
    pending: Mutex<Pending>,
    bell: OnceLock<Bell<ListenerMsg>>,
}

#[derive(Default)]
struct Pending {
    names: BTreeSet<String>,
    everything: bool,
}

impl Default for Tags {
    fn default() -> Self {
        let generations = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        // Fixed seeds: nobody gains by outdating answers on purpose, a write of his own does that anyway.
        let hasher = RandomState::with_seeds(5, 6, 7, 8);
        Self(Arc::new(Inner { generations, hasher, pending: Mutex::default(), bell: OnceLock::new() }))
    }
}

impl Tags {
    /// Makes every answer outdated that depends on one of these. Call it after the commit of the write; it waits for
    /// nothing. Other nodes hear it through the listener.
    pub fn invalidate(&self, tags: &[Tag<'_>]) {
        let names = tags.iter().map(ToString::to_string);
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
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
            if name == EVERYTHING {
                return self.outdate_everything();
            }
            self.outdate(name);
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
    pub(in crate::actors::data) fn take_pending(&self, longest: usize) -> Vec<String> {
        let pending = std::mem::take(&mut *self.0.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if pending.everything {
            return vec![EVERYTHING.to_owned()];
        }
        let mut payloads: Vec<String> = Vec::new();
        for name in pending.names {
            match payloads.last_mut() {
                Some(last) if last.len() + 1 + name.len() <= longest => {
                    last.push('\n');
                    last.push_str(&name);
                }
                _ => payloads.push(name),
            }
        }
        payloads
    }

    /// They could not be announced: they are pending again.
    pub(in crate::actors::data) fn put_back(&self, payloads: &[String]) {
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for name in payloads.iter().flat_map(|payload| payload.lines()) {
            if name == EVERYTHING || pending.names.len() >= PENDING_MAX {
                pending.everything = true;
            } else {
                pending.names.insert(name.to_owned());
            }
        }
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
    use super::{EVERYTHING, PENDING_MAX, Tag, Tags};

    #[test]
    fn a_write_outdates_what_depends_on_it_and_nothing_else() {
        let tags = Tags::default();
        let (mine, other) = (tags.stamps(&["event:a".into()]), tags.stamps(&["catalogue".into()]));
        tags.invalidate(&[Tag::Event("a")]);
        assert!(!tags.are_current(&mine) && tags.are_current(&other));
        assert_eq!(tags.take_pending(100), ["event:a"]);
        assert!(tags.take_pending(100).is_empty());
    }

    #[test]
    fn what_is_announced_by_one_node_is_outdated_on_the_other() {
        let (here, there) = (Tags::default(), Tags::default());
        let stamps = there.stamps(&["event:b".into(), "catalogue".into()]);
        here.invalidate(&[Tag::Event("a"), Tag::Event("b")]);
        for payload in here.take_pending(8) {
            there.heard(&payload);
        }
        assert!(!there.are_current(&stamps));
    }

    #[test]
    fn too_many_tags_are_announced_as_everything_and_failures_stay_pending() {
        let tags = Tags::default();
        for n in 0..=PENDING_MAX {
            tags.invalidate(&[Tag::Event(&n.to_string())]);
        }
        let payloads = tags.take_pending(7000);
        assert_eq!(payloads, [EVERYTHING]);
        tags.put_back(&payloads);
        assert_eq!(tags.take_pending(7000), [EVERYTHING]);
        tags.put_back(&["event:a\nevent:b".to_owned()]);
        assert_eq!(tags.take_pending(8), ["event:a", "event:b"]);
    }
}
