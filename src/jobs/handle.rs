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
    ids::IdSource,
    registry::Registry,
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
        QueueName::ALL.into_iter().map(Self::Ready).chain([Self::Due, Self::Orders])
    }

    /// Its word in notifications. Queues have theirs; the others begin with a sign that no queue has.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready(queue) => queue.as_str(),
            Self::Due => "!due",
            Self::Orders => "!orders",
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
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jobs")
    }
}

impl Jobs {
    /// Jobs of the kinds of `registry`.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn new(clock: Clock, registry: Registry) -> Self {
        let entropy = getrandom::u64().expect("the operating system gives randomness");
        let (catalog, hints, figures) = (OnceLock::new(), OnceLock::new(), Figures::new(&registry));
        Self(Arc::new(Inner { clock, registry, ids: IdSource::new(entropy), catalog, hints, figures }))
    }

    /// The kinds this binary knows.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// What is counted.
    pub fn figures(&self) -> &Figures {
        &self.0.figures
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
        let now = self.0.clock.now();
        let ids: Vec<_> = self.0.ids.take(now, jobs.len()).collect();
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
            store::insert::insert(tx, catalog, jobs, &ids, now, places).await?;
        if let Some((_, reserved)) = &mut reserved {
            reserved.expect(&leased);
        }
        self.hint_on_commit(tx, jobs, &ids, now, (reserved.map(|(_, reserved)| reserved), leased));
        Ok(ids)
    }

    /// Idle workers for the jobs that are due now: of the queue of the first, because nearly always there is one queue.
    /// Unique jobs wait for the dispatcher, whose statement knows when their keys are released.
    fn reserve(&self, jobs: &[NewJob], now: Timestamp) -> Option<(QueueName, Box<dyn Reserved>)> {
        let hints = self.0.hints.get()?;
        if jobs.iter().any(|job| job.unique.is_some()) {
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
        let (mut ready, mut counts) = ([false; QueueName::ALL.len()], [0; QueueName::ALL.len()]);
        let mut due = None::<Timestamp>;
        for (job, id) in jobs.iter().zip(ids) {
            counts[job.queue.index()] += 1;
            match job.run_at.filter(|at| *at > now) {
                Some(at) => due = Some(due.map_or(at, |due| due.min(at))),
                None if leased.iter().any(|claimed| Some(claimed.job) == *id) => {}
                None => ready[job.queue.index()] = true,
            }
        }
        let jobs = self.clone();
        tx.on_commit(move || {
            if let Some(reserved) = reserved {
                jobs.figures().engine.handed_over.fetch_add(leased.len() as u64, Relaxed);
                reserved.start(leased);
            }
            for queue in QueueName::ALL {
                jobs.figures().enqueued[queue.index()].fetch_add(counts[queue.index()], Relaxed);
                if ready[queue.index()] {
                    jobs.wake(queue);
                }
            }
            if let Some(at) = due {
                jobs.wake_at(at);
            }
        });
    }

    /// Jobs of `queue` may be ready: somebody should look. A hint, never a promise.
    pub fn wake(&self, queue: QueueName) {
        self.hint(Hint::Ready(queue));
    }

    pub(super) fn hint(&self, hint: Hint) {
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
