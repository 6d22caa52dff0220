//! The rescuer: takes the jobs of dead workers, and leases of our own that we do not know.
//!
//! Every node does this; the statements are idempotent and skip what another one is rescuing, so no leader is needed.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, fly},
    db::DbError,
    jobs::store::{rescue, workers},
};

/// How often dead workers are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// Most jobs rescued by one statement.
const BATCH: usize = 1000;
/// Of jobs that are set aside, so many are named in the log.
const NAMED: usize = 20;
/// A lease of ours that we do not know is given back at this age. No claim waits for its answer for so long (a link gives
/// up after its limit of 4 s and a slack of 2 s): an answer on its way is not overtaken.
const UNKNOWN_AGE: Duration = Duration::from_secs(7);

/// Messages of the rescuer.
pub enum RescuerMsg {
    /// Time to look.
    Look,
    /// Somebody was declared dead.
    Now,
    /// A look has ended.
    Looked,
}
crate::kinds!(RescuerMsg: Look, Now, Looked);

/// The rescuer.
pub(super) struct Rescuer {
    pub(super) engine: Arc<Engine>,
}

/// Whether a look is in flight, and whether another was asked for meanwhile.
#[derive(Default)]
pub(super) struct RescuerState {
    flying: bool,
    again: bool,
}

impl Behaviour for Rescuer {
    type Msg = RescuerMsg;
    type State = RescuerState;

    async fn init(&self, ctx: &Context<RescuerMsg>) -> Result<RescuerState, Failure> {
        self.engine.bells.rescue.answer();
        ctx.every(EVERY, || RescuerMsg::Look);
        Ok(RescuerState::default())
    }

    async fn handle(
        &self,
        ctx: &Context<RescuerMsg>,
        message: RescuerMsg,
        state: &mut RescuerState,
    ) -> Result<(), Failure> {
        match message {
            RescuerMsg::Look if state.flying => return Ok(()),
            RescuerMsg::Look => {}
            RescuerMsg::Now => {
                self.engine.bells.rescue.answer();
                state.again = state.flying;
            }
            RescuerMsg::Looked => {
                state.flying = false;
                if !std::mem::take(&mut state.again) {
                    return Ok(());
                }
            }
        }
        if !std::mem::replace(&mut state.flying, true) {
            let engine = self.engine.clone();
            fly(ctx, RescuerMsg::Looked, async move {
                if let Err(error) = look(&engine).await {
                    trouble("nothing could be rescued", &error);
                }
                RescuerMsg::Looked
            });
        }
        Ok(())
    }

    fn view(&self, _state: &RescuerState) -> serde_json::Value {
        let figures = &self.engine.jobs.figures().engine;
        serde_json::json!({
            "rescued": figures.rescued.load(Relaxed), "quarantined": figures.quarantined.load(Relaxed),
            "unknown": figures.unknown.load(Relaxed), "held": self.engine.held().len(),
        })
    }
}

async fn look(engine: &Engine) -> Result<(), DbError> {
    let (figures, config) = (&engine.jobs.figures().engine, &engine.config);
    if let Some(worker) = engine.worker().filter(|_| engine.looks_for_earlier_boots()) {
        let buried = workers::bury_earlier_boots(&engine.control, &engine.node, worker).await?;
        if buried > 0 {
            tracing::info!(boots = buried, node = engine.node, "earlier boots of this node are dead");
        }
    }
    let queues = workers::give_back(&engine.control, BATCH).await?;
    wake(engine, queues);
    loop {
        let now = engine.jobs.clock().now();
        let rescued =
            rescue::dead_workers(&engine.control, now, *config.rescue, config.quarantine_crashes, BATCH)
                .await?;
        let (again, aside) = (rescued.again as usize, rescued.quarantined.len());
        if again + aside > 0 {
            figures.rescued.fetch_add(again as u64, Relaxed);
            figures.quarantined.fetch_add(aside as u64, Relaxed);
            tracing::warn!(
                jobs.again = again,
                jobs.quarantined = aside,
                "jobs of a dead process were rescued"
            );
            engine.bells.due.ring();
            if aside > 0 {
                let named = rescued.quarantined.iter().take(NAMED).map(ToString::to_string);
                let named = named.collect::<Vec<_>>().join(" ");
                tracing::error!(
                    jobs = aside,
                    job.ids = named,
                    "jobs were set aside: the process that ran them died too often"
                );
                engine.settle();
            }
            engine.look_at_doors(rescued.doors);
        }
        if again + aside < BATCH {
            break;
        }
    }
    let spared =
        rescue::not_started(&engine.control, *config.rescue, config.quarantine_crashes, BATCH).await?;
    if !spared.is_empty() {
        figures.rescued.fetch_add(spared.len() as u64, Relaxed);
        tracing::warn!(jobs = spared.len(), "jobs that a dead process had not started were rescued");
        wake(engine, spared);
    }
    let Some(worker) = engine.worker().filter(|_| !engine.is_fenced()) else { return Ok(()) };
    let queues = rescue::unknown_leases(&engine.control, worker, &engine.held(), UNKNOWN_AGE).await?;
    if !queues.is_empty() {
        figures.unknown.fetch_add(queues.len() as u64, Relaxed);
        tracing::warn!(jobs = queues.len(), "leases nobody knew were given back");
    }
    wake(engine, queues);
    Ok(())
}

/// These queues have work.
fn wake(engine: &Engine, queues: Vec<i16>) {
    for queue in queues.into_iter().filter_map(|number| engine.jobs.catalog()?.queue_name(number)) {
        engine.jobs.wake(queue);
    }
}
