//! What a job may use, and how it commits its writes together with its acknowledgement.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{BlockingPool, JobId, Jobs, store};
use crate::{
    actors::data::{
        cache::{Tags, Warmer},
        imager::Imager,
        mailer::Mailer,
        storage::Storage,
    },
    clock::Clock,
    config::Config,
    db::{Db, DbError, Tx},
};

/// The handles every job may use; built by `app.rs`.
#[derive(Clone)]
pub struct Resources {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// The effective configuration.
    pub config: Arc<Config>,
    /// For enqueueing further jobs.
    pub jobs: Jobs,
    /// What cached answers depend on: invalidate after the commit.
    pub tags: Tags,
    /// Keeps what is asked for often at hand.
    pub warmer: Warmer,
    /// Sends mails.
    pub mailer: Mailer,
    /// Makes pictures.
    pub imager: Imager,
    /// Keeps files.
    pub storage: Storage,
    /// Runs what blocks: see [`JobContext::blocking`].
    pub threads: BlockingPool,
}

/// One attempt of one job. The resources are reached directly: `ctx.db`.
#[derive(Clone)]
pub struct JobContext {
    resources: Resources,
    attempt: Attempt,
}

/// Which attempt this is.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The job.
    pub job: JobId,
    /// Its kind.
    pub kind: &'static str,
    /// From 1.
    pub number: i16,
    /// The fence: whoever holds a newer token owns the job.
    pub token: i64,
    /// How often a process died while running it.
    pub crashes: i16,
    /// Cancelled when the attempt should end early: somebody cancelled the job, or timeout, fence, stop.
    pub cancelled: CancellationToken,
    finished: Arc<AtomicBool>,
}

/// Another process owns the job by now, or nobody: nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// This attempt's lease is gone.
    #[error("this attempt no longer owns the job")]
    Stale,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Attempt {
    pub(crate) fn new(job: JobId, kind: &'static str, number: i16, token: i64, crashes: i16) -> Self {
        let (cancelled, finished) = (CancellationToken::new(), Arc::default());
        Self { job, kind, number, token, crashes, cancelled, finished }
    }

    /// The handler has committed the acknowledgement itself.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished.load(Relaxed)
    }

    /// Between 0 and 1, different for each attempt of each job: jitter that needs no generator.
    pub(crate) fn noise(&self) -> f64 {
        let mixed =
            (self.job.0 as u64 ^ (self.number as u64).rotate_left(48)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl std::ops::Deref for JobContext {
    type Target = Resources;
    fn deref(&self) -> &Resources {
        &self.resources
    }
}

impl JobContext {
    /// The context of one attempt.
    pub fn new(resources: Resources, attempt: Attempt) -> Self {
        Self { resources, attempt }
    }

    /// Which attempt this is.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// The job.
    pub fn id(&self) -> JobId {
        self.attempt.job
    }

    /// Returns when the attempt should end early; long loops look here. It is cut off soon after.
    pub async fn cancelled(&self) {
        self.attempt.cancelled.cancelled().await;
    }

    /// Acknowledges the job inside the handler's own transaction: its writes and the acknowledgement are committed
    /// together or not at all, so that the effects happen exactly once. Call it last, commit, and return
    /// [`super::Outcome::Done`]. On [`FinishError::Stale`] return the error: the writes must not be committed.
    pub async fn finish(&self, tx: &mut Tx) -> Result<(), FinishError> {
        if !store::acks::finish(tx, self.attempt.job, self.attempt.token).await? {
            return Err(FinishError::Stale);
        }
        let finished = self.attempt.finished.clone();
        tx.on_commit(move || finished.store(true, Relaxed));
        Ok(())
    }

    /// A pause that ends early when the attempt is cancelled; `false` then.
    pub async fn sleep(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }
}
