//! Supervisors: ordered start, restart by policy, reverse-order stop.
//!
//! Two policies, per child. [`Restart::Intensity`] is for bugs: too many restarts within the window end the
//! supervisor, and its own supervisor decides (Erlang/OTP, "Supervision Principles"). [`Restart::Backoff`] is for the
//! environment ("PostgreSQL is away"): it waits longer each time and never escalates.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::Ordering::{AcqRel, Relaxed},
    },
    time::Duration,
};

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::time::Instant;

use super::{
    Registry,
    cell::{Cell, Fault, lock, now_ns},
};

/// A child that lived this long starts its back-off anew.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);
/// After a kill, how long to wait for the end before going on.
const KILL_WAIT: Duration = Duration::from_millis(500);

type Booting = Pin<Box<dyn Future<Output = Result<ActorCell, SpawnErr>> + Send>>;
pub(super) type Boot = Box<dyn Fn(ActorCell) -> Booting + Send + Sync>;

/// Which siblings restart with a dead child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Only itself.
    OneForOne,
    /// Itself and those started after it.
    RestForOne,
}

/// What the death of a child means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// A bug: restart at once, count it, give up beyond the supervisor's intensity.
    Intensity,
    /// The environment: wait `min`, doubling to `max`; never give up.
    Backoff {
        /// The first pause.
        min: Duration,
        /// The longest pause.
        max: Duration,
    },
}

impl Restart {
    fn fault(self) -> Fault {
        match self {
            Self::Intensity => Fault::Own,
            Self::Backoff { .. } => Fault::Environment,
        }
    }
}

/// One child of a supervisor.
pub struct Child {
    cell: &'static Cell,
    boot: Boot,
    /// Takes the dead incarnation out of the handles.
    unpublish: Box<dyn Fn() + Send + Sync>,
    grace: Duration,
    restart: Restart,
}

impl Child {
    pub(super) fn worker(cell: &'static Cell, unpublish: Box<dyn Fn() + Send + Sync>, boot: Boot) -> Self {
        Self { cell, boot, unpublish, grace: Duration::from_secs(5), restart: Restart::Intensity }
    }

    /// How its death is taken; [`Restart::Intensity`] unless said otherwise.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How long an orderly stop may take before it is killed.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Readiness does not depend on it.
    #[must_use]
    pub fn optional(self) -> Self {
        self.cell.required.store(false, Relaxed);
        self
    }
}

/// A supervisor and its children, in start order.
pub struct Supervisor {
    path: String,
    strategy: Strategy,
    max: usize,
    within: Duration,
    escalates: bool,
    children: Vec<Child>,
    pub(super) why: Arc<Mutex<Option<String>>>,
}

impl Supervisor {
    /// A supervisor that allows `max` restarts by bugs `within` a time.
    pub fn new(path: impl Into<String>, strategy: Strategy, max: usize, within: Duration) -> Self {
        Self {
            path: path.into(),
            strategy,
            max,
            within,
            escalates: true,
            children: Vec::new(),
            why: Arc::default(),
        }
    }

    /// Slows down instead of giving up: for parts nobody else depends on.
    #[must_use]
    pub fn never_escalates(mut self) -> Self {
        self.escalates = false;
        self
    }

    /// Adds a child; it starts after and stops before those already added.
    #[must_use]
    pub fn child(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }

    /// Adds several children.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Child>) -> Self {
        self.children.extend(children);
        self
    }

    /// Adds a supervisor as a child.
    #[must_use]
    pub fn supervisor(self, registry: &Registry, child: Supervisor) -> Self {
        let cell = registry.supervisor(&child.path);
        let grace = child.grace();
        let child = Arc::new(Supervising { supervisor: child, cell });
        let boot: Boot = Box::new(move |parent| {
            let child = Running(child.clone());
            Box::pin(async move { Ok(Actor::spawn_linked(None, child, (), parent).await?.0.get_cell()) })
        });
        self.child(Child { cell, boot, unpublish: Box::new(|| {}), grace, restart: Restart::Intensity })
    }

    /// Longest orderly stop: children stop one after another.
    pub(super) fn grace(&self) -> Duration {
        self.children.iter().map(|child| child.grace + KILL_WAIT).sum()
    }

    pub(super) fn root(self, registry: &Registry) -> Running {
        let cell = registry.supervisor(&self.path);
        Running(Arc::new(Supervising { supervisor: self, cell }))
    }
}

pub(super) struct Supervising {
    supervisor: Supervisor,
    cell: &'static Cell,
}

/// The actor that supervises.
pub(super) struct Running(Arc<Supervising>);

pub(super) enum Msg {
    Respawn(usize),
}

pub(super) struct Live {
    spec: Arc<Supervising>,
    actors: Vec<Option<ActorCell>>,
    failures: Vec<u32>,
    bugs: VecDeque<Instant>,
    /// Set by an orderly stop: children are down on purpose.
    stopping: bool,
}

impl Drop for Live {
    /// A supervisor that dies takes its children with it (ractor kills them).
    fn drop(&mut self) {
        for (child, actor) in self.spec.supervisor.children.iter().zip(&self.actors) {
            if actor.is_some() && !self.stopping {
                (child.unpublish)();
                child.cell.down("its supervisor ended".to_owned(), Fault::Own);
            }
        }
    }
}

impl Actor for Running {
    type Msg = Msg;
    type State = Live;
    type Arguments = ();

    /// All children are up when this returns, except those whose environment is away: they are retried.
    async fn pre_start(&self, me: ActorRef<Msg>, (): ()) -> Result<Live, ActorProcessingErr> {
        let count = self.0.supervisor.children.len();
        let mut live = Live {
            spec: self.0.clone(),
            actors: vec![None; count],
            failures: vec![0; count],
            bugs: VecDeque::new(),
            stopping: false,
        };
        for index in 0..count {
            live.boot(&me, index).await?;
        }
        self.0.cell.up();
        Ok(live)
    }

    async fn handle(
        &self,
        me: ActorRef<Msg>,
        Msg::Respawn(first): Msg,
        live: &mut Live,
    ) -> Result<(), ActorProcessingErr> {
        let last = match self.0.supervisor.strategy {
            Strategy::OneForOne => first,
            Strategy::RestForOne => live.actors.len() - 1,
        };
        for index in first..=last {
            if live.actors[index].is_none() {
                live.boot(&me, index).await?;
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<Msg>,
        event: SupervisionEvent,
        live: &mut Live,
    ) -> Result<(), ActorProcessingErr> {
        let (actor, cause) = match event {
            SupervisionEvent::ActorFailed(actor, error) => (actor, format!("{error:#}")),
            SupervisionEvent::ActorTerminated(actor, _, reason) => {
                (actor, reason.unwrap_or_else(|| "stopped".to_owned()))
            }
            _ => return Ok(()),
        };
        let found =
            live.actors.iter().position(|it| it.as_ref().is_some_and(|it| it.get_id() == actor.get_id()));
        let Some(index) = found else { return Ok(()) };
        live.actors[index] = None;
        let child = &self.0.supervisor.children[index];
        (child.unpublish)();
        let requested = child.cell.restart_requested.swap(false, AcqRel);
        if child.cell.uptime() > HEALTHY_AFTER {
            live.failures[index] = 0;
        }
        if requested {
            child.cell.down("restarted on request".to_owned(), Fault::Own);
        } else {
            child.cell.down(cause, child.restart.fault());
        }
        if self.0.supervisor.strategy == Strategy::RestForOne {
            live.stop_from(index + 1).await;
        }
        live.schedule(&me, index, requested)
    }

    async fn post_stop(&self, _me: ActorRef<Msg>, live: &mut Live) -> Result<(), ActorProcessingErr> {
        live.stopping = true;
        live.stop_from(0).await;
        for child in &self.0.supervisor.children {
            child.cell.stopped();
        }
        self.0.cell.stopped();
        Ok(())
    }
}

impl Live {
    /// Starts one child. A failed start counts like a death.
    async fn boot(&mut self, me: &ActorRef<Msg>, index: usize) -> Result<(), ActorProcessingErr> {
        let spec = self.spec.clone();
        let child = &spec.supervisor.children[index];
        match (child.boot)(me.get_cell()).await {
            Ok(actor) => {
                self.actors[index] = Some(actor);
                Ok(())
            }
            Err(error) => {
                child.cell.down(format!("could not start: {error:#}"), child.restart.fault());
                if child.restart == Restart::Intensity && child.cell.generation() == 0 {
                    return Err(format!("{} could not start: {error:#}", child.cell.path).into());
                }
                self.schedule(me, index, false)
            }
        }
    }

    /// Plans the restart of a dead child, or gives up.
    fn schedule(
        &mut self,
        me: &ActorRef<Msg>,
        index: usize,
        requested: bool,
    ) -> Result<(), ActorProcessingErr> {
        let supervisor = &self.spec.supervisor;
        let child = &supervisor.children[index];
        let pause = match child.restart {
            Restart::Backoff { min, max } => {
                let failures = self.failures[index].min(16);
                self.failures[index] += 1;
                // The first restart waits `min` too: a server that just closed a connection needs a moment.
                jittered((min * 2u32.pow(failures)).min(max))
            }
            Restart::Intensity if requested => Duration::ZERO,
            Restart::Intensity => {
                let now = Instant::now();
                self.bugs.retain(|bug| now.duration_since(*bug) <= supervisor.within);
                self.bugs.push_back(now);
                *lock(&child.cell.intensity) = Some((self.bugs.len(), supervisor.max));
                if self.bugs.len() > supervisor.max {
                    if supervisor.escalates {
                        let why = format!(
                            "{} gave up: more than {} restarts within {:?}, the last of {}",
                            supervisor.path, supervisor.max, supervisor.within, child.cell.path
                        );
                        *lock(&supervisor.why) = Some(why.clone());
                        return Err(why.into());
                    }
                    supervisor.within / supervisor.max.max(1) as u32
                } else {
                    Duration::ZERO
                }
            }
        };
        child.cell.backoff_ms.store(pause.as_millis() as u64, Relaxed);
        me.send_after(pause, move || Msg::Respawn(index));
        Ok(())
    }

    /// Stops the children from `first` on in reverse start order: drain, then kill.
    async fn stop_from(&mut self, first: usize) {
        for index in (first..self.actors.len()).rev() {
            let Some(actor) = self.actors[index].take() else { continue };
            let child = &self.spec.supervisor.children[index];
            if actor.drain_and_wait(Some(child.grace)).await.is_err() {
                tracing::warn!(actor.path = %child.cell.path, "did not stop in time and is killed");
                let _ = actor.kill_and_wait(Some(KILL_WAIT)).await;
            }
            (child.unpublish)();
            if !self.stopping {
                child.cell.down("restarts with a sibling it depends on".to_owned(), Fault::Environment);
            }
        }
    }
}

/// ±20 %, so that a fleet does not knock in step.
fn jittered(pause: Duration) -> Duration {
    let noise = (now_ns().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / f64::from(1u32 << 24);
    pause.mul_f64(0.8 + 0.4 * noise)
}
