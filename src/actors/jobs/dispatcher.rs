//! One queue's dispatcher: claims ready jobs, as many as its crew has room for, and hands them over.
//!
//! A hint makes it look at once; polling, faster after a hit and slower when idle, is the guarantee. One claim is in
//! flight, and others beside it only where jobs abound. Claimed jobs belong to the crew, not to this actor: its crash loses
//! none, and a claim whose answer dies with it is found by the rescuer.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, fly},
    db::Link,
    jobs::{
        QueueName,
        store::{claims, limits},
    },
};

/// Most claims in flight: one connection of PostgreSQL must not set the pace of a queue.
pub(super) const CLAIMS_AT_ONCE: usize = 3;
/// Longest pause while the database does not answer: it may be back any moment.
const AWAY_POLL: Duration = Duration::from_millis(250);
/// Nothing is claimed while this many flushes' worth of reports wait.
const UNWRITTEN_FLUSHES: usize = 4;

/// Messages of a dispatcher.
pub enum DispatcherMsg {
    /// Jobs may be ready.
    Ready,
    /// The crew has room.
    Room,
    /// A pause is over.
    Poll {
        /// Only the last planned one counts.
        plan: u64,
    },
    /// A claim has its answer; the jobs are with the crew.
    Claimed {
        /// The connection that is free again.
        link: usize,
        /// How many were asked for.
        asked: usize,
        /// How many came; `None` when the database did not answer.
        got: Option<usize>,
        /// When its rate lets the next one start.
        next_token: Option<Duration>,
    },
}
crate::kinds!(DispatcherMsg: Ready, Room, Poll, Claimed);

/// The dispatcher of one queue.
pub(super) struct Dispatcher {
    pub(super) engine: Arc<Engine>,
    pub(super) queue: QueueName,
    pub(super) links: [Arc<Link>; CLAIMS_AT_ONCE],
    /// When something was last claimed, or a queue with limits looked at; the watchdog looks at it.
    pub(super) last_claim: Arc<Mutex<Option<Instant>>>,
}

/// Lost in a crash: only the pace.
pub(super) struct DispatcherState {
    /// Connections without a claim.
    free: Vec<usize>,
    /// Jobs asked for by claims in flight.
    asked: usize,
    /// A hint came while a claim was in flight: look once more.
    again: bool,
    /// The last claim brought all that was asked for: there may be more.
    more: bool,
    pause: Duration,
    plan: u64,
}

impl DispatcherState {
    fn is_flying(&self) -> bool {
        self.free.len() < CLAIMS_AT_ONCE
    }
}

impl Behaviour for Dispatcher {
    type Msg = DispatcherMsg;
    type State = DispatcherState;

    async fn init(&self, ctx: &Context<DispatcherMsg>) -> Result<DispatcherState, Failure> {
        self.engine.bells.ready[self.queue.index()].answer();
        self.engine.bells.room[self.queue.index()].answer();
        ctx.myself().tell(DispatcherMsg::Poll { plan: 0 });
        let pause = *self.engine.config.poll_min;
        let free = (0..CLAIMS_AT_ONCE).rev().collect();
        Ok(DispatcherState { free, asked: 0, again: false, more: true, pause, plan: 0 })
    }

    async fn handle(
        &self,
        ctx: &Context<DispatcherMsg>,
        message: DispatcherMsg,
        state: &mut DispatcherState,
    ) -> Result<(), Failure> {
        match message {
            DispatcherMsg::Ready => {
                self.engine.bells.ready[self.queue.index()].answer();
                state.again |= state.is_flying();
                self.claim(ctx, state);
            }
            DispatcherMsg::Room => {
                self.engine.bells.room[self.queue.index()].answer();
                if state.more {
                    self.claim(ctx, state);
                }
            }
            DispatcherMsg::Poll { plan } => {
                if plan == state.plan && !state.is_flying() {
                    self.claim(ctx, state);
                }
            }
            DispatcherMsg::Claimed { link, asked, got, next_token } => {
                state.free.push(link);
                state.asked -= asked;
                self.claimed(ctx, state, (asked, got), next_token);
            }
        }
        Ok(())
    }

    fn view(&self, state: &DispatcherState) -> serde_json::Value {
        let load = self.engine.crew(self.queue).load();
        let running: Vec<_> = load
            .running
            .iter()
            .map(|(job, kind, seconds)| serde_json::json!({ "job": job, "kind": kind, "seconds": seconds }))
            .collect();
        serde_json::json!({
            "claims_flying": CLAIMS_AT_ONCE - state.free.len(), "poll_ms": state.pause.as_millis() as u64, "workers": load.workers, "workers_busy": load.runners, "resting": self.engine.crew(self.queue).is_resting(),
            "claimed_ahead": load.waiting, "ended": load.ended, "pace_per_s": load.pace.round(),
            "longest_running": running, "fenced": self.engine.is_fenced(), "stopping": self.engine.is_stopping(),
        })
    }

    /// Stops claiming; what runs has until the common deadline, the rest is given back.
    async fn stop(&self, _state: &mut DispatcherState) {
        let deadline = self.engine.begin_stop(*self.engine.resources.config.server.stop_grace);
        self.engine.crew(self.queue).finish(&self.engine, deadline).await;
    }
}

impl Dispatcher {
    /// Starts claims if there are room and reason; plans the next look otherwise. A second one flies beside the first
    /// only while jobs abound, and for as many as are worth a statement.
    fn claim(&self, ctx: &Context<DispatcherMsg>, state: &mut DispatcherState) {
        let (engine, config) = (&self.engine, &self.engine.config);
        if state.is_flying() && (!state.more || engine.is_limited(self.queue)) {
            return;
        }
        let unwritten = engine.outbox.len() >= config.ack * UNWRITTEN_FLUSHES;
        let (Some(worker), Some(catalog)) = (engine.worker(), engine.jobs.catalog()) else {
            return Self::plan(ctx, state, AWAY_POLL);
        };
        if engine.is_stopping() {
            return;
        }
        if engine.is_fenced() || unwritten {
            if !state.is_flying() {
                Self::plan(ctx, state, *config.poll_min);
            }
            return;
        }
        let limit = engine.crew(self.queue).room().saturating_sub(state.asked).min(config.claim);
        if state.is_flying() && limit < config.claim {
            return;
        }
        if limit == 0 {
            state.more = true; // the crew rings when there is room
            if !engine.crew(self.queue).is_free() {
                engine.set_backlog(self.queue, true);
            }
            return;
        }
        let Some(at) = state.free.pop() else { return };
        state.again &= state.asked > 0; // a claim before the hint may have missed what it was about
        state.asked += limit;
        state.plan += 1;
        self.fly(ctx, (at, limit), (worker, catalog.queue(self.queue)));
        if state.more {
            self.claim(ctx, state);
        }
    }

    fn fly(&self, ctx: &Context<DispatcherMsg>, (at, limit): (usize, usize), (worker, number): (i64, i16)) {
        let (link, queue) = (self.links[at].clone(), self.queue);
        let (engine, last_claim) = (self.engine.clone(), self.last_claim.clone());
        let lost = DispatcherMsg::Claimed { link: at, asked: limit, got: None, next_token: None };
        fly(ctx, lost, async move {
            let rescue = *engine.config.rescue;
            let within = if engine.is_limited(queue) {
                limits::claim(&link, number, limit, worker, rescue).await
            } else {
                let claimed = claims::claim(&link, number, limit, worker, rescue).await;
                claimed.map(|claimed| limits::Within { claimed, next_token: None })
            };
            let figures = &engine.jobs.figures().engine;
            figures.claims.fetch_add(1, Relaxed);
            let within = within.inspect_err(|error| trouble("nothing could be claimed", error)).ok();
            let got = within.as_ref().map(|within| within.claimed.len());
            // Where a limit may be in the way, or another node faster, an answer is enough: nobody is stuck.
            if got.is_some_and(|got| got > 0 || engine.is_limited(queue)) {
                *last_claim.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            let next_token = within.as_ref().and_then(|within| within.next_token);
            if let Some(claimed) = within.map(|within| within.claimed).filter(|claimed| !claimed.is_empty()) {
                engine.jobs.orders().served(queue, claimed.iter().map(|job| job.rank).max().unwrap_or(0));
                figures.claimed.fetch_add(claimed.len() as u64, Relaxed);
                engine.jobs.figures().claim_sizes.record(claimed.len() as u64);
                engine.hold(claimed.iter().map(|job| job.token));
                engine.crew(queue).take_on(&engine, claimed);
            }
            DispatcherMsg::Claimed { link: at, asked: limit, got, next_token }
        });
    }

    fn claimed(
        &self,
        ctx: &Context<DispatcherMsg>,
        state: &mut DispatcherState,
        (asked, got): (usize, Option<usize>),
        next_token: Option<Duration>,
    ) {
        let config = &self.engine.config;
        state.more = got == Some(asked);
        self.engine.set_backlog(self.queue, state.more || got.is_none() || state.is_flying());
        if let Some(pause) = next_token {
            // A hint before the next token would find nothing; but somebody may change the rate.
            state.more = false;
            return Self::plan(ctx, state, pause.max(*config.poll_min).min(*config.poll_max));
        }
        if state.more || (state.again && got.is_some()) {
            return self.claim(ctx, state);
        }
        if state.is_flying() {
            return; // its answer says how it goes on
        }
        state.pause = match got {
            Some(0) => (state.pause * 2).min(*config.poll_max),
            Some(_) => *config.poll_min,
            None => (state.pause * 2).min(AWAY_POLL),
        };
        Self::plan(ctx, state, state.pause);
    }

    fn plan(ctx: &Context<DispatcherMsg>, state: &mut DispatcherState, pause: Duration) {
        state.plan += 1;
        let (myself, plan) = (ctx.myself(), state.plan);
        ctx.background(async move {
            tokio::time::sleep(pause).await;
            myself.tell(DispatcherMsg::Poll { plan });
        });
    }
}
