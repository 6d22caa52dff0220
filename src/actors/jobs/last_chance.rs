//! A job that would be set aside with its next crash runs apart from others like it, and is announced before it starts:
//! so that the crash is blamed on the one that ran, not on those that merely waited beside it.
//!
//! Invariants
//! - At most one such job runs in this process, and the row of this process names its lease before it starts.
//! - A crash is the last of a job's only if that job had been announced (see [`rescue`]).
//!
//! Without this, jobs that are claimed with a poisonous one travel with it: they are rescued together, start together
//! and would be set aside together.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::engine::{Engine, trouble};
use crate::jobs::{
    Report, Verdict,
    store::{Claimed, rescue, workers},
};

/// So long a worker waits for another such job to end; most take milliseconds.
const WAIT: Duration = Duration::from_secs(1);
/// Then the worker is free for others, and this job comes back after a pause.
const PAUSE: Duration = Duration::from_secs(1);

/// The one place for such jobs.
pub(super) struct LastChance(Arc<Semaphore>);

impl Default for LastChance {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// Keeps the place until the attempt has ended; other jobs need none.
pub(super) struct Alone {
    _place: Option<OwnedSemaphorePermit>,
}

impl LastChance {
    /// Returns when `claimed` may start; its report when it may not now, which costs no attempt.
    pub(super) async fn wait(&self, engine: &Engine, claimed: &Claimed) -> Result<Alone, Report> {
        if !rescue::is_last_chance(claimed.crashes, engine.config.quarantine_crashes) {
            return Ok(Alone { _place: None });
        }
        let not_now = |verdict| Report {
            ties: claimed.ties.clone(),
            ..Report::new(claimed.job, claimed.token, verdict)
        };
        let later = || not_now(Verdict::Snooze(engine.jobs.clock().now() + PAUSE));
        let Ok(Ok(place)) = tokio::time::timeout(WAIT, self.0.clone().acquire_owned()).await else {
            return Err(later());
        };
        let Some(worker) = engine.worker().filter(|_| !engine.is_fenced()) else {
            return Err(not_now(Verdict::GiveBack));
        };
        match workers::announce(&engine.control, worker, claimed.token).await {
            Ok(true) => Ok(Alone { _place: Some(place) }),
            Ok(false) => Err(later()),
            Err(error) => {
                trouble("a job that has crashed before could not be announced", &error);
                Err(later())
            }
        }
    }
}
