//! Waiting for what a job answers: in this process at its end, on other nodes by notification, and by looking in any case.

use std::{
    marker::PhantomData,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ahash::AHashMap;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{Ending, Job, JobContext, JobId, Jobs, NewJob, attempt::AnswerError, store};
use crate::db::{Db, DbError, Tx};

/// Between two looks, while no news comes.
const LOOK_MIN: Duration = Duration::from_millis(5);
const LOOK_MAX: Duration = Duration::from_millis(500);

/// A job that says something to those who wait for it.
pub trait Answering: Job {
    /// What it says.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Says it; call it before returning [`super::Outcome::Done`] or [`JobContext::finish`].
    fn answer(ctx: &JobContext, answer: &Self::Answer) -> Result<(), AnswerError> {
        ctx.attempt().answer(answer)
    }
}

/// A job whose answer is waited for.
#[derive(Debug)]
pub struct Pending<J> {
    /// The job.
    pub job: JobId,
    kind: PhantomData<fn() -> J>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It takes longer; it may answer yet.
    #[error("job {0} has not ended yet")]
    NotYet(JobId),
    /// It ended otherwise.
    #[error("job {job} was {ending:?}: {}", .reason.as_deref().unwrap_or("no reason is known"))]
    Ended {
        /// The job.
        job: JobId,
        /// How.
        ending: Ending,
        /// Why.
        reason: Option<String>,
    },
    /// It is done and said nothing, or something else.
    #[error("job {0} did not answer in the expected shape")]
    Shape(JobId),
    /// There is none, or its history is gone already.
    #[error("there is no job {0}")]
    Unknown(JobId),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Who waits in this process.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<AHashMap<JobId, watch::Sender<()>>>);

impl Waiting {
    /// Hears of the end of `job`.
    fn listen(&self, job: JobId) -> watch::Receiver<()> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those who gave up left their senders.
        waiting.retain(|_, sender| sender.receiver_count() > 0);
        waiting.entry(job).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    /// Tells who waits that these may have ended.
    pub(super) fn tell(&self, jobs: impl Iterator<Item = JobId>) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            return;
        }
        for job in jobs {
            if let Some(sender) = waiting.get(&job) {
                let _ = sender.send(()); // nobody waits any more
            }
        }
    }
}

impl Waiting {
    pub(super) fn tell_all(&self) {
        for sender in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            let _ = sender.send(()); // nobody waits any more
        }
    }
}

impl Jobs {
    /// Enqueues a job whose answer will be waited for.
    pub async fn ask<J: Answering>(&self, tx: &mut Tx, job: &J) -> Result<Pending<J>, DbError> {
        let mut new = NewJob::of(job);
        if new.keep == super::Keep::None {
            new.keep = super::Keep::Summary; // an answer is kept in the history
        }
        let ids = self.insert(tx, &[new]).await?;
        let job = ids[0].expect("a job without a unique key is always inserted");
        Ok(Pending { job, kind: PhantomData })
    }

    /// Waits until `pending` has ended, at most `patience`: after that ask again, the answer is not lost. Call it after
    /// the commit.
    pub async fn answer<J: Answering>(
        &self,
        db: &Db,
        pending: &Pending<J>,
        patience: Duration,
    ) -> Result<J::Answer, NoAnswer> {
        let text = self.await_result(db, pending.job, patience).await?;
        let shape = || NoAnswer::Shape(pending.job);
        serde_json::from_str(&text.ok_or_else(shape)?).map_err(|_| shape())
    }

    /// The same by id: the answer as JSON text, `None` when the job is done and said nothing.
    pub async fn await_result(
        &self,
        db: &Db,
        job: JobId,
        patience: Duration,
    ) -> Result<Option<String>, NoAnswer> {
        let deadline = Instant::now() + patience;
        let mut ended = self.waiting().listen(job);
        let mut pause = LOOK_MIN;
        loop {
            match store::state::ended(db, job).await? {
                Some(store::state::End::Ended { state: 0, answer, .. }) => return Ok(answer),
                Some(store::state::End::Ended { state, reason, .. }) => {
                    let ending = Ending::of(state).unwrap_or(Ending::Discarded);
                    return Err(NoAnswer::Ended { job, ending, reason });
                }
                Some(store::state::End::Live) => {}
                None => return Err(NoAnswer::Unknown(job)),
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(NoAnswer::NotYet(job));
            }
            if let Ok(Err(_)) = timeout_at((now + pause).min(deadline), ended.changed()).await {
                ended = self.waiting().listen(job); // the sender was swept away
            }
            pause = (pause * 2).min(LOOK_MAX);
        }
    }
}
