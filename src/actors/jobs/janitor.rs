//! The janitor: history partitions made ahead and dropped by age, expired keys, forgotten workers, and the self-check
//! that every job is in exactly one place.

use std::{sync::Arc, time::Duration};

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, fly},
    db::{DbError, Link},
    jobs::store::{history, state, steps, workers},
};

/// How often it cleans.
const EVERY: Duration = Duration::from_secs(60);
/// Rounds between two self-checks: hourly, since it reads every live job.
const CHECK_ROUNDS: u64 = 60;
/// Dead workers are remembered this long.
const WORKER_KEEP: Duration = Duration::from_secs(3600);
/// Its statements may take longer than the engine's.
pub(super) const STATEMENT_LIMIT: Duration = Duration::from_secs(60);

/// Messages of the janitor.
pub enum JanitorMsg {
    /// Time to clean.
    Clean,
    /// Cleaning has ended.
    Cleaned {
        /// Whether every step succeeded.
        ok: bool,
    },
}
crate::kinds!(JanitorMsg: Clean, Cleaned);

/// The janitor.
pub(super) struct Janitor {
    pub(super) engine: Arc<Engine>,
    pub(super) link: Arc<Link>,
}

/// Rounds so far.
#[derive(Default)]
pub(super) struct JanitorState {
    flying: bool,
    rounds: u64,
    failed: u64,
}

impl Behaviour for Janitor {
    type Msg = JanitorMsg;
    type State = JanitorState;

    async fn init(&self, ctx: &Context<JanitorMsg>) -> Result<JanitorState, Failure> {
        ctx.every(EVERY, || JanitorMsg::Clean);
        ctx.myself().tell(JanitorMsg::Clean);
        Ok(JanitorState::default())
    }

    async fn handle(
        &self,
        ctx: &Context<JanitorMsg>,
        message: JanitorMsg,
        state: &mut JanitorState,
    ) -> Result<(), Failure> {
        match message {
            JanitorMsg::Clean if state.flying => {}
            JanitorMsg::Clean => {
                state.flying = true;
                let check = state.rounds % CHECK_ROUNDS == CHECK_ROUNDS - 1;
                let (engine, link) = (self.engine.clone(), self.link.clone());
                fly(ctx, JanitorMsg::Cleaned { ok: false }, async move {
                    let cleaned = clean(&engine, &link, check).await.inspect_err(|error| {
                        trouble("the job tables could not be cleaned", error);
                    });
                    JanitorMsg::Cleaned { ok: cleaned.is_ok() }
                });
            }
            JanitorMsg::Cleaned { ok } => {
                state.flying = false;
                state.rounds += 1;
                state.failed += u64::from(!ok);
            }
        }
        Ok(())
    }

    fn view(&self, state: &JanitorState) -> serde_json::Value {
        serde_json::json!({ "cleaning": state.flying, "rounds": state.rounds, "failed": state.failed })
    }
}

async fn clean(engine: &Engine, link: &Link, check: bool) -> Result<(), DbError> {
    let (now, keep) = (engine.jobs.clock().now(), *engine.config.keep_done);
    history::make_partitions(link).await?;
    let dropped = history::drop_partitions(link, now, keep).await?;
    let pruned = history::prune(link, now, keep).await?;
    let pruned = pruned + steps::clean(link).await?;
    let forgotten = workers::forget(link, WORKER_KEEP).await?;
    if dropped > 0 || pruned > 0 || forgotten > 0 {
        tracing::info!(partitions = dropped, rows = pruned, workers = forgotten, "old job history is gone");
    }
    if check {
        let (homeless, bodiless) = state::misplaced(link).await?;
        if homeless + bodiless > 0 {
            tracing::error!(
                jobs.homeless = homeless,
                jobs.bodiless = bodiless,
                "jobs are not in exactly one place"
            );
        }
    }
    Ok(())
}
