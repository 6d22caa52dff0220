//! The scheduler: decides cron ticks. Several nodes may run it; one compare-and-swap per tick decides who enqueues.
//!
//! Nodes that look at the same moment begin at different places of the list, and leave to the others what these have in
//! hand: they share the work instead of queueing for it. Who changes the table says so to all (a hint); the look once per
//! `jobs.poll_max` is the guarantee.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, Reply, fly},
    db::DbError,
    jobs::{
        schedules::{self, Schedule},
        store::{catalog, cron},
    },
};

/// Schedules decided at once: each holds a connection of the pool for some milliseconds.
const AT_ONCE: usize = 4;
/// Before the next look at a tick that has come and that somebody else has in hand, or that could not be decided.
const AGAIN: Duration = Duration::from_millis(25);

/// Messages of the scheduler.
pub enum SchedulerMsg {
    /// The table has changed.
    Changed,
    /// The time of that plan has come.
    Look {
        /// An older one than the newest is void.
        plan: u64,
    },
    /// A look has ended.
    Looked {
        /// When the next tick comes, if that is known.
        next: Option<Timestamp>,
    },
    /// Decide everything due, then answer.
    CatchUp {
        /// The answer.
        done: Reply<()>,
    },
}
crate::kinds!(SchedulerMsg: Changed, Look, Looked, CatchUp);

/// The scheduler.
pub(super) struct Scheduler {
    pub(super) engine: Arc<Engine>,
    pub(super) schedules: Vec<Schedule>,
    /// The table in code has been written to the database.
    pub(super) saved: AtomicBool,
}

/// Lost in a crash: only the pace.
#[derive(Default)]
pub(super) struct SchedulerState {
    next: Option<Timestamp>,
    /// The number of the newest plan to look.
    plan: u64,
    looking: bool,
    again: bool,
}

impl Behaviour for Arc<Scheduler> {
    type Msg = SchedulerMsg;
    type State = SchedulerState;

    async fn init(&self, ctx: &Context<SchedulerMsg>) -> Result<SchedulerState, Failure> {
        self.engine.bells.cron.answer();
        ctx.myself().tell(SchedulerMsg::Look { plan: 0 });
        Ok(SchedulerState::default())
    }

    async fn handle(
        &self,
        ctx: &Context<SchedulerMsg>,
        message: SchedulerMsg,
        state: &mut SchedulerState,
    ) -> Result<(), Failure> {
        let (scheduler, myself) = (self.clone(), ctx.myself());
        match message {
            SchedulerMsg::Changed => {
                self.engine.bells.cron.answer();
                state.again = true;
            }
            SchedulerMsg::Look { plan } => state.again |= plan == state.plan,
            SchedulerMsg::Looked { next } => {
                (state.looking, state.next, state.plan) = (false, next, state.plan + 1);
                let (plan, sleep) = (state.plan, self.pause(next));
                if !state.again {
                    ctx.background(async move {
                        tokio::time::sleep(sleep).await;
                        myself.tell(SchedulerMsg::Look { plan });
                    });
                }
            }
            SchedulerMsg::CatchUp { done } => {
                ctx.spawn(async move {
                    scheduler.look_and_log(true).await;
                    done.send(());
                });
                return Ok(());
            }
        }
        if state.again && !std::mem::replace(&mut state.looking, true) {
            state.again = false;
            fly(ctx, SchedulerMsg::Looked { next: None }, async move {
                SchedulerMsg::Looked { next: scheduler.look_and_log(false).await }
            });
        }
        Ok(())
    }

    fn view(&self, state: &SchedulerState) -> serde_json::Value {
        let figures = &self.engine.jobs.figures().engine;
        serde_json::json!({
            "schedules": self.schedules.iter().map(|it| it.key).collect::<Vec<_>>(), "next_tick": state.next,
            "fired": figures.fired.load(Relaxed), "skipped": figures.skipped.load(Relaxed),
        })
    }
}

impl Scheduler {
    /// Until the next look. Tests move the clock, hints may be lost: never longer than the poll.
    fn pause(&self, next: Option<Timestamp>) -> Duration {
        let longest = *self.engine.config.poll_max;
        let Some(next) = next else { return longest };
        let left = next.duration_since(self.engine.jobs.clock().now());
        Duration::try_from(left).map_or(AGAIN, |left| left.max(Duration::from_millis(1))).min(longest)
    }

    async fn look_and_log(&self, all: bool) -> Option<Timestamp> {
        match self.look(all).await {
            Ok(next) => next,
            Err(error) => {
                trouble("cron ticks could not be decided", &error);
                None
            }
        }
    }

    /// With `all`, ticks that others are just deciding are waited for.
    async fn look(&self, all: bool) -> Result<Option<Timestamp>, DbError> {
        if self.engine.is_stopping() {
            return Ok(None);
        }
        if !self.saved.load(Relaxed) {
            self.save().await?;
            self.saved.store(true, Relaxed);
        }
        let now = self.engine.jobs.clock().now();
        let mut due = cron::due(&self.engine.control, now, all).await?;
        if !due.is_empty() {
            let turn = self.engine.worker().unwrap_or(0).unsigned_abs() as usize * AT_ONCE % due.len();
            due.rotate_left(turn);
        }
        let engine = &*self.engine;
        let mut deciding =
            stream::iter(due.into_iter().map(|due| fire(engine, due))).buffer_unordered(AT_ONCE);
        while let Some(fired) = deciding.next().await {
            match fired {
                Err(error) if error.is_unavailable() => return Err(error),
                // One schedule that cannot be written must not stop the others.
                Err(error) => trouble("a cron tick could not be decided", &error),
                Ok(()) => {}
            }
        }
        cron::next(&self.engine.control).await
    }

    /// Writes the table in code. The first look does: the kinds may have no numbers yet.
    async fn save(&self) -> Result<(), DbError> {
        let jobs = &self.engine.jobs;
        if jobs.catalog().is_none() {
            jobs.know(catalog::register(&mut &self.engine.control, jobs.registry()).await?);
        }
        let Some(catalog) = jobs.catalog() else { return Ok(()) };
        let now = jobs.clock().now();
        for schedule in &self.schedules {
            if jobs.registry().get(schedule.kind).is_some_and(|kind| kind.sealed) {
                tracing::error!(
                    cron.key = schedule.key,
                    "its kind is sealed: a schedule would show its arguments"
                );
                continue;
            }
            match schedule.timing().map(|timing| timing.after(now).next()) {
                Ok(Some(next)) => {
                    if !cron::save(&mut &self.engine.control, catalog, schedule, next.at).await? {
                        tracing::error!(cron.key = schedule.key, "an administrator's schedule has this name");
                    }
                }
                Ok(None) => tracing::error!(cron.key = schedule.key, "this schedule never ticks"),
                Err(error) => {
                    tracing::error!(cron.key = schedule.key, %error, "this schedule cannot be read");
                }
            }
        }
        Ok(())
    }
}

/// Decides the ticks of one schedule in one transaction.
async fn fire(engine: &Engine, due: cron::Due) -> Result<(), DbError> {
    let mut tx = engine.resources.db.begin("jobs.cron.fire").await?;
    let now = engine.jobs.clock().now();
    let Some(fired) = schedules::fire(&mut tx, &engine.jobs, &due, now).await? else {
        return tx.rollback().await; // another node was faster
    };
    tx.commit().await?;
    let (figures, now) = (engine.jobs.figures(), engine.jobs.clock().now());
    figures.engine.fired.fetch_add(fired.fired as u64, Relaxed);
    figures.engine.skipped.fetch_add(fired.skipped as u64, Relaxed);
    for at in fired.prompt {
        figures.cron_lateness.add(Duration::try_from(now.duration_since(at)).unwrap_or_default());
    }
    Ok(())
}
