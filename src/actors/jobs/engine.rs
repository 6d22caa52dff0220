//! What the actors of the engine share, and what survives the crash of any of them.
//!
//! Claimed jobs, running attempts and unwritten reports live here, not in the actors: the restart of a dispatcher or of
//! the acknowledger loses nothing.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use ahash::AHashSet;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::{
    bells::Bells,
    crew::{Cancel, Crew},
    dispatcher::CLAIMS_AT_ONCE,
    gates::Wanted,
    last_chance::LastChance,
    outbox::Outbox,
};
use crate::{
    config::sections,
    db::{Connector, DbError, Link, Observer},
    jobs::{
        Jobs, QueueName, Resources, key,
        store::{self, steering},
    },
};

/// Longest statement of the engine: claims and flushes take milliseconds.
const STATEMENT_LIMIT: Duration = Duration::from_secs(4);

/// The shared part of the engine.
pub(super) struct Engine {
    pub(super) jobs: Jobs,
    pub(super) resources: Resources,
    pub(super) config: sections::Jobs,
    /// This server among those that use the database; the same after a restart.
    pub(super) node: String,
    pub(super) bells: Bells,
    pub(super) crews: Vec<Crew>,
    pub(super) outbox: Arc<Outbox>,
    /// For jobs that would be set aside with their next crash.
    pub(super) last_chance: LastChance,
    /// What may be let through.
    pub(super) wanted: Wanted,
    /// Runs the attempts.
    pub(super) tasks: TaskTracker,
    /// Used by timer, rescuer, scheduler, watchdog and notifier: single short statements.
    pub(super) control: Link,
    worker: AtomicI64,
    fenced: AtomicBool,
    /// Administrators want this node to take nothing more.
    draining: AtomicBool,
    /// Whether any kind is paused, and which: one look at a flag per job.
    any_kind_paused: AtomicBool,
    paused_kinds: Mutex<Vec<i16>>,
    /// Until then earlier boots of this node may turn out to be dead: their sessions end when the system has noticed.
    earlier_boots: Mutex<Option<Instant>>,
    /// Other live workers, as of the last beat: whether somebody wants notifications.
    pub(super) others: AtomicI64,
    pub(super) last_beat: Mutex<Option<Instant>>,
    stopping: Mutex<Option<Instant>>,
    /// By queue: claims have to count.
    limited: [AtomicBool; QueueName::ALL.len()],
    /// By queue: the number of its last change that was followed.
    revisions: [AtomicI64; QueueName::ALL.len()],
    /// By queue: more may be ready than was claimed. Until the first claim nobody knows.
    backlogs: [AtomicBool; QueueName::ALL.len()],
    /// The tokens of the leases in our hands: the same job may be leased to us again.
    held: Mutex<AHashSet<i64>>,
}

impl Engine {
    pub(super) fn new(
        resources: Resources,
        connector: &Connector,
        observer: &Observer,
        node: String,
        bells: Bells,
    ) -> Self {
        let config = resources.config.jobs.clone();
        Self {
            jobs: resources.jobs.clone(),
            crews: QueueName::ALL
                .map(|queue| Crew::new(queue, config.workers, config.claim * (CLAIMS_AT_ONCE + 1)))
                .into(),
            control: link(connector, observer, "jobs control"),
            resources,
            config,
            node,
            bells,
            outbox: Arc::default(),
            last_chance: LastChance::default(),
            wanted: Wanted::default(),
            tasks: TaskTracker::new(),
            worker: AtomicI64::new(0),
            fenced: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            any_kind_paused: AtomicBool::new(false),
            paused_kinds: Mutex::default(),
            earlier_boots: Mutex::default(),
            others: AtomicI64::new(0),
            last_beat: Mutex::default(),
            stopping: Mutex::default(),
            limited: Default::default(),
            revisions: Default::default(),
            backlogs: std::array::from_fn(|_| AtomicBool::new(true)),
            held: Mutex::default(),
        }
    }

    pub(super) fn crew(&self, queue: QueueName) -> &Crew {
        &self.crews[queue.index()]
    }

    /// The number of this boot in `job.worker`, once it is registered.
    pub(super) fn worker(&self) -> Option<i64> {
        Some(self.worker.load(Relaxed)).filter(|worker| *worker != 0)
    }

    pub(super) fn set_worker(&self, worker: Option<i64>) {
        self.worker.store(worker.unwrap_or(0), Relaxed);
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.load(Relaxed)
    }

    /// No beat for too long: others may soon take our jobs, so they end here first.
    pub(super) fn fence(&self) {
        if !self.fenced.swap(true, Relaxed) {
            self.jobs.figures().engine.fenced.fetch_add(1, Relaxed);
            tracing::error!("no heartbeat reached the database in time: this node cancels its jobs");
            for crew in &self.crews {
                crew.cut(self);
            }
        }
    }

    pub(super) fn unfence(&self) {
        if self.fenced.swap(false, Relaxed) {
            tracing::info!("heartbeats reach the database again: this node works on");
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Takes nothing more, or works again; what runs goes on.
    pub(super) fn set_draining(&self, draining: bool) {
        if self.draining.swap(draining, Relaxed) != draining {
            tracing::info!(draining, "an administrator changed what this node takes");
            for crew in &self.crews {
                crew.drain(self, draining);
            }
        }
    }

    /// Jobs of these kinds wait at the door of their kind; those of no other.
    pub(super) fn pause_kinds(&self, kinds: &[i16]) {
        let before = {
            let mut paused = self.paused_kinds.lock().unwrap_or_else(PoisonError::into_inner);
            if *paused == kinds {
                return;
            }
            self.any_kind_paused.store(!kinds.is_empty(), Relaxed);
            std::mem::replace(&mut *paused, kinds.to_vec())
        };
        let resumed = before.iter().filter(|kind| !kinds.contains(kind));
        let names = resumed.filter_map(|kind| self.jobs.catalog()?.kind_name(*kind));
        self.look_at_doors(names.map(key::of_kind));
    }

    pub(super) fn is_kind_paused(&self, kind: i16) -> bool {
        self.any_kind_paused.load(Relaxed)
            && self.paused_kinds.lock().unwrap_or_else(PoisonError::into_inner).contains(&kind)
    }

    /// Their names, for people.
    pub(super) fn paused_kinds(&self) -> Vec<&'static str> {
        let paused = self.paused_kinds.lock().unwrap_or_else(PoisonError::into_inner);
        paused.iter().filter_map(|kind| self.jobs.catalog()?.kind_name(*kind)).collect()
    }

    /// Asks the attempt with this token to end; after the grace, the next call cuts it.
    pub(super) fn cancel(&self, token: i64, reason: &str) -> Cancel {
        let grace = *self.config.cancel_grace;
        let answers = self.crews.iter().map(|crew| crew.cancel(self, token, reason, grace));
        answers.into_iter().find(|answer| *answer != Cancel::Unknown).unwrap_or(Cancel::Unknown)
    }

    /// This boot has just registered: earlier ones may still have to be buried. Later than this their beats are old.
    pub(super) fn look_for_earlier_boots(&self) {
        let until = Instant::now() + *self.config.rescue;
        *self.earlier_boots.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    pub(super) fn looks_for_earlier_boots(&self) -> bool {
        let until = *self.earlier_boots.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// From now on nothing is claimed; what runs has `grace`. The first call counts.
    pub(super) fn begin_stop(&self, grace: Duration) -> Instant {
        let deadline = {
            let mut stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
            *stopping.get_or_insert_with(|| Instant::now() + grace)
        };
        for crew in &self.crews {
            crew.close(self);
        }
        deadline
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The engine was stopped in order and starts again under the same supervisor.
    pub(super) fn reopen(&self) {
        let was_stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner).take().is_some();
        if was_stopping {
            for crew in &self.crews {
                crew.open();
            }
        }
    }

    /// Whether claims from `queue` have to count what runs, or take tokens. When this is out of date, a claim finds
    /// nothing until the steward brings it up to date.
    pub(super) fn is_limited(&self, queue: QueueName) -> bool {
        self.limited[queue.index()].load(Relaxed)
    }

    /// Takes over how a queue counts and orders its jobs.
    pub(super) fn follow(&self, queue: QueueName, wanted: &steering::Wanted) {
        self.jobs.orders().set(queue, wanted.aging_ms, wanted.fair);
        let was_limited = self.limited[queue.index()].swap(wanted.is_limited, Relaxed);
        let revision = self.revisions[queue.index()].swap(wanted.revision, Relaxed);
        if was_limited != wanted.is_limited || revision != wanted.revision {
            self.bells.ready[queue.index()].ring();
        }
    }

    /// Whether jobs of `queue` may be ready that nobody has claimed.
    pub(super) fn has_backlog(&self, queue: QueueName) -> bool {
        self.backlogs[queue.index()].load(Relaxed)
    }

    pub(super) fn set_backlog(&self, queue: QueueName, more: bool) {
        self.backlogs[queue.index()].store(more, Relaxed);
    }

    /// There may be room at these doors, or somebody waits there.
    pub(super) fn look_at_doors(&self, doors: impl IntoIterator<Item = i64>) {
        if self.wanted.doors(doors) {
            self.bells.gates.ring();
        }
    }

    /// Jobs or batches may have lost the last one that they waited for.
    pub(super) fn settle(&self) {
        self.wanted.settled();
        self.bells.gates.ring();
    }

    /// Another process says that something may be let through, not what.
    pub(super) fn sweep(&self) {
        self.wanted.sweep();
        self.bells.gates.ring();
    }

    /// These leases are in our hands.
    pub(super) fn hold(&self, tokens: impl Iterator<Item = i64>) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).extend(tokens);
    }

    /// These are not any more.
    pub(super) fn let_go(&self, tokens: impl Iterator<Item = i64>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for token in tokens {
            held.remove(&token);
        }
    }

    /// Every lease in our hands: waiting, running, or with an unwritten report.
    pub(super) fn held(&self) -> Vec<i64> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// Says that something could not be done. While the database is away that is no news (its own actor says it); anything
/// else is a bug.
pub(super) fn trouble(what: &'static str, error: &DbError) {
    if error.is_unavailable() {
        tracing::debug!(%error, "{what}");
    } else {
        tracing::error!(?error, "{what}");
    }
}

/// A connection of the engine's own.
pub(super) fn link(connector: &Connector, observer: &Observer, name: &str) -> Link {
    let connector = store::settings(&connector.for_use(name, STATEMENT_LIMIT));
    Link::new(connector, STATEMENT_LIMIT, observer.clone())
}
