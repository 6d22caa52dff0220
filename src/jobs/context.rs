//! What a job may use, and how it commits its writes together with its acknowledgement.

use std::{sync::Arc, time::Duration};

use super::{BlockingPool, Breakers, Hint, JobId, Jobs, attempt::Attempt, store};
use crate::{
    actors::data::{
        cache::{Tags, Warmer},
        contents::Contents,
        imager::Imager,
        mailer::Mailer,
        renderer::Renderer,
        storage::Storage,
    },
    clinic::reading::Reader,
    clock::Clock,
    config::Config,
    db::{Db, DbError, Tx},
    notary::certified_mail::provider::Provider,
    signing::Signing,
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
    /// Sends certified mail.
    pub certified: Provider,
    /// Makes pictures.
    pub imager: Imager,
    /// Makes PDF documents.
    pub renderer: Renderer,
    /// Keeps files.
    pub storage: Storage,
    /// Keeps contents of documents.
    pub contents: Contents,
    /// Signs and stamps the time.
    pub signing: Signing,
    /// Reads documents that are not trusted.
    pub reader: Reader,
    /// Whether what jobs need is there.
    pub breakers: Breakers,
    /// Runs what blocks: see [`JobContext::blocking`].
    pub threads: BlockingPool,
}

/// One attempt of one job. The resources are reached directly: `ctx.db`.
#[derive(Clone)]
pub struct JobContext {
    resources: Resources,
    attempt: Attempt,
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
        let attempt = &self.attempt;
        let answer = attempt.take_answer();
        let in_batch = attempt.ties.as_ref().is_some_and(|ties| ties.in_batch);
        if !store::acks::finish(tx, attempt.job, attempt.token, in_batch, answer.as_deref()).await? {
            return Err(FinishError::Stale);
        }
        let attempt = attempt.clone();
        let told = answer.map(|_| self.jobs.clone());
        tx.on_commit(move || {
            attempt.set_finished();
            if let Some(jobs) = told {
                jobs.hint(Hint::Ended);
            }
        });
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
