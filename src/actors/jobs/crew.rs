//! The workers of one queue: a bounded number of tasks that exist only while there is work.
//!
//! Invariants
//! - At most `workers` runners; they alone take from `waiting`. Runners that are too many end with their job.
//! - Every claimed job ends in exactly one report, or in the handler's own commit. A job that was never started is
//!   given back.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use ahash::AHashMap;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{attempt, engine::Engine};
use crate::jobs::{JobId, QueueName, Report, Stuck, Verdict, store::Claimed};

/// Claimed ahead of free workers: what the queue finishes in this time. Several claims of a full batch each are in it.
const AHEAD: Duration = Duration::from_millis(100);
/// Jobs that were claimed ahead go back when no worker has been free for so long: others may run them meanwhile.
const LATE: Duration = Duration::from_secs(1);
/// How fast the estimate of the queue's pace follows: the weight of the newest look.
const PACE_WEIGHT: f64 = 0.5;
/// The pace is measured over at least this long.
const PACE_OVER: Duration = Duration::from_millis(5);

/// The workers of one queue.
pub(super) struct Crew {
    pub(super) queue: QueueName,
    ahead_max: usize,
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Claimed>,
    /// By token: the same job may be leased to us again while its last attempt is being cut.
    running: AHashMap<i64, Running>,
    /// Runners there may be.
    workers: usize,
    /// The queue is paused, or the node is drained: nothing is taken on.
    paused: bool,
    draining: bool,
    /// Runner tasks.
    runners: usize,
    /// Places kept for jobs of open transactions.
    reserved: usize,
    closed: bool,
    /// Jobs ended so far, and what that means per second.
    ended: u64,
    pace: f64,
    looked: Option<(Instant, u64)>,
    /// When a job was last taken from those that wait, or they came.
    moved: Option<Instant>,
}

/// A running attempt, as the crew sees it.
pub(super) struct Running {
    pub(super) job: JobId,
    pub(super) kind: &'static str,
    pub(super) since: Instant,
    /// Asks it to end.
    pub(super) cancelled: CancellationToken,
    /// Ends it.
    pub(super) cut: CancellationToken,
    /// Somebody wants the job cancelled: since when, and why.
    pub(super) asked: Option<(Instant, Box<str>)>,
    /// Its time is up then.
    pub(super) deadline: Instant,
    /// When it was first seen running although it was cut or its time was up, and whether that was reported.
    pub(super) late: Option<(Instant, bool)>,
}

impl Running {
    /// An attempt that begins; with the tokens that ask it to end and that end it.
    pub(super) fn new(
        claimed: &Claimed,
        kind: &'static str,
        since: Instant,
        (cancelled, cut): (CancellationToken, CancellationToken),
    ) -> Self {
        let (job, deadline) = (claimed.job, since + claimed.timeout);
        Self { job, kind, since, cancelled, cut, asked: None, deadline, late: None }
    }
}

/// What came of cancelling an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancel {
    /// It is not here.
    Unknown,
    /// It was asked to end just now, or had not begun and is ended.
    Asked,
    /// It was asked before.
    Known,
}

/// How a queue is run on this node, as administrators want.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) workers: usize,
    pub(super) paused: bool,
}

/// What the console shows.
pub(super) struct Load {
    pub(super) workers: usize,
    pub(super) runners: usize,
    pub(super) waiting: usize,
    pub(super) ended: u64,
    pub(super) pace: f64,
    /// The longest running attempts: id, kind, seconds.
    pub(super) running: Vec<(JobId, &'static str, f64)>,
}

impl State {
    fn takes_nothing(&self) -> bool {
        self.closed || self.paused || self.draining || self.workers == 0
    }

    /// Runners that may be added.
    fn free(&self) -> usize {
        self.workers.saturating_sub(self.runners)
    }
}

impl Crew {
    pub(super) fn new(queue: QueueName, workers: usize, ahead_max: usize) -> Self {
        let state = State { workers: workers.max(1), ..State::default() };
        Self { queue, ahead_max, state: Mutex::new(state), idle: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more jobs to claim: free workers, and what they will soon be free for.
    pub(super) fn room(&self) -> usize {
        let mut state = self.lock();
        if state.takes_nothing() {
            return 0;
        }
        let now = Instant::now();
        match state.looked {
            Some((looked, ended)) if now - looked >= PACE_OVER => {
                let pace = (state.ended - ended) as f64 / (now - looked).as_secs_f64();
                state.pace += (pace - state.pace) * PACE_WEIGHT;
                state.looked = Some((now, state.ended));
            }
            Some(_) => {}
            None => state.looked = Some((now, state.ended)),
        }
        (state.free() + self.ahead(&state)).saturating_sub(state.waiting.len() + state.reserved)
    }

    /// Keeps up to `wanted` idle workers for jobs that are about to be committed; 0 if there is other work for them.
    pub(super) fn reserve(&self, wanted: usize) -> usize {
        let mut state = self.lock();
        if state.takes_nothing() || !state.waiting.is_empty() {
            return 0;
        }
        let count = wanted.min(state.free().saturating_sub(state.reserved));
        state.reserved += count;
        count
    }

    /// They are not needed any more.
    pub(super) fn release(&self, engine: &Engine, count: usize) {
        self.lock().reserved -= count;
        engine.bells.room[self.queue.index()].ring();
    }

    fn ahead(&self, state: &State) -> usize {
        ((state.pace * AHEAD.as_secs_f64()) as usize).min(self.ahead_max)
    }

    /// A worker is idle.
    pub(super) fn is_free(&self) -> bool {
        let state = self.lock();
        !state.takes_nothing() && state.free() > 0
    }

    /// Attempts that neither a cut nor the end of their time has ended for `grace`: their handlers never wait, so that
    /// they keep their worker, too.
    pub(super) fn stuck(&self, grace: Duration) -> Vec<Stuck> {
        let (now, mut stuck) = (Instant::now(), Vec::new());
        for it in self.lock().running.values_mut().filter(|it| it.cut.is_cancelled() || it.deadline < now) {
            let (since, is_told) = it.late.get_or_insert((now, false));
            let since = now - *since;
            if since >= grace {
                let is_news = !std::mem::replace(is_told, true);
                stuck.push(Stuck { job: it.job, kind: it.kind, since, is_news });
            }
        }
        stuck
    }

    /// The queue is paused or the node is drained.
    pub(super) fn is_resting(&self) -> bool {
        let state = self.lock();
        state.paused || state.draining
    }

    /// Runs the queue as administrators want.
    pub(super) fn settle(&self, engine: &Arc<Engine>, settings: Settings) {
        let Settings { workers, paused } = settings;
        let is_same = |state: &State| state.workers == workers && state.paused == paused;
        if is_same(&self.lock()) {
            return;
        }
        tracing::info!(queue = %self.queue, workers, paused, "an administrator changed how a queue is run");
        let spawn = self.change(engine, |state| (state.workers, state.paused) = (workers, paused));
        self.spawn(engine, spawn);
    }

    /// Takes nothing more, or works again.
    pub(super) fn drain(&self, engine: &Engine, draining: bool) {
        // Nothing waits in a drained node, so that nobody is missing when it works again.
        self.change(engine, |state| state.draining = draining);
    }

    /// What waits is given back where nobody would take it; where there is room now, it is claimed anew. How many runners
    /// to spawn for what waits already.
    fn change(&self, engine: &Engine, change: impl FnOnce(&mut State)) -> usize {
        let (waiting, works, spawn) = {
            let mut state = self.lock();
            change(&mut state);
            let works = !state.takes_nothing();
            let waiting = if works { VecDeque::new() } else { std::mem::take(&mut state.waiting) };
            let spawn = state.waiting.len().min(state.free());
            state.runners += spawn;
            (waiting, works, spawn)
        };
        engine.report(waiting.iter().map(give_back));
        if works {
            engine.set_backlog(self.queue, true); // nothing is handed over before a look
            engine.bells.ready[self.queue.index()].ring();
        }
        spawn
    }

    /// Cancels the attempt with this token: it is asked to end, and cut when it was asked for longer than `grace` ago.
    pub(super) fn cancel(&self, engine: &Engine, token: i64, reason: &str, grace: Duration) -> Cancel {
        let mut state = self.lock();
        if let Some(place) = state.waiting.iter().position(|claimed| claimed.token == token) {
            let claimed = state.waiting.remove(place).expect("it is in its place");
            drop(state);
            engine.report([attempt::cancelled(&claimed, reason)]);
            return Cancel::Asked;
        }
        let Some(running) = state.running.get_mut(&token) else { return Cancel::Unknown };
        if let Some((since, _)) = &running.asked {
            if since.elapsed() >= grace {
                running.cut.cancel();
            }
            return Cancel::Known;
        }
        running.asked = Some((Instant::now(), reason.into()));
        running.cancelled.cancel();
        Cancel::Asked
    }

    /// Takes over claimed jobs. The caller has marked them as held.
    pub(super) fn take_on(&self, engine: &Arc<Engine>, claimed: Vec<Claimed>) {
        let spawn = {
            let mut state = self.lock();
            if state.takes_nothing() || engine.is_fenced() {
                drop(state);
                engine.report(claimed.into_iter().map(|job| give_back(&job)));
                return;
            }
            if state.waiting.is_empty() {
                state.moved = Some(Instant::now());
            }
            state.waiting.extend(claimed);
            let spawn = state.waiting.len().min(state.free());
            state.runners += spawn;
            spawn
        };
        self.spawn(engine, spawn);
    }

    /// Runners that are on the list already.
    fn spawn(&self, engine: &Arc<Engine>, count: usize) {
        for _ in 0..count {
            let (engine, queue) = (engine.clone(), self.queue);
            engine.clone().tasks.spawn(async move { engine.crew(queue).work(&engine).await });
        }
    }

    /// One runner: works until nothing waits.
    async fn work(&self, engine: &Arc<Engine>) {
        let runner = Runner(self);
        while let Some(claimed) = self.next(engine) {
            let report = attempt::run(engine, self, claimed).await;
            engine.report(report);
            // A job that never waits for anything must not keep the thread for itself.
            tokio::task::coop::consume_budget().await;
        }
        std::mem::forget(runner); // `next` has taken it off the list together with its last look
    }

    /// The next job; `None` takes the runner off the list. Asks for more before the last one is taken.
    fn next(&self, engine: &Engine) -> Option<Claimed> {
        let (next, is_low) = {
            let mut state = self.lock();
            let is_surplus = state.runners > state.workers;
            let next = if is_surplus { None } else { state.waiting.pop_front() };
            if next.is_none() {
                state.runners -= 1;
            } else {
                state.moved = Some(Instant::now());
            }
            (next, state.waiting.len() <= self.ahead(&state) / 2)
        };
        if is_low {
            engine.bells.room[self.queue.index()].ring();
        }
        if next.is_none() {
            self.idle.notify_waiters();
        }
        next
    }

    pub(super) fn started(&self, engine: &Engine, token: i64, running: Running) {
        engine.jobs.figures().running[self.queue.index()].fetch_add(1, Relaxed);
        let cut = running.cut.clone();
        self.lock().running.insert(token, running);
        // Who comes after the fence has cut what ran is cut, too.
        if engine.is_fenced() {
            cut.cancel();
        }
    }

    /// Off the list; why it should have been cancelled, if somebody wanted that.
    pub(super) fn ended(&self, engine: &Engine, token: i64) -> Option<Box<str>> {
        engine.jobs.figures().running[self.queue.index()].fetch_sub(1, Relaxed);
        let mut state = self.lock();
        state.ended += 1;
        state.running.remove(&token)?.asked.map(|(_, reason)| reason)
    }

    /// Ends everything now: what runs is cut off, what waits is given back.
    pub(super) fn cut(&self, engine: &Engine) {
        let waiting = {
            let mut state = self.lock();
            for running in state.running.values() {
                running.cancelled.cancel();
                running.cut.cancel();
            }
            std::mem::take(&mut state.waiting)
        };
        engine.report(waiting.iter().map(give_back));
    }

    /// The jobs have become slower than those before them: what was claimed ahead goes back to where other processes find
    /// it, and nothing is claimed ahead until some have ended.
    pub(super) fn give_back_late(&self, engine: &Engine) {
        let waiting = {
            let mut state = self.lock();
            if state.waiting.is_empty() || state.moved.is_none_or(|moved| moved.elapsed() < LATE) {
                return;
            }
            (state.pace, state.looked) = (0.0, None);
            std::mem::take(&mut state.waiting)
        };
        engine.report(waiting.iter().map(give_back));
    }

    /// Takes nothing more: what waits is given back, what runs goes on.
    pub(super) fn close(&self, engine: &Engine) {
        let waiting = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        engine.report(waiting.iter().map(give_back));
    }

    pub(super) fn open(&self) {
        self.lock().closed = false;
    }

    /// Waits until no runner is left; at `deadline` the rest is cut off and given back.
    pub(super) async fn finish(&self, engine: &Engine, deadline: Instant) {
        if timeout_at(deadline, self.idle()).await.is_err() {
            let left = self.lock().running.len();
            tracing::warn!(queue = %self.queue, jobs = left, "the time to stop is up: jobs are cut off and given back");
            self.cut(engine);
            // Cut tasks end at their next await.
            let _ = timeout_at(Instant::now() + Duration::from_millis(500), self.idle()).await;
        }
    }

    async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.lock().runners == 0 {
                return;
            }
            idle.await;
        }
    }

    pub(super) fn load(&self) -> Load {
        /// Attempts shown.
        const SHOWN: usize = 10;
        let state = self.lock();
        let mut running: Vec<_> =
            state.running.values().map(|it| (it.job, it.kind, it.since.elapsed().as_secs_f64())).collect();
        running.sort_by(|one, other| other.2.total_cmp(&one.2));
        running.truncate(SHOWN);
        Load {
            workers: state.workers,
            runners: state.runners,
            waiting: state.waiting.len(),
            ended: state.ended,
            pace: state.pace,
            running,
        }
    }
}

/// Takes a runner off the list if it dies by a bug of ours.
struct Runner<'a>(&'a Crew);

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        self.0.lock().runners -= 1;
        self.0.idle.notify_waiters();
    }
}

fn give_back(claimed: &Claimed) -> Report {
    Report::new(claimed.job, claimed.token, Verdict::GiveBack)
}

impl Engine {
    /// Hands reports to the acknowledger.
    pub(super) fn report(&self, reports: impl IntoIterator<Item = Report>) {
        let mut any = false;
        self.outbox.push(reports.into_iter().inspect(|_| any = true));
        if any {
            self.bells.reports.ring();
        }
    }
}
