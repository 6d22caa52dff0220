//! The gatekeeper: lets jobs through that wait for room (doors of keys and kinds) or for other jobs (gates, batches).
//!
//! Told of what may have changed, and looking by itself once per `jobs.poll_max`: every hint may be lost, and a node may
//! die between an end and what it makes possible. Every node does this; statements are idempotent and lock what they
//! count.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, fly},
    db::{DbError, Link},
    jobs::store::{doors, flows},
};
use ahash::AHashSet;

/// Doors remembered between two looks; beyond that the regular look finds them.
const REMEMBERED: usize = 100_000;
/// The pause after a look that the database did not answer.
const AWAY_PAUSE: Duration = Duration::from_millis(250);

/// Messages of the gatekeeper.
pub enum GatesMsg {
    /// Something may be let through.
    Look,
    /// Time to look by itself.
    Sweep,
    /// A look has ended.
    Looked,
}
crate::kinds!(GatesMsg: Look, Sweep, Looked);

/// What is to be looked at; survives the actor.
#[derive(Default)]
pub(super) struct Wanted {
    doors: Mutex<AHashSet<i64>>,
    settled: AtomicBool,
    sweep: AtomicBool,
    /// Where the next sweep goes on.
    swept: Mutex<Option<i64>>,
}

impl Wanted {
    /// There may be room at these doors.
    pub(super) fn doors(&self, doors: impl IntoIterator<Item = i64>) -> bool {
        let mut wanted = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let before = wanted.len();
        if before < REMEMBERED {
            wanted.extend(doors);
        }
        wanted.len() > before
    }

    /// Jobs or batches may have lost the last one that they waited for.
    pub(super) fn settled(&self) {
        self.settled.store(true, Relaxed);
    }

    /// Nobody said what: everything is looked at.
    pub(super) fn sweep(&self) {
        self.sweep.store(true, Relaxed);
        self.settled();
    }

    fn some(&self) -> Vec<i64> {
        let mut wanted = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let some: Vec<_> = wanted.iter().copied().take(doors::OPENED_AT_ONCE).collect();
        for door in &some {
            wanted.remove(door);
        }
        some
    }
}

/// The gatekeeper.
pub(super) struct Gates {
    pub(super) engine: Arc<Engine>,
    pub(super) link: Arc<Link>,
}

/// Lost in a crash: only the pace.
#[derive(Default)]
pub(super) struct GatesState {
    flying: bool,
    again: bool,
}

impl Behaviour for Gates {
    type Msg = GatesMsg;
    type State = GatesState;

    async fn init(&self, ctx: &Context<GatesMsg>) -> Result<GatesState, Failure> {
        self.engine.bells.gates.answer();
        ctx.every(*self.engine.config.poll_max, || GatesMsg::Sweep);
        ctx.myself().tell(GatesMsg::Sweep);
        Ok(GatesState::default())
    }

    async fn handle(
        &self,
        ctx: &Context<GatesMsg>,
        message: GatesMsg,
        state: &mut GatesState,
    ) -> Result<(), Failure> {
        match message {
            GatesMsg::Look => {
                self.engine.bells.gates.answer();
                state.again = state.flying;
            }
            GatesMsg::Sweep => {
                self.engine.wanted.sweep();
            }
            GatesMsg::Looked => {
                state.flying = false;
                if !std::mem::take(&mut state.again) {
                    return Ok(());
                }
            }
        }
        if !std::mem::replace(&mut state.flying, true) {
            let (engine, link) = (self.engine.clone(), self.link.clone());
            fly(ctx, GatesMsg::Looked, async move {
                if let Err(error) = look(&engine, &link).await {
                    trouble("nothing could be let through", &error);
                    tokio::time::sleep(AWAY_PAUSE).await;
                }
                GatesMsg::Looked
            });
        }
        Ok(())
    }

    fn view(&self, state: &GatesState) -> serde_json::Value {
        let figures = &self.engine.jobs.figures().engine;
        serde_json::json!({
            "looking": state.flying, "let_through": figures.let_through.load(Relaxed),
            "released": figures.released.load(Relaxed),
        })
    }
}

async fn look(engine: &Engine, link: &Link) -> Result<(), DbError> {
    let wanted = &engine.wanted;
    loop {
        if wanted.settled.swap(false, Relaxed) {
            settle(engine, link).await?;
        }
        if wanted.sweep.swap(false, Relaxed) {
            sweep(engine, link).await?;
        }
        let doors = wanted.some();
        if doors.is_empty() {
            break;
        }
        let opened = doors::open(link, &doors).await?;
        engine.jobs.figures().engine.let_through.fetch_add(opened.count as u64, Relaxed);
        wanted.doors(opened.doors);
        wake(engine, &opened.queues);
    }
    Ok(())
}

/// Ends batches and lets go of jobs until nothing follows from it any more.
async fn settle(engine: &Engine, link: &Link) -> Result<(), DbError> {
    loop {
        let closed = flows::close_batches(link).await?;
        let released = flows::open_gates(link, engine.jobs.clock().now()).await?;
        engine.jobs.figures().engine.released.fetch_add(released.opened as u64, Relaxed);
        engine.wanted.doors(released.doors);
        wake(engine, &released.queues);
        if let Some(at) = released.due {
            engine.jobs.wake_at(at);
        }
        if released.opened > 0 {
            engine.jobs.figures().progress.notify_waiters();
        }
        if closed == 0 && released.opened == 0 {
            return Ok(());
        }
    }
}

/// The doors at which jobs wait, a part at a time.
async fn sweep(engine: &Engine, link: &Link) -> Result<(), DbError> {
    let after = *engine.wanted.swept.lock().unwrap_or_else(PoisonError::into_inner);
    let found = doors::with_waiting(link, after, doors::OPENED_AT_ONCE).await?;
    let next = found.last().copied().filter(|_| found.len() == doors::OPENED_AT_ONCE);
    *engine.wanted.swept.lock().unwrap_or_else(PoisonError::into_inner) = next;
    engine.wanted.doors(found);
    Ok(())
}

fn wake(engine: &Engine, queues: &[i16]) {
    let Some(catalog) = engine.jobs.catalog() else { return };
    for queue in queues.iter().filter_map(|number| catalog.queue_name(*number)) {
        engine.jobs.wake(queue);
    }
}
