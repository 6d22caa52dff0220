//! The timer: sleeps until the next job is due, then moves it into its queue. Looks at least every `jobs.poll_max`,
//! because other nodes enqueue too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, Reply, fly},
    db::DbError,
    jobs::store::due,
};

/// Most jobs moved by one statement: it holds row locks, so it should be short.
const BATCH: usize = 2000;

/// Messages of the timer.
pub enum TimerMsg {
    /// A job is due then; the actor may have planned to sleep longer.
    Due {
        /// When.
        at: Timestamp,
    },
    /// Look now.
    Look,
    /// The planned sleep is over.
    Wake {
        /// Only the last planned one counts.
        plan: u64,
    },
    /// A look has ended.
    Looked {
        /// When the next job is due; `None` when none is, or the database did not answer.
        next: Option<Timestamp>,
    },
    /// Move everything due, then answer.
    CatchUp {
        /// The answer.
        done: Reply<()>,
    },
}
crate::kinds!(TimerMsg: Due, Look, Wake, Looked, CatchUp);

/// The timer.
pub(super) struct Timer {
    pub(super) engine: Arc<Engine>,
    /// The next planned look, in microseconds of the epoch: later hints need no message.
    pub(super) planned: Arc<AtomicI64>,
}

/// Lost in a crash: only the plan.
pub(super) struct TimerState {
    flying: bool,
    again: bool,
    plan: u64,
}

impl Behaviour for Timer {
    type Msg = TimerMsg;
    type State = TimerState;

    async fn init(&self, ctx: &Context<TimerMsg>) -> Result<TimerState, Failure> {
        self.engine.bells.due.answer();
        self.planned.store(i64::MIN, Relaxed); // hints are of no use before the first look
        ctx.myself().tell(TimerMsg::Wake { plan: 0 });
        Ok(TimerState { flying: false, again: false, plan: 0 })
    }

    async fn handle(
        &self,
        ctx: &Context<TimerMsg>,
        message: TimerMsg,
        state: &mut TimerState,
    ) -> Result<(), Failure> {
        match message {
            TimerMsg::Due { at } => {
                if state.flying {
                    state.again = true;
                } else if at.as_microsecond() < self.planned.load(Relaxed) {
                    self.sleep_until(ctx, state, at);
                }
            }
            TimerMsg::Look => {
                self.engine.bells.due.answer();
                self.look(ctx, state);
            }
            TimerMsg::Wake { plan } => {
                if plan == state.plan {
                    self.look(ctx, state);
                }
            }
            TimerMsg::Looked { next } => {
                state.flying = false;
                if std::mem::take(&mut state.again) {
                    self.look(ctx, state);
                } else {
                    let at = self.engine.jobs.clock().now() + *self.engine.config.poll_max;
                    self.sleep_until(ctx, state, next.map_or(at, |next| next.min(at)));
                }
            }
            TimerMsg::CatchUp { done } => {
                let engine = self.engine.clone();
                ctx.spawn(async move {
                    if let Err(error) = promote_all(&engine).await {
                        trouble("due jobs could not be moved", &error);
                    }
                    done.send(());
                });
            }
        }
        Ok(())
    }

    fn view(&self, state: &TimerState) -> serde_json::Value {
        let next = Timestamp::from_microsecond(self.planned.load(Relaxed)).ok();
        serde_json::json!({
            "looking": state.flying, "next_look": next,
            "promoted": self.engine.jobs.figures().engine.promoted.load(Relaxed),
        })
    }
}

impl Timer {
    fn look(&self, ctx: &Context<TimerMsg>, state: &mut TimerState) {
        if std::mem::replace(&mut state.flying, true) {
            state.again = true;
            return;
        }
        state.plan += 1;
        // Hints between this look and its end make it look again.
        self.planned.store(i64::MAX, Relaxed);
        let engine = self.engine.clone();
        fly(ctx, TimerMsg::Looked { next: None }, async move {
            let next = promote_all(&engine).await.unwrap_or_else(|error| {
                trouble("due jobs could not be moved", &error);
                None
            });
            TimerMsg::Looked { next }
        });
    }

    fn sleep_until(&self, ctx: &Context<TimerMsg>, state: &mut TimerState, at: Timestamp) {
        self.planned.store(at.as_microsecond(), Relaxed);
        state.plan += 1;
        let left = Duration::try_from(at.duration_since(self.engine.jobs.clock().now())).unwrap_or_default();
        let (myself, plan) = (ctx.myself(), state.plan);
        // Tests move the clock while we sleep: never longer than the poll.
        let sleep = left.min(*self.engine.config.poll_max);
        ctx.background(async move {
            tokio::time::sleep(sleep).await;
            myself.tell(TimerMsg::Wake { plan });
        });
    }
}

/// Moves everything due and rings for it; when the next one is due.
async fn promote_all(engine: &Engine) -> Result<Option<Timestamp>, DbError> {
    loop {
        let now = engine.jobs.clock().now();
        let due::Promoted { moved, queues, doors } = due::promote(&engine.control, now, BATCH).await?;
        engine.jobs.figures().engine.promoted.fetch_add(moved as u64, Relaxed);
        engine.look_at_doors(doors);
        if let Some(catalog) = engine.jobs.catalog() {
            for queue in queues.into_iter().filter_map(|number| catalog.queue_name(number)) {
                engine.jobs.wake(queue);
            }
        }
        if moved < BATCH {
            return due::next(&engine.control).await;
        }
    }
}
