//! The heartbeat: registers this process as a worker, says regularly that it lives, and fences it when nobody heard.
//!
//! It has a connection of its own, so that a full pool cannot fake death. The fence comes before the rescue
//! (`jobs.fence` < `jobs.rescue`): a node that could not beat cancels its jobs before others may take them. The age of
//! a beat is counted from before it was sent.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, fly},
    db::{DbError, Link},
    jobs::store::{catalog, workers},
};

/// How often the age of the last beat is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Most leases given back at the sign-off; those that are more are given back by the others.
const BATCH: usize = 10_000;
/// The pause after a beat that failed: the next must come well before the fence.
const AWAY_PAUSE: Duration = Duration::from_millis(250);

/// Messages of the beat.
pub enum BeatMsg {
    /// Time for a beat.
    Beat,
    /// A beat has ended.
    Beaten {
        /// When it was sent, if it arrived.
        sent: Option<Instant>,
    },
    /// Look at the age of the last one.
    Look,
}
crate::kinds!(BeatMsg: Beat, Beaten, Look);

/// The beat.
pub(super) struct Beat {
    pub(super) engine: Arc<Engine>,
    pub(super) link: Arc<Link>,
    /// The session (see [`Link::opened`]) that holds this worker's lock.
    pub(super) holding: std::sync::atomic::AtomicU64,
}

impl Behaviour for Arc<Beat> {
    type Msg = BeatMsg;
    type State = ();

    async fn init(&self, ctx: &Context<BeatMsg>) -> Result<(), Failure> {
        self.engine.reopen();
        ctx.every(LOOK_EVERY, || BeatMsg::Look);
        ctx.myself().tell(BeatMsg::Beat);
        Ok(())
    }

    async fn handle(&self, ctx: &Context<BeatMsg>, message: BeatMsg, (): &mut ()) -> Result<(), Failure> {
        match message {
            BeatMsg::Beat => {
                // A process that slept must not hide it behind a fresh beat: what it ran may be others' by now.
                self.look();
                let beat = self.clone();
                fly(ctx, BeatMsg::Beaten { sent: None }, async move {
                    let sent = Instant::now();
                    let arrived = beat.beat().await.inspect_err(|error| {
                        trouble("a heartbeat did not arrive", error);
                    });
                    BeatMsg::Beaten { sent: arrived.ok().map(|()| sent) }
                });
            }
            BeatMsg::Beaten { sent } => {
                if sent.is_some() {
                    *self.engine.last_beat.lock().unwrap_or_else(PoisonError::into_inner) = sent;
                    self.engine.unfence();
                }
                let pause = if sent.is_some() { *self.engine.config.beat } else { AWAY_PAUSE };
                let myself = ctx.myself();
                ctx.background(async move {
                    tokio::time::sleep(pause).await;
                    myself.tell(BeatMsg::Beat);
                });
            }
            BeatMsg::Look => self.look(),
        }
        Ok(())
    }

    fn view(&self, (): &()) -> serde_json::Value {
        serde_json::json!({
            "worker": self.engine.worker(), "node": self.engine.node, "fenced": self.engine.is_fenced(),
            "draining": self.engine.is_draining(),
            "beat_age_ms": self.age().map(|age| age.as_millis() as u64),
            "other_nodes": self.engine.others.load(Relaxed),
        })
    }

    /// The last to stop: what is still leased to us goes back at once, and nobody waits for our beat.
    async fn stop(&self, (): &mut ()) {
        let Some(worker) = self.engine.worker() else { return };
        let left = async {
            workers::leave(&self.link, worker).await?; // refuses claims from now on
            workers::give_back(&self.link, BATCH).await
        };
        match left.await {
            Ok(left) if left.is_empty() => {}
            Ok(left) => tracing::info!(jobs = left.len(), "jobs were given back"),
            Err(error) => tracing::warn!(%error, "the worker could not sign off: its jobs are rescued later"),
        }
        self.engine.set_worker(None);
    }
}

impl Beat {
    fn age(&self) -> Option<Duration> {
        self.engine.last_beat.lock().unwrap_or_else(PoisonError::into_inner).map(|sent| sent.elapsed())
    }

    /// Fences this process when its last beat is too old.
    fn look(&self) {
        if self.age().is_some_and(|age| age > *self.engine.config.fence) {
            self.engine.fence();
        }
    }

    async fn beat(&self) -> Result<(), DbError> {
        let engine = &self.engine;
        let Some(worker) = engine.worker() else { return self.register().await };
        let Some(beaten) = workers::beat(&self.link, worker, *engine.config.rescue).await? else {
            tracing::warn!(worker, "this worker was forgotten and registers anew");
            engine.set_worker(None);
            return self.register().await;
        };
        engine.others.store(beaten.others, Relaxed);
        engine.set_draining(beaten.drain);
        self.hold(worker).await
    }

    /// The kinds and queues, a number for this boot, and the end of earlier boots of this node.
    async fn register(&self) -> Result<(), DbError> {
        let engine = &self.engine;
        let catalog = catalog::register(&mut self.link.as_ref(), engine.jobs.registry()).await?;
        // The kinds answer "does anybody know this kind?": see `inspect::explain`.
        let kinds: Vec<_> = engine.jobs.registry().kinds().map(|kind| kind.name).collect();
        let info = serde_json::json!({
            "pid": std::process::id(), "version": env!("CARGO_PKG_VERSION"), "kinds": kinds,
            "workers": engine.config.workers.max(1),
        });
        let worker = workers::register(&self.link, &engine.node, &info).await?;
        engine.jobs.registered(catalog, worker);
        engine.set_worker(Some(worker));
        self.hold(worker).await?;
        engine.look_for_earlier_boots();
        tracing::info!(worker, node = engine.node, "this node runs jobs");
        engine.bells.rescue.ring();
        engine.bells.orders.ring();
        for bell in &engine.bells.ready {
            bell.ring();
        }
        engine.bells.due.ring();
        Ok(())
    }

    /// Makes this session hold the lock that proves we live; a new session takes it anew.
    async fn hold(&self, worker: i64) -> Result<(), DbError> {
        let session = self.link.opened();
        if self.holding.load(Relaxed) != session && workers::hold(&self.link, worker).await? {
            self.holding.store(session, Relaxed);
        }
        Ok(())
    }
}
