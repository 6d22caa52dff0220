//! Coalesced hints: however often a bell is rung, at most one message waits in the mailbox.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release},
};

use super::{Handle, Message};

/// Rings an actor.
pub struct Bell<M: Message> {
    handle: Handle<M>,
    message: fn() -> M,
    rung: Arc<AtomicBool>,
}

impl<M: Message> Clone for Bell<M> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), message: self.message, rung: self.rung.clone() }
    }
}

impl<M: Message> Bell<M> {
    /// Rings the actor of `handle` with this message.
    pub fn new(handle: &Handle<M>, message: fn() -> M) -> Self {
        Self { handle: handle.clone(), message, rung: Arc::default() }
    }

    /// A hint: lost when the actor is down, which looks for itself when it comes up.
    pub fn ring(&self) {
        if !self.rung.swap(true, AcqRel) && self.handle.send((self.message)()).is_err() {
            self.rung.store(false, Release);
        }
    }

    /// Called before the actor looks, and when it starts: what is rung from now on is heard anew.
    pub fn answer(&self) {
        self.rung.store(false, Release);
    }
}
