//! The watchdog: work is ready, workers are free, and nothing is claimed for two seconds? Then the dispatcher is stuck:
//! it says so loudly and restarts it.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, Registry, State, fly},
    jobs::{QueueName, store::state},
    journal::{self, Entry},
};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(500);
/// So long may ready work and free workers meet without a claim.
const PATIENCE: Duration = Duration::from_secs(2);

/// Messages of the watchdog.
pub enum WatchdogMsg {
    /// Time to look.
    Look,
    /// Queues with ready work; `None` when the database did not answer.
    Seen {
        /// Their numbers.
        queues: Option<Vec<i16>>,
    },
}
crate::kinds!(WatchdogMsg: Look, Seen);

/// The watchdog.
pub(super) struct Watchdog {
    pub(super) engine: Arc<Engine>,
    pub(super) registry: Registry,
    /// When each queue last claimed something.
    pub(super) last_claims: Vec<Arc<Mutex<Option<Instant>>>>,
}

/// Since when each queue has had work and free workers.
#[derive(Default)]
pub(super) struct WatchdogState {
    flying: bool,
    idle_since: [Option<Instant>; QueueName::ALL.len()],
}

impl Behaviour for Watchdog {
    type Msg = WatchdogMsg;
    type State = WatchdogState;

    async fn init(&self, ctx: &Context<WatchdogMsg>) -> Result<WatchdogState, Failure> {
        ctx.every(EVERY, || WatchdogMsg::Look);
        Ok(WatchdogState::default())
    }

    async fn handle(
        &self,
        ctx: &Context<WatchdogMsg>,
        message: WatchdogMsg,
        state: &mut WatchdogState,
    ) -> Result<(), Failure> {
        match message {
            WatchdogMsg::Look if state.flying => {}
            WatchdogMsg::Look => {
                let suspects = self.suspects();
                if suspects.is_empty() {
                    state.idle_since = Default::default();
                    return Ok(());
                }
                state.flying = true;
                let engine = self.engine.clone();
                fly(ctx, WatchdogMsg::Seen { queues: None }, async move {
                    let queues = state::queues_with_work(&engine.control, &suspects).await.ok();
                    WatchdogMsg::Seen { queues }
                });
            }
            WatchdogMsg::Seen { queues } => {
                state.flying = false;
                for queue in QueueName::ALL {
                    if self.is_stuck(queue, queues.as_deref().unwrap_or_default(), state) {
                        self.alarm(ctx, queue);
                    }
                }
            }
        }
        Ok(())
    }

    fn view(&self, state: &WatchdogState) -> serde_json::Value {
        let idle: Vec<_> =
            QueueName::ALL.iter().filter(|queue| state.idle_since[queue.index()].is_some()).collect();
        serde_json::json!({ "alarms": self.engine.jobs.figures().engine.alarms.load(Relaxed), "suspects": idle })
    }
}

impl Watchdog {
    /// Queues with free workers that have claimed nothing since the last look: the database is asked about no others.
    fn suspects(&self) -> Vec<i16> {
        let Some(catalog) = self.engine.jobs.catalog() else { return Vec::new() };
        let is_quiet = |queue: &QueueName| {
            let last = *self.last_claims[queue.index()].lock().unwrap_or_else(PoisonError::into_inner);
            self.engine.crew(*queue).is_free() && last.is_none_or(|claim| claim.elapsed() >= EVERY)
        };
        let quiet = QueueName::ALL.into_iter().filter(is_quiet);
        quiet.map(|queue| catalog.queue(queue)).collect()
    }

    fn is_stuck(&self, queue: QueueName, with_work: &[i16], state: &mut WatchdogState) -> bool {
        let engine = &self.engine;
        let has_work = engine.jobs.catalog().is_some_and(|catalog| with_work.contains(&catalog.queue(queue)));
        let path = super::dispatcher_path(queue);
        let is_suspended = self.registry.find(&path).is_none_or(|cell| cell.state() == State::Suspended);
        let excused = engine.is_fenced() || engine.is_stopping() || engine.worker().is_none() || is_suspended;
        let idle_since = &mut state.idle_since[queue.index()];
        if excused || !has_work || !engine.crew(queue).is_free() {
            *idle_since = None;
            return false;
        }
        let last_claim = *self.last_claims[queue.index()].lock().unwrap_or_else(PoisonError::into_inner);
        let since = idle_since.get_or_insert_with(Instant::now);
        *since = last_claim.map_or(*since, |claim| claim.max(*since));
        let stuck = since.elapsed() >= PATIENCE;
        if stuck {
            *idle_since = None;
        }
        stuck
    }

    fn alarm(&self, ctx: &Context<WatchdogMsg>, queue: QueueName) {
        let (engine, path) = (self.engine.clone(), super::dispatcher_path(queue));
        engine.jobs.figures().engine.alarms.fetch_add(1, Relaxed);
        tracing::error!(%queue, "jobs are ready and workers are free, but nothing is claimed: the dispatcher restarts");
        let restarted = self.registry.restart(&path);
        let entry = Entry {
            at: engine.jobs.clock().now(),
            who: None,
            action: "jobs.alarm",
            target: path,
            reason: Some("jobs are ready and workers are free, but nothing is claimed".to_owned()),
            result: Some(restarted.map_or_else(|error| error.to_string(), |()| "restarted".to_owned())),
            details: serde_json::json!({ "queue": queue }),
        };
        ctx.spawn(async move {
            let written = async {
                let mut tx = engine.resources.db.begin_admin("jobs.alarm").await?;
                journal::append(&mut tx, &[entry]).await?;
                tx.commit().await
            };
            if let Err(error) = written.await {
                trouble("an alarm could not be journalled", &error);
            }
        });
    }
}
