//! Work that blocks a thread: in a pool of its own, so that neither the runtime nor the other jobs wait for it.
//!
//! `ctx.blocking(|it| …)` runs the closure on one of `jobs.blocking_threads` threads. A thread cannot be stopped from
//! outside: when its attempt is over (cancelled, timed out, cut off), the attempt is reported and its worker is free at
//! once, the closure is asked through [`Blocking::is_cancelled`], and its late result is dropped. Its *thread* stays taken
//! until it ends, knowingly: more threads for work that never ends would be a leak. One that goes on for
//! `jobs.cancel_grace` after its attempt is reported as stuck, by the steward.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use ahash::AHashMap;
use anyhow::Context as _;
use tokio::{
    sync::{Semaphore, oneshot},
    time::Instant,
};

use super::{Attempt, JobContext, JobId};
use crate::scope;

/// A thread without work ends after this long.
const IDLE: Duration = Duration::from_secs(10);
/// On a machine with too much to do, these threads get a third of the processor time of those that answer requests (sched(7)).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

type Work = Box<dyn FnOnce() + Send>;

/// The threads.
#[derive(Clone)]
pub struct BlockingPool(Arc<Inner>);

struct Inner {
    /// As many as threads: who has one has a thread.
    permits: Arc<Semaphore>,
    max: usize,
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    idle: usize,
    threads: usize,
    begun: u64,
    running: AHashMap<u64, Running>,
}

struct Running {
    job: JobId,
    kind: &'static str,
    /// When its attempt was over, if it is.
    abandoned: Option<Instant>,
    alarmed: bool,
}

/// Work that goes on although its attempt is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuck {
    /// The job.
    pub job: JobId,
    /// Its kind.
    pub kind: &'static str,
    /// For how long its attempt has been over.
    pub since: Duration,
    /// It has not been reported before.
    pub is_news: bool,
}

/// What blocking work may ask.
#[derive(Debug)]
pub struct Blocking(Attempt);

impl Blocking {
    /// The attempt should end, or has ended without this work: return soon, nobody reads the result. Long loops look
    /// here.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.is_cancelled()
    }

    /// Which attempt this is.
    pub fn attempt(&self) -> &Attempt {
        &self.0
    }
}

impl JobContext {
    /// Runs work that blocks its thread. Waits for a free thread first; that counts to the attempt's time.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Blocking) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        self.threads.run(self.attempt(), work).await
    }
}

impl BlockingPool {
    /// A pool of up to `threads`, which start when they are needed.
    pub fn new(threads: usize) -> Self {
        let max = threads.max(1);
        let permits = Arc::new(Semaphore::new(max));
        Self(Arc::new(Inner { permits, max, state: Mutex::default(), more: Condvar::new() }))
    }

    async fn run<T: Send + 'static>(
        &self,
        attempt: &Attempt,
        work: impl FnOnce(&Blocking) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let permit = self.0.permits.clone().acquire_owned().await.context("the threads are gone")?;
        let (sender, answer) = oneshot::channel();
        let begun = Begun { pool: self.clone(), number: self.begin(attempt) };
        let (pool, number, scope) = (self.clone(), begun.number, scope::current());
        let blocking = Blocking(attempt.clone());
        let work = move || catch_unwind(AssertUnwindSafe(|| work(&blocking)));
        self.submit(Box::new(move || {
            let result = match scope {
                Some(scope) => scope.enter_blocking(work),
                None => work(),
            };
            pool.end(number);
            drop(permit);
            let _ = sender.send(result); // nobody waits for the result of an attempt that is over
        }))?;
        let result = answer.await.context("the thread ended without an answer")?;
        drop(begun);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn begin(&self, attempt: &Attempt) -> u64 {
        let mut state = self.0.lock();
        state.begun += 1;
        let number = state.begun;
        let running = Running { job: attempt.job, kind: attempt.kind, abandoned: None, alarmed: false };
        state.running.insert(number, running);
        number
    }

    fn end(&self, number: u64) {
        let ended = self.0.lock().running.remove(&number);
        if let Some(Running { job, kind, abandoned: Some(since), alarmed: true, .. }) = ended {
            let seconds = since.elapsed().as_secs_f64();
            tracing::info!(job.id = %job, job.kind = kind, seconds, "a stuck blocking handler has ended at last");
        }
    }

    fn submit(&self, work: Work) -> anyhow::Result<()> {
        let mut state = self.0.lock();
        state.waiting.push_back(work);
        // With all threads there, one without a permit is on its way back: there are never more permits than threads.
        if state.waiting.len() <= state.idle || state.threads == self.0.max {
            drop(state);
            self.0.more.notify_one();
            return Ok(());
        }
        state.threads += 1;
        drop(state);
        let inner = self.0.clone();
        let spawned = thread::Builder::new().name("jobs-blocking".to_owned()).spawn(move || {
            // Of this thread alone, which is so in Linux only. Without it, it works, too.
            #[cfg(target_os = "linux")]
            rustix::process::nice(NICENESS).ok();
            inner.work();
        });
        if let Err(error) = spawned {
            let mut state = self.0.lock();
            state.threads -= 1;
            state.waiting.pop_back();
            return Err(error).context("the system gives no thread");
        }
        Ok(())
    }

    /// Work whose attempt was over for at least `grace`; news are told once.
    pub fn stuck(&self, grace: Duration) -> Vec<Stuck> {
        let mut state = self.0.lock();
        let abandoned = state.running.values_mut().filter_map(|it| Some((it.abandoned?.elapsed(), it)));
        abandoned
            .filter(|(since, _)| *since >= grace)
            .map(|(since, it)| {
                let is_news = !std::mem::replace(&mut it.alarmed, true);
                Stuck { job: it.job, kind: it.kind, since, is_news }
            })
            .collect()
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.0.lock().running.len()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread: works until nothing has come for a while.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                drop(state);
                work();
                state = self.lock();
                continue;
            }
            state.idle += 1;
            let waited = self.more.wait_timeout_while(state, IDLE, |state| state.waiting.is_empty());
            let (awake, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = awake;
            state.idle -= 1;
            if timeout.timed_out() && state.waiting.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

/// Work whose attempt waits for it. Dropped before the end, the attempt is over.
struct Begun {
    pool: BlockingPool,
    number: u64,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(running) = self.pool.0.lock().running.get_mut(&self.number) {
            running.abandoned = Some(Instant::now());
        }
    }
}
