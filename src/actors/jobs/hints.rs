//! From the jobs' public face to the actors: hints become rings of bells.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{engine::Engine, handover::Places, notifier::Named, scheduler::SchedulerMsg, timer::TimerMsg};
use crate::jobs::{Hint, Hints, QueueName, Reserved};

/// Passes hints on.
pub(super) struct Ringer {
    pub(super) engine: Arc<Engine>,
    pub(super) named: Arc<Named>,
    /// See [`super::timer::Timer`].
    pub(super) planned: Arc<AtomicI64>,
}

impl Hints for Ringer {
    fn reserve(&self, queue: QueueName, wanted: usize) -> Option<Box<dyn Reserved>> {
        Some(Box::new(Places::reserve(&self.engine, queue, wanted)?))
    }

    fn tell(&self, hint: Hint) {
        self.heard(hint);
        if self.engine.others.load(Relaxed) > 0 {
            self.named.add(hint);
            self.engine.bells.notify.ring();
        }
    }

    fn heard(&self, hint: Hint) {
        let bells = &self.engine.bells;
        match hint {
            Hint::Ready(queue) => bells.ready[queue.index()].ring(),
            Hint::Due => bells.due.ring(),
            Hint::Orders => bells.orders.ring(),
            Hint::Gates => self.engine.sweep(),
            Hint::Ended => self.engine.jobs.some_ended(),
            Hint::Cron => bells.cron.ring(),
        }
    }

    fn doors(&self, doors: &[i64]) {
        self.engine.look_at_doors(doors.iter().copied());
    }

    fn settled(&self) {
        self.engine.settle();
    }

    fn due(&self, at: Timestamp) {
        if at.as_microsecond() < self.planned.load(Relaxed) {
            let _ = self.engine.bells.timer.send(TimerMsg::Due { at }); // lost: the timer looks every poll_max
        }
    }

    fn catch_up(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            // An actor that is down catches up by itself; the caller looks again.
            let _ = self.engine.bells.scheduler.call(|done| SchedulerMsg::CatchUp { done }).await;
            let _ = self.engine.bells.timer.call(|done| TimerMsg::CatchUp { done }).await;
            self.engine.settle();
        })
    }

    fn stopping(&self, grace: Duration) {
        self.engine.begin_stop(grace);
    }
}
