//! The steward: carries out in this process what administrators want while it runs. Reads it every second, and at once
//! when somebody says that it has changed.
//!
//! Queues: paused ones give back what was claimed ahead, workers are added and taken away. Kinds: paused ones are put off
//! before they start. The node: drained, it takes nothing more and finishes what runs. Attempts: cancelled ones are asked
//! to end, then cut. What jobs need and was away is looked at again. Handlers that go on after their attempt are reported: in the log, the journal, the figures and the
//! view. Nothing is remembered here: a new incarnation reads it all again.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::{
    attempt,
    crew::{Cancel, Settings},
    engine::{Engine, trouble},
};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, fly},
    db::{DbError, Link},
    jobs::{
        Ending, QueueName, Report, Stuck, Verdict,
        store::steering::{self, Orders},
    },
    journal::{self, Entry},
};

/// How often it looks: the guarantee when every hint is lost.
const EVERY: Duration = Duration::from_secs(1);
/// Most attempts cancelled by one look.
const BATCH: usize = 1000;
/// A lease of ours is unknown for certain at this age: see the rescuer.
pub(super) const SETTLED: Duration = Duration::from_secs(7);

/// Messages of the steward.
pub enum StewardMsg {
    /// Time to look.
    Look,
    /// Something was changed.
    Orders,
    /// A look has ended.
    Looked {
        /// Whether attempts were asked to end: they are looked at again after the grace.
        asked: bool,
    },
}
crate::kinds!(StewardMsg: Look, Orders, Looked);

/// The steward.
pub(super) struct Steward {
    pub(super) engine: Arc<Engine>,
    pub(super) link: Arc<Link>,
}

/// Whether a look is in flight, and whether another was asked for meanwhile.
#[derive(Default)]
pub(super) struct StewardState {
    flying: bool,
    again: bool,
}

impl Behaviour for Steward {
    type Msg = StewardMsg;
    type State = StewardState;

    async fn init(&self, ctx: &Context<StewardMsg>) -> Result<StewardState, Failure> {
        self.engine.bells.orders.answer();
        ctx.every(EVERY, || StewardMsg::Look);
        ctx.myself().tell(StewardMsg::Look);
        Ok(StewardState::default())
    }

    async fn handle(
        &self,
        ctx: &Context<StewardMsg>,
        message: StewardMsg,
        state: &mut StewardState,
    ) -> Result<(), Failure> {
        match message {
            StewardMsg::Look => {
                for crew in &self.engine.crews {
                    crew.give_back_late(&self.engine);
                }
                let breakers = self.engine.resources.breakers.clone();
                ctx.background(async move { breakers.look().await });
                if state.flying {
                    return Ok(());
                }
            }
            StewardMsg::Orders => {
                self.engine.bells.orders.answer();
                state.again = state.flying;
            }
            StewardMsg::Looked { asked } => {
                state.flying = false;
                if asked {
                    let (myself, grace) = (ctx.myself(), *self.engine.config.cancel_grace);
                    ctx.background(async move {
                        tokio::time::sleep(grace).await;
                        myself.tell(StewardMsg::Look);
                    });
                }
                if !std::mem::take(&mut state.again) {
                    return Ok(());
                }
            }
        }
        if !std::mem::replace(&mut state.flying, true) {
            let (engine, link) = (self.engine.clone(), self.link.clone());
            fly(ctx, StewardMsg::Looked { asked: false }, async move {
                let asked = look(&engine, &link).await.unwrap_or_else(|error| {
                    trouble("what is wanted of this node could not be read", &error);
                    false
                });
                StewardMsg::Looked { asked }
            });
        }
        Ok(())
    }

    fn view(&self, _state: &StewardState) -> serde_json::Value {
        let engine = &self.engine;
        let resting: Vec<_> =
            QueueName::ALL.iter().filter(|queue| engine.crew(**queue).is_resting()).collect();
        serde_json::json!({
            "draining": engine.is_draining(), "resting_queues": resting,
            "paused_kinds": engine.paused_kinds(),
            "dependencies": engine.resources.breakers.views(),
            "blocking_threads": engine.resources.threads.running(),
            "stuck": stuck(engine).iter().map(|it| serde_json::json!({
                "job": it.job, "kind": it.kind, "seconds": it.since.as_secs_f64(),
            })).collect::<Vec<_>>(),
            "cancels": engine.jobs.figures().engine.cancels.load(Relaxed),
        })
    }
}

/// Reads what is wanted and does it; whether attempts were asked to end.
async fn look(engine: &Arc<Engine>, link: &Link) -> Result<bool, DbError> {
    let Some(worker) = engine.worker() else { return Ok(false) };
    let (orders, cancelled) = futures_util::future::join(
        steering::orders(link, worker),
        steering::cancelled(link, worker, SETTLED, *engine.config.rescue, BATCH),
    )
    .await;
    obey(engine, &orders?);
    alarm(engine, stuck(engine)).await;

    let mut asked = false;
    let (mut dead, held) = (Vec::new(), engine.held());
    for lease in cancelled? {
        let reason = lease.reason.clone().unwrap_or_else(|| "cancelled by an administrator".to_owned());
        if !lease.own || (lease.settled && !held.contains(&lease.token)) {
            dead.push(cancelled_report(&lease, &reason));
        } else if engine.cancel(lease.token, &reason) == Cancel::Asked {
            engine.jobs.figures().engine.cancels.fetch_add(1, Relaxed);
            tracing::info!(job.id = %lease.job, cause = reason, "a running job is cancelled");
            asked = true;
        }
    }
    engine.report(dead);
    Ok(asked)
}

/// Nobody runs it any more: it ends here.
fn cancelled_report(lease: &steering::Cancelled, reason: &str) -> Report {
    let (story, ties) = (Some(attempt::cancel_story(reason)), lease.ties.clone());
    Report { story, ties, ..Report::new(lease.job, lease.token, Verdict::End(Ending::Cancelled)) }
}

/// Handlers that go on although their attempt is over.
fn stuck(engine: &Engine) -> Vec<Stuck> {
    let grace = *engine.config.cancel_grace;
    let mut stuck = engine.resources.threads.stuck(grace);
    stuck.extend(engine.crews.iter().flat_map(|crew| crew.stuck(grace)));
    stuck
}

/// Says it once, loudly.
async fn alarm(engine: &Engine, stuck: Vec<Stuck>) {
    let figures = engine.jobs.figures();
    figures.stuck.store(stuck.len() as u64, Relaxed);
    for it in stuck.iter().filter(|it| it.is_news) {
        figures.engine.stuck.fetch_add(1, Relaxed);
        let seconds = it.since.as_secs_f64();
        tracing::error!(job.id = %it.job, job.kind = it.kind, seconds, "a handler goes on after its attempt");
        let entry = Entry {
            at: engine.jobs.clock().now(),
            who: None,
            action: "jobs.stuck",
            target: format!("job {}", it.job),
            reason: Some("the handler goes on after its attempt was over".to_owned()),
            result: None,
            details: serde_json::json!({ "kind": it.kind, "node": engine.node, "seconds": seconds }),
        };
        if let Err(error) = journal(engine, entry).await {
            trouble("a stuck handler could not be journalled", &error);
        }
    }
}

async fn journal(engine: &Engine, entry: Entry) -> Result<(), DbError> {
    let mut tx = engine.resources.db.begin_admin("jobs.stuck").await?;
    journal::append(&mut tx, &[entry]).await?;
    tx.commit().await
}

fn obey(engine: &Arc<Engine>, orders: &Orders) {
    engine.set_draining(orders.drain);
    engine.pause_kinds(&orders.paused_kinds);
    let Some(catalog) = engine.jobs.catalog() else { return };
    for wanted in &orders.queues {
        let Some(queue) = catalog.queue_name(wanted.queue) else { continue };
        let workers = wanted.workers.map_or(engine.config.workers.max(1), |workers| workers.max(0) as usize);
        engine.follow(queue, wanted);
        engine.crew(queue).settle(engine, Settings { workers, paused: wanted.paused });
    }
}
