//! What an actor is to its author ([`Behaviour`]), and the adapter that makes it observable.

use std::{future::Future, sync::Arc, time::Duration};

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Child, Handle, Message,
    cell::Cell,
    handle::{Envelope, Payload, deliver},
};

/// Why an actor ends: only for a state that is no longer trustworthy, or an environment that is gone.
pub type Failure = anyhow::Error;

/// The view is refreshed after this many messages, besides whenever somebody asks.
const VIEW_EVERY: u64 = 64;

/// What an actor does. The behaviour itself survives restarts; the state does not.
pub trait Behaviour: Send + Sync + 'static {
    /// Its messages.
    type Msg: Message;
    /// What it loses in a crash.
    type State: Send + 'static;

    /// Builds the state. Must be quick: the supervisor waits.
    fn init(&self, ctx: &Context<Self::Msg>) -> impl Future<Output = Result<Self::State, Failure>> + Send;

    /// Handles one message. Must not wait for slow things: spawn them with [`Context::spawn`] and let them report
    /// through [`Myself::tell`].
    fn handle(
        &self,
        ctx: &Context<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// What the console shows of the state: facts the code branches on, never secrets or personal data.
    fn view(&self, _state: &Self::State) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// Runs on an orderly stop only, after the mailbox is empty.
    fn stop(&self, _state: &mut Self::State) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// An incarnation's way to itself. Tells bypass the bound: an actor must hear of its own work.
pub struct Myself<M: Message> {
    actor: ActorRef<Envelope<M>>,
    cell: &'static Cell,
}

impl<M: Message> Clone for Myself<M> {
    fn clone(&self) -> Self {
        Self { actor: self.actor.clone(), cell: self.cell }
    }
}

impl<M: Message> Myself<M> {
    /// Sends a message to this very incarnation; lost if it has ended.
    pub fn tell(&self, message: M) {
        self.cell.admit(false);
        let _ = deliver(&self.actor, self.cell, message);
    }
}

/// What an actor may use besides its state.
pub struct Context<M: Message> {
    myself: Myself<M>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    ended: CancellationToken,
}

impl<M: Message> Context<M> {
    /// A way to send messages to this incarnation.
    pub fn myself(&self) -> Myself<M> {
        self.myself.clone()
    }

    /// Runs a task that ends with this incarnation; an orderly stop waits for it within the actor's grace.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ended = self.ended.clone();
        self.tasks.spawn(async move {
            tokio::select! { () = ended.cancelled() => {}, () = task => {} }
        });
    }

    /// Runs a task that is cut off when this incarnation ends; an orderly stop does not wait for it.
    pub fn background(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ended = self.ended.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the incarnation's token")]
        tokio::spawn(async move {
            tokio::select! { () = ended.cancelled() => {}, () = task => {} }
        });
    }

    /// Tells `message` to this incarnation every `period`, the first time after one period.
    pub fn every(&self, period: Duration, message: impl Fn() -> M + Send + 'static) {
        let myself = self.myself();
        self.background(async move {
            let mut timer = tokio::time::interval(period);
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            timer.tick().await;
            loop {
                timer.tick().await;
                myself.tell(message());
            }
        });
    }

    /// Cancelled when an orderly stop has emptied the mailbox and waits for the tasks.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Cancelled when this incarnation ends.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

/// Describes a child that runs `behaviour` behind `handle`.
pub fn actor<B: Behaviour>(behaviour: B, handle: &Handle<B::Msg>) -> Child {
    let (behaviour, handle) = (Arc::new(behaviour), handle.clone());
    let slot = handle.slot.clone();
    Child::worker(
        handle.cell(),
        Box::new(move || slot.store(None)),
        Box::new(move |supervisor| {
            let adapter = Adapter { behaviour: behaviour.clone(), handle: handle.clone() };
            Box::pin(
                async move { Ok(Actor::spawn_linked(None, adapter, (), supervisor).await?.0.get_cell()) },
            )
        }),
    )
}

struct Adapter<B: Behaviour> {
    behaviour: Arc<B>,
    handle: Handle<B::Msg>,
}

/// The incarnation: dropped on stop, panic and kill alike, which ends its tasks.
struct Incarnation<B: Behaviour> {
    ctx: Context<B::Msg>,
    state: B::State,
}

impl<M: Message> Drop for Context<M> {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

/// Counts the message in hand as lost unless it was handled to the end.
struct InHand(Option<&'static Cell>);

impl Drop for InHand {
    fn drop(&mut self) {
        if let Some(cell) = self.0 {
            cell.lose();
        }
    }
}

impl<B: Behaviour> Actor for Adapter<B> {
    type Msg = Envelope<B::Msg>;
    type State = Incarnation<B>;
    type Arguments = ();

    async fn pre_start(&self, actor: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        let cell = self.handle.cell();
        let ctx = Context {
            myself: Myself { actor: actor.clone(), cell },
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            ended: CancellationToken::new(),
        };
        let state = self.behaviour.init(&ctx).await?;
        cell.set_view(self.behaviour.view(&state));
        cell.up();
        self.handle.slot.store(Some(Arc::new(actor)));
        Ok(Incarnation { ctx, state })
    }

    async fn handle(
        &self,
        _actor: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        incarnation: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let cell = self.handle.cell();
        let sent_ns = envelope.sent_ns;
        match envelope.open() {
            Payload::Message(message) => {
                let mut in_hand = InHand(Some(cell));
                while cell.suspended.load(std::sync::atomic::Ordering::Acquire) {
                    cell.resumed.notified().await;
                }
                let kind = message.kind();
                let began = cell.begin(kind, sent_ns);
                self.behaviour.handle(&incarnation.ctx, message, &mut incarnation.state).await?;
                in_hand.0 = None;
                cell.finish(kind, began);
                if cell.handled().is_multiple_of(VIEW_EVERY) {
                    cell.set_view(self.behaviour.view(&incarnation.state));
                }
            }
            Payload::Crash => panic!("crashed by an administrator (game day)"),
            Payload::Inspect(done) => {
                cell.set_view(self.behaviour.view(&incarnation.state));
                let _ = done.send(());
            }
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _actor: ActorRef<Self::Msg>,
        incarnation: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        self.handle.slot.store(None);
        incarnation.ctx.stopping.cancel();
        incarnation.ctx.tasks.close();
        incarnation.ctx.tasks.wait().await;
        self.behaviour.stop(&mut incarnation.state).await;
        Ok(())
    }
}
