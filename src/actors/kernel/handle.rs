//! Handles, envelopes and replies: how a message travels.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use ractor::{ActorRef, MessagingErr};
use tokio::{sync::oneshot, time::Instant};

use super::cell::{Cell, now_ns};
use crate::scope;

/// A message enum; implement it with [`kinds!`](crate::kinds).
pub trait Message: Send + 'static {
    /// The names of its kinds.
    const KINDS: &'static [&'static str];
    /// The index of this message's kind.
    fn kind(&self) -> usize;
}

/// Why a message was not taken; it comes back to the sender.
#[derive(thiserror::Error)]
pub enum SendError<M> {
    /// The mailbox is full.
    #[error("the actor's mailbox is full")]
    Overloaded(M),
    /// The actor is down and being restarted.
    #[error("the actor is down")]
    Down(M),
}

impl<M> std::fmt::Debug for SendError<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The mailbox is full: nothing happened.
    #[error("the actor's mailbox is full")]
    Overloaded,
    /// The actor is down: nothing happened.
    #[error("the actor is down")]
    Down,
    /// The actor died with the message: whether it took effect is unknown.
    #[error("the actor crashed before it answered")]
    Crashed,
}

/// What travels: the message, or an order of the kernel itself.
pub(super) enum Payload<M> {
    Message(M),
    /// Crash (game day).
    Crash,
    /// Refresh the view.
    Inspect(oneshot::Sender<()>),
}

/// Every message travels in one of these; dropping it counts the loss.
pub(super) struct Envelope<M> {
    payload: Option<Payload<M>>,
    cell: &'static Cell,
    pub(super) sent_ns: u64,
}

impl<M> Envelope<M> {
    /// Takes the payload out; the taker now owes the cell a `finish` or a `lose`.
    pub(super) fn open(mut self) -> Payload<M> {
        self.payload.take().expect("an envelope is opened once, and only its opener empties it")
    }
}

impl<M> Drop for Envelope<M> {
    fn drop(&mut self) {
        if let Some(Payload::Message(_)) = self.payload {
            self.cell.lose();
        }
    }
}

pub(super) type Slot<M> = Arc<ArcSwapOption<ActorRef<Envelope<M>>>>;

/// How everybody talks to an actor. Cheap to clone; survives restarts; bounded.
pub struct Handle<M: Message> {
    pub(super) slot: Slot<M>,
    cell: &'static Cell,
}

impl<M: Message> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Self { slot: self.slot.clone(), cell: self.cell }
    }
}

impl<M: Message> std::fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({})", self.cell.path)
    }
}

impl<M: Message> Handle<M> {
    pub(super) fn new(slot: Slot<M>, cell: &'static Cell) -> Self {
        Self { slot, cell }
    }

    /// The actor's figures.
    pub fn cell(&self) -> &'static Cell {
        self.cell
    }

    /// Hands a message over without waiting for anything.
    pub fn send(&self, message: M) -> Result<(), SendError<M>> {
        if !self.cell.admit(true) {
            return Err(SendError::Overloaded(message));
        }
        let slot = self.slot.load();
        let Some(actor) = slot.as_ref() else {
            self.cell.refuse();
            return Err(SendError::Down(message));
        };
        deliver(actor, self.cell, message).map_err(SendError::Down)
    }

    /// Hands a message over and waits for its answer. There is no timer: a request's deadline drops this future,
    /// and the actor sees [`Reply::is_abandoned`].
    pub async fn call<R: Send>(&self, message: impl FnOnce(Reply<R>) -> M) -> Result<R, CallError> {
        let (sender, receiver) = oneshot::channel();
        match self.send(message(Reply { sender, deadline: scope::deadline() })) {
            Ok(()) => receiver.await.map_err(|_| CallError::Crashed),
            Err(SendError::Overloaded(_)) => Err(CallError::Overloaded),
            Err(SendError::Down(_)) => Err(CallError::Down),
        }
    }

    /// Sends an order of the kernel; `false` when the actor is down.
    pub(super) fn order(&self, payload: Payload<M>) -> bool {
        let slot = self.slot.load();
        let Some(actor) = slot.as_ref() else { return false };
        let envelope = Envelope { payload: Some(payload), cell: self.cell, sent_ns: now_ns() };
        actor.send_message(envelope).is_ok()
    }
}

/// Delivers an admitted message, or gives its place and the message back.
pub(super) fn deliver<M: Message>(
    actor: &ActorRef<Envelope<M>>,
    cell: &'static Cell,
    message: M,
) -> Result<(), M> {
    let envelope = Envelope { payload: Some(Payload::Message(message)), cell, sent_ns: now_ns() };
    match actor.send_message(envelope) {
        Ok(()) => Ok(()),
        Err(MessagingErr::SendErr(mut envelope)) => {
            cell.refuse();
            match envelope.payload.take() {
                Some(Payload::Message(message)) => Err(message),
                _ => unreachable!("the envelope was filled with a message above"),
            }
        }
        Err(error) => unreachable!("envelopes are only sent to actors of their own type: {error}"),
    }
}

/// Where the answer of a call goes.
#[derive(Debug)]
pub struct Reply<R> {
    sender: oneshot::Sender<R>,
    deadline: Option<Instant>,
}

impl<R> Reply<R> {
    /// A reply nobody waits for.
    pub fn detached() -> Self {
        Self { sender: oneshot::channel().0, deadline: None }
    }

    /// Answers. The caller may have left; that is fine.
    pub fn send(self, answer: R) {
        let _ = self.sender.send(answer);
    }

    /// Nobody waits any more: skip the work.
    pub fn is_abandoned(&self) -> bool {
        self.sender.is_closed() || self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Returns when nobody waits any more.
    pub async fn abandoned(&mut self) {
        self.sender.closed().await;
    }

    /// When the caller's request ends; `None` for callers without a deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}
