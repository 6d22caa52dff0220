//! Jobs from the transaction that makes them straight into the hands of idle workers of this process: leased by the
//! insert, started by the commit. No hint, no poll, no claim.
//!
//! Only while nothing of the queue waits, so that no job overtakes an older one. A transaction that is rolled back gives
//! its places back by being dropped. When the answer to a commit is lost, nobody knows the lease, and the rescuer gives
//! it back.

use std::{sync::Arc, time::Duration};

use super::engine::Engine;
use crate::jobs::{QueueName, Reserved, store::Claimed};

/// Places of one queue's crew.
pub(super) struct Places {
    engine: Arc<Engine>,
    queue: QueueName,
    worker: i64,
    count: usize,
    /// Tokens.
    expected: Vec<i64>,
}

impl Places {
    /// Idle workers of `queue`, if there are any and nothing waits for them.
    pub(super) fn reserve(engine: &Arc<Engine>, queue: QueueName, wanted: usize) -> Option<Self> {
        let worker = engine.worker().filter(|_| !engine.is_fenced() && !engine.has_backlog(queue))?;
        let count = engine.crew(queue).reserve(wanted);
        let engine = engine.clone();
        (count > 0).then(|| Self { engine, queue, worker, count, expected: Vec::new() })
    }
}

impl Reserved for Places {
    fn worker(&self) -> i64 {
        self.worker
    }

    fn rescue(&self) -> Duration {
        *self.engine.config.rescue
    }

    fn count(&self) -> usize {
        self.count
    }

    /// Held from before the commit: the rescuer must not take a lease for unknown that was written long before it.
    fn expect(&mut self, jobs: &[Claimed]) {
        // Refused, because the queue is paused or the beat is late: nothing is offered until a claim has looked.
        if jobs.len() < self.count {
            self.engine.set_backlog(self.queue, true);
        }
        self.expected = jobs.iter().map(|job| job.token).collect();
        self.engine.hold(self.expected.iter().copied());
    }

    fn start(mut self: Box<Self>, jobs: Vec<Claimed>) {
        self.expected.clear(); // they stay held: they are running
        self.engine.crew(self.queue).take_on(&self.engine, jobs);
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        self.engine.let_go(self.expected.drain(..));
        self.engine.crew(self.queue).release(&self.engine, self.count);
    }
}
