//! Introspection: shows the actors from inside and carries out the orders of administrators.
//!
//! It asks each actor for a fresh view; one that is busy or stuck shows its last one after a moment, so that a stuck
//! actor never hides the others. A suspended actor is resumed after `ops.suspend_max` at the latest: whoever suspends
//! what administrators need to come back (the lanes, the acceptor) would otherwise be locked out. The deadlines live in
//! the behaviour and are watched outside the mailbox: neither a crash nor a suspension of this actor forgets them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::super::core::{
    figures::{Figures, Tree},
    meter::Meter,
};
use crate::actors::kernel::{Behaviour, CallError, Context, ControlError, Failure, Handle, Registry, Reply};

/// How often suspensions are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What an administrator may order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Throw the incarnation away and start a new one.
    Restart,
    /// Let messages wait.
    Suspend,
    /// Handle messages again.
    Resume,
}

impl Order {
    /// As it stands in paths and in the journal.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Restart => "actor.restart",
            Self::Suspend => "actor.suspend",
            Self::Resume => "actor.resume",
        }
    }
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The order cannot be carried out.
    #[error(transparent)]
    Refused(#[from] ControlError),
    /// Introspection itself is down or overloaded.
    #[error("introspection is not available at the moment")]
    Unavailable,
}

/// Messages of introspection.
pub enum IntrospectionMsg {
    /// Show the whole tree.
    Tree {
        /// Where it goes.
        reply: Reply<Tree>,
    },
    /// Show one actor.
    Actor {
        /// Which.
        path: String,
        /// Where it goes; `None` when there is no such actor.
        reply: Reply<Option<Figures>>,
    },
    /// Carry out an order.
    Order {
        /// What.
        order: Order,
        /// To whom.
        path: String,
        /// Where the outcome goes.
        reply: Reply<Result<(), ControlError>>,
    },
}
crate::kinds!(IntrospectionMsg: Tree, Actor, Order);

/// Shows and orders. Cheap to clone.
#[derive(Clone)]
pub struct Introspection(Handle<IntrospectionMsg>);

impl Introspection {
    /// The handle of introspection.
    pub fn new(handle: Handle<IntrospectionMsg>) -> Self {
        Self(handle)
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<IntrospectionMsg> {
        &self.0
    }

    /// The whole tree, with fresh views.
    pub async fn tree(&self) -> Result<Tree, CallError> {
        self.0.call(|reply| IntrospectionMsg::Tree { reply }).await
    }

    /// One actor, with a fresh view.
    pub async fn actor(&self, path: &str) -> Result<Option<Figures>, CallError> {
        let path = path.to_owned();
        self.0.call(|reply| IntrospectionMsg::Actor { path, reply }).await
    }

    /// Carries out an order. Whoever orders a restart of introspection itself hears [`OrderError::Unavailable`], because
    /// the answer dies with it.
    pub async fn order(&self, order: Order, path: &str) -> Result<(), OrderError> {
        let path = path.to_owned();
        match self.0.call(|reply| IntrospectionMsg::Order { order, path, reply }).await {
            Ok(outcome) => outcome.map_err(OrderError::from),
            Err(_) => Err(OrderError::Unavailable),
        }
    }
}

/// The introspection actor.
pub struct IntrospectionActor {
    registry: Registry,
    meter: Meter,
    suspend_max: Duration,
    suspended: Arc<Mutex<HashMap<String, Instant>>>,
}

impl IntrospectionActor {
    /// Shows the actors of `registry`, with the rates of `meter`.
    pub fn new(registry: Registry, meter: Meter, suspend_max: Duration) -> Self {
        Self { registry, meter, suspend_max, suspended: Arc::default() }
    }

    fn carry_out(&self, order: Order, path: &str) -> Result<(), ControlError> {
        let mut suspended = self.suspended.lock().unwrap_or_else(PoisonError::into_inner);
        match order {
            Order::Restart => self.registry.restart(path),
            Order::Suspend => {
                self.registry.suspend(path)?;
                suspended.insert(path.to_owned(), Instant::now() + self.suspend_max);
                Ok(())
            }
            Order::Resume => {
                suspended.remove(path);
                self.registry.resume(path)
            }
        }
    }
}

/// Asks every actor for its view, all at once.
async fn refresh(registry: &Registry, paths: impl IntoIterator<Item = &str>) {
    let asked = paths.into_iter().map(|path| registry.inspect(path));
    futures_util::future::join_all(asked).await;
}

/// Resumes what has been suspended for too long.
async fn resume_in_time(registry: Registry, suspended: Arc<Mutex<HashMap<String, Instant>>>) {
    let mut timer = tokio::time::interval(LOOK_EVERY);
    loop {
        timer.tick().await;
        let now = Instant::now();
        let due: Vec<String> = {
            let mut suspended = suspended.lock().unwrap_or_else(PoisonError::into_inner);
            suspended.extract_if(|_, until| *until <= now).map(|(path, _)| path).collect()
        };
        for path in due {
            tracing::warn!(actor.path = %path, "suspended for too long: resumed");
            let _ = registry.resume(&path);
        }
    }
}

impl Behaviour for IntrospectionActor {
    type Msg = IntrospectionMsg;
    type State = ();

    async fn init(&self, ctx: &Context<IntrospectionMsg>) -> Result<(), Failure> {
        ctx.background(resume_in_time(self.registry.clone(), self.suspended.clone()));
        Ok(())
    }

    async fn handle(
        &self,
        ctx: &Context<IntrospectionMsg>,
        message: IntrospectionMsg,
        (): &mut (),
    ) -> Result<(), Failure> {
        let (registry, meter) = (self.registry.clone(), self.meter.clone());
        match message {
            IntrospectionMsg::Tree { reply } if !reply.is_abandoned() => ctx.spawn(async move {
                refresh(&registry, registry.cells().iter().map(|cell| cell.path.as_str())).await;
                reply.send(meter.tree());
            }),
            IntrospectionMsg::Actor { path, reply } => ctx.spawn(async move {
                refresh(&registry, [path.as_str()]).await;
                reply.send(meter.figures(&path));
            }),
            IntrospectionMsg::Order { order, path, reply } => {
                // An abandoned order is not carried out: its administrator was told that it failed.
                if !reply.is_abandoned() {
                    reply.send(self.carry_out(order, &path));
                }
            }
            IntrospectionMsg::Tree { .. } => {}
        }
        Ok(())
    }

    fn view(&self, (): &()) -> serde_json::Value {
        let suspended = self.suspended.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!({ "suspended": suspended.keys().collect::<Vec<_>>() })
    }
}
