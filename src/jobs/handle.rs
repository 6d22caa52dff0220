//! The jobs, as everybody else sees them: enqueue, and wake.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock, atomic::Ordering::Relaxed},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Figures, Job, JobId, NewJob, QueueName,
    answers::Waiting,
    ids::IdSource,
    inspect::{Change, Changed, Feed},
    order::Orders,
    registry::Registry,
    seal::KeyRing,
    store::{self, Catalog, Claimed},
};
use crate::{
    clock::Clock,
    db::{DbError, Tx},
};

/// Something that happened, as processes tell each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// Jobs of this queue are ready.
    Ready(QueueName),
    /// A job is due earlier than the timers know.
    Due,
    /// Administrators want something: cancelled attempts, paused queues, drained nodes.
    Orders,
    /// Jobs may be let through: there is room for them, or those they waited for have ended.
    Gates,
    /// A job that somebody may wait for has answered.
    Ended,
    /// Schedules were made or changed: a tick may come earlier than the schedulers know.
    Cron,
}

/// Who wants to know that there is work. Hints only: all of them may be lost.
pub trait Hints: Send + Sync + 'static {
    /// Workers of `queue` that have nothing to do and nothing to expect, at most `wanted`: jobs that are about to be
    /// committed may be leased to them.
    fn reserve(&self, queue: QueueName, wanted: usize) -> Option<Box<dyn Reserved>>;
    /// Something happened here: this process and others should know.
    fn tell(&self, hint: Hint);
    /// Another process says so.
    fn heard(&self, hint: Hint);
    /// Jobs wait at these doors.
    fn doors(&self, doors: &[i64]);
    /// Jobs may wait for nobody any more, or a batch may have ended.
    fn settled(&self);
    /// A job is due then.
    fn due(&self, at: Timestamp);
    /// Fires the cron ticks that have come and promotes what is due, now.
    fn catch_up(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// The server stops: claim nothing more; what runs has this long.
    fn stopping(&self, grace: Duration);
}

impl Hint {
    /// Every hint there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = [Self::Due, Self::Orders, Self::Gates, Self::Ended, Self::Cron];
        QueueName::ALL.into_iter().map(Self::Ready).chain(others)
    }

    /// Its word in notifications. Queues have theirs; the others begin with a sign that no queue has.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready(queue) => queue.as_str(),
            Self::Due => "!due",
            Self::Orders => "!orders",
            Self::Gates => "!gates",
            Self::Ended => "!ended",
            Self::Cron => "!cron",
        }
    }

    /// The hint of a word; `None` for words of a newer server.
    pub fn parse(word: &str) -> Option<Self> {
        Self::all().find(|hint| hint.word() == word)
    }
}

/// Idle workers that wait for jobs of an open transaction. Dropped, they are free again.
pub trait Reserved: Send {
    /// The number of this boot in `job.worker`.
    fn worker(&self) -> i64;
    /// After this long without a beat it may be declared dead.
    fn rescue(&self) -> Duration;
    /// How many there are.
    fn count(&self) -> usize;
    /// These leases will be theirs, should the transaction commit.
    fn expect(&mut self, jobs: &[Claimed]);
    /// The transaction has committed: go.
    fn start(self: Box<Self>, jobs: Vec<Claimed>);
}

/// Enqueues jobs. Cheap to clone.
#[derive(Clone)]
pub struct Jobs(Arc<Inner>);

struct Inner {
    clock: Clock,
    registry: Registry,
    ids: IdSource,
    catalog: OnceLock<Catalog>,
    hints: OnceLock<Box<dyn Hints>>,
    figures: Figures,
    seal: KeyRing,
    orders: Orders,
    waiting: Waiting,
    feed: Feed,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jobs")
    }
}

impl Jobs {
    /// Jobs of the kinds of `registry`, whose arguments are sealed with `seal` where a kind wants it.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn new(clock: Clock, registry: Registry, seal: KeyRing) -> Self {
        let entropy = getrandom::u64().expect("the operating system gives randomness");
        let (catalog, hints, figures) = (OnceLock::new(), OnceLock::new(), Figures::new(&registry));
        let (ids, orders, waiting) = (IdSource::new(entropy), Orders::default(), Waiting::default());
        let feed = Feed::default();
        Self(Arc::new(Inner { clock, registry, ids, catalog, hints, figures, seal, orders, waiting, feed }))
    }

    /// The keys of sealed arguments.
    pub fn seal(&self) -> &KeyRing {
        &self.0.seal
    }

    /// The orders of the queues.
    pub fn orders(&self) -> &Orders {
        &self.0.orders
    }

    pub(super) fn waiting(&self) -> &Waiting {
        &self.0.waiting
    }

    /// Jobs have ended elsewhere, nobody said which.
    pub(crate) fn some_ended(&self) {
        self.0.waiting.tell_all();
    }

    /// These jobs may have ended: who waits for them looks.
    pub(crate) fn ended(&self, jobs: impl Iterator<Item = JobId>) {
        self.0.waiting.tell(jobs);
    }

    /// The kinds this binary knows.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// What is counted.
    pub fn figures(&self) -> &Figures {
        &self.0.figures
    }

    /// What happens to jobs, for those who watch.
    pub fn feed(&self) -> &Feed {
        &self.0.feed
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Enqueues a job inside `tx`: it exists if and only if the transaction commits, and starts right after.
    pub async fn enqueue<J: Job>(&self, tx: &mut Tx, job: &J) -> Result<JobId, DbError> {
        self.insert_one(tx, NewJob::of(job)).await
    }

    /// The same, not to be run before `at`.
    pub async fn enqueue_at<J: Job>(&self, tx: &mut Tx, job: &J, at: Timestamp) -> Result<JobId, DbError> {
        self.insert_one(tx, NewJob::of(job).at(at)).await
    }

    /// Enqueues many jobs with one statement.
    pub async fn enqueue_many<'a, J: Job>(
        &self,
        tx: &mut Tx,
        jobs: impl IntoIterator<Item = &'a J>,
    ) -> Result<Vec<JobId>, DbError> {
        let jobs: Vec<_> = jobs.into_iter().map(NewJob::of).collect();
        Ok(self.insert(tx, &jobs).await?.into_iter().flatten().collect())
    }

    /// Enqueues any number of jobs of any kinds with one statement. The answer has a place for each; `None` where an
    /// equal unique job is live already.
    pub async fn insert(&self, tx: &mut Tx, jobs: &[NewJob]) -> Result<Vec<Option<JobId>>, DbError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let ids = self.new_ids(jobs.len());
        self.insert_as(tx, jobs, &ids).await
    }

    /// The same under ids of the caller's.
    pub(super) async fn insert_as(
        &self,
        tx: &mut Tx,
        jobs: &[NewJob],
        ids: &[JobId],
    ) -> Result<Vec<Option<JobId>>, DbError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.0.clock.now();
        let mut placed;
        let jobs = if self.0.orders.concern(jobs) {
            placed = jobs.to_vec();
            self.0.orders.place(&mut placed, now);
            placed.as_slice()
        } else {
            jobs
        };
        let read;
        let catalog = if let Some(catalog) = self.0.catalog.get() {
            catalog
        } else {
            // Before the workers are up, or without any. Remembered when this transaction is not rolled back.
            read = store::catalog::register(tx, &self.0.registry).await?;
            let (inner, committed) = (self.0.clone(), read.clone());
            tx.on_commit(move || drop(inner.catalog.set(committed)));
            &read
        };
        let mut reserved = self.reserve(jobs, now);
        let places = reserved.as_ref().map(|(queue, reserved)| store::insert::Places {
            queue: *queue,
            worker: reserved.worker(),
            rescue: reserved.rescue(),
            count: reserved.count(),
        });
        let store::insert::Inserted { ids, leased } =
            store::insert::insert(tx, catalog, (jobs, ids), now, &self.0.seal, places).await?;
        if let Some((_, reserved)) = &mut reserved {
            reserved.expect(&leased);
        }
        self.hint_on_commit(tx, jobs, &ids, now, (reserved.map(|(_, reserved)| reserved), leased));
        Ok(ids)
    }

    pub(super) fn new_ids(&self, count: usize) -> Vec<JobId> {
        self.0.ids.take(self.0.clock.now(), count).collect()
    }

    pub(super) fn new_id(&self) -> JobId {
        self.new_ids(1)[0]
    }

    /// Idle workers for the jobs that are due now: of the queue of the first, because nearly always there is one queue.
    /// Jobs with something special go through the tables: their limits are counted there.
    fn reserve(&self, jobs: &[NewJob], now: Timestamp) -> Option<(QueueName, Box<dyn Reserved>)> {
        let hints = self.0.hints.get()?;
        if jobs.iter().any(NewJob::is_special) {
            return None;
        }
        let is_due = |job: &&NewJob| job.run_at.is_none_or(|at| at <= now);
        let queue = jobs.iter().find(is_due)?.queue;
        let wanted = jobs.iter().filter(is_due).filter(|job| job.queue == queue).count();
        Some((queue, hints.reserve(queue, wanted)?))
    }

    async fn insert_one(&self, tx: &mut Tx, job: NewJob) -> Result<JobId, DbError> {
        let ids = self.insert(tx, std::slice::from_ref(&job)).await?;
        Ok(ids[0].expect("a job without a unique key is always inserted"))
    }

    /// After the commit, starts what was leased, and wakes whom the other jobs concern, each at most once.
    fn hint_on_commit(
        &self,
        tx: &mut Tx,
        jobs: &[NewJob],
        ids: &[Option<JobId>],
        now: Timestamp,
        (reserved, leased): (Option<Box<dyn Reserved>>, Vec<Claimed>),
    ) {
        let mut ready = [false; QueueName::ALL.len()];
        let (mut doors, mut due) = (Vec::new(), None::<Timestamp>);
        // Batches are of few kinds, and of these mostly one after the other.
        let mut counts = Vec::<(&'static str, u64)>::new();
        for (job, id) in jobs.iter().zip(ids).filter(|(_, id)| id.is_some()) {
            match counts.last_mut().filter(|(kind, _)| *kind == job.kind) {
                Some((_, count)) => *count += 1,
                None => counts.push((job.kind, 1)),
            }
            if job.more.as_ref().is_some_and(|more| more.waits > 0) {
                continue;
            }
            match job.run_at.filter(|at| *at > now) {
                Some(at) => due = Some(due.map_or(at, |due| due.min(at))),
                None if leased.iter().any(|claimed| Some(claimed.job) == *id) => {}
                None => match job.more.as_ref().and_then(|more| more.door()) {
                    Some(door) => doors.push(door),
                    None => ready[job.queue.index()] = true,
                },
            }
        }
        let enqueued = self.feed().is_watched().then(|| {
            let new = jobs.iter().zip(ids).filter_map(|(job, id)| {
                let change = Change::of((*id)?, Changed::Enqueued, now);
                Some(Change { kind: Some(job.kind), queue: Some(job.queue), ..change })
            });
            new.collect::<Vec<_>>()
        });
        let jobs = self.clone();
        tx.on_commit(move || {
            jobs.feed().push(enqueued.into_iter().flatten());
            if let Some(reserved) = reserved {
                jobs.figures().engine.handed_over.fetch_add(leased.len() as u64, Relaxed);
                reserved.start(leased);
            }
            for (kind, count) in counts {
                if let Some(figures) = jobs.figures().kind(kind) {
                    figures.enqueued.fetch_add(count, Relaxed);
                }
            }
            for queue in QueueName::ALL {
                if ready[queue.index()] {
                    jobs.wake(queue);
                }
            }
            if let Some(at) = due {
                jobs.wake_at(at);
            }
            if !doors.is_empty() {
                jobs.wake_doors(&doors);
            }
        });
    }

    /// After the commit, looks for jobs that wait for nobody any more.
    pub(super) fn settle_on_commit(&self, tx: &mut Tx) {
        let jobs = self.clone();
        tx.on_commit(move || jobs.settled());
    }

    /// Jobs may wait for nobody any more, or a batch may have ended.
    pub fn settled(&self) {
        if let Some(hints) = self.0.hints.get() {
            hints.settled();
        }
    }

    /// There may be room at these doors, or somebody waits there.
    pub fn wake_doors(&self, doors: &[i64]) {
        if let Some(hints) = self.0.hints.get() {
            hints.doors(doors);
        }
    }

    /// Jobs of `queue` may be ready: somebody should look. A hint, never a promise.
    pub fn wake(&self, queue: QueueName) {
        self.hint(Hint::Ready(queue));
    }

    pub(crate) fn hint(&self, hint: Hint) {
        if let Some(hints) = self.0.hints.get() {
            hints.tell(hint);
        }
    }

    /// A job is due at `at`.
    pub fn wake_at(&self, at: Timestamp) {
        if let Some(hints) = self.0.hints.get() {
            hints.due(at);
        }
    }

    /// Another process says something: the payload of a `sportello_jobs` notification, a list of hints.
    pub fn heard(&self, payload: &str) {
        let Some(hints) = self.0.hints.get() else { return };
        for hint in payload.split(',').filter_map(Hint::parse) {
            hints.heard(hint);
        }
    }

    /// The server is about to stop: nothing more is claimed, what runs has `grace` to end, the rest is given back.
    pub fn begin_stop(&self, grace: Duration) {
        if let Some(hints) = self.0.hints.get() {
            hints.stopping(grace);
        }
    }

    pub(super) async fn catch_up(&self) {
        if let Some(hints) = self.0.hints.get() {
            hints.catch_up().await;
        }
    }

    /// Says who listens to hints; once, when the actors are built.
    pub(crate) fn listen(&self, hints: impl Hints) {
        let known = self.0.hints.set(Box::new(hints)).is_err();
        assert!(!known, "the jobs of one server are built once");
    }

    /// The numbers of kinds and queues; registered in `tx`, before the workers are up, or without any.
    pub(super) async fn catalog_in(&self, tx: &mut Tx) -> Result<Catalog, DbError> {
        match self.0.catalog.get() {
            Some(catalog) => Ok(catalog.clone()),
            None => store::catalog::register(tx, &self.0.registry).await,
        }
    }

    /// Remembers committed numbers.
    pub(crate) fn know(&self, catalog: Catalog) {
        let _ = self.0.catalog.set(catalog); // the numbers never change: a second registration brings the same
    }

    /// The numbers of kinds and queues, once they are registered.
    pub(crate) fn catalog(&self) -> Option<&Catalog> {
        self.0.catalog.get()
    }

    /// Remembers committed numbers, and that this process is that worker.
    pub(crate) fn registered(&self, catalog: Catalog, worker: i64) {
        self.know(catalog);
        self.0.ids.become_worker(worker);
    }
}
