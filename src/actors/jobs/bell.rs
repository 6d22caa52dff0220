//! Coalesced hints: however often a bell is rung, at most one message waits in the mailbox.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release},
};

use super::{
    acker::AckerMsg, dispatcher::DispatcherMsg, notifier::NotifierMsg, rescuer::RescuerMsg,
    scheduler::SchedulerMsg, timer::TimerMsg,
};
use crate::actors::kernel::{Handle, Message};

/// Rings an actor.
pub(super) struct Bell<M: Message> {
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
    pub(super) fn new(handle: &Handle<M>, message: fn() -> M) -> Self {
        Self { handle: handle.clone(), message, rung: Arc::default() }
    }

    /// A hint: lost when the actor is down, which looks for itself when it comes up.
    pub(super) fn ring(&self) {
        if !self.rung.swap(true, AcqRel) && self.handle.send((self.message)()).is_err() {
            self.rung.store(false, Release);
        }
    }

    /// Called before the actor looks, and when it starts: what is rung from now on is heard anew.
    pub(super) fn answer(&self) {
        self.rung.store(false, Release);
    }
}

/// Every bell of the engine.
pub(super) struct Bells {
    /// Jobs are ready, by queue.
    pub(super) ready: Vec<Bell<DispatcherMsg>>,
    /// There is room for more jobs, by queue.
    pub(super) room: Vec<Bell<DispatcherMsg>>,
    /// Reports wait to be written.
    pub(super) reports: Bell<AckerMsg>,
    /// Something is due now.
    pub(super) due: Bell<TimerMsg>,
    /// Somebody was declared dead.
    pub(super) rescue: Bell<RescuerMsg>,
    /// Other nodes should hear of work.
    pub(super) notify: Bell<NotifierMsg>,
    /// For the exact time of the next due job.
    pub(super) timer: Handle<TimerMsg>,
    /// For catching up.
    pub(super) scheduler: Handle<SchedulerMsg>,
}
