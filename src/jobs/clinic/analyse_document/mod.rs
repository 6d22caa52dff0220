//! Reads a document of a patient: checked and stored, its text, the values in it, what they speak of, what can be said. Enqueued
//! in the transaction that writes the document down, or asks for another analysis.
//!
//! Each step leaves a checkpoint, in one transaction with what it has made: the content in the store, the text of the pages, how
//! many values there are, the domains, the findings. An attempt that finds a checkpoint goes on behind it. What follows from the
//! text is a pure function of it and takes milliseconds: it is computed again where an attempt goes on, and written down once,
//! with the end of the job.
//!
//! How it ends: `completed`; or `failed`, with a stable word why. A refusal of the file is final. What may be better in a moment
//! is tried again; while something that is needed is away (see [`crate::jobs::breaker`]) the document waits. If the job ends by
//! anybody else's word than its own, [`super::EndLostAnalyses`] says so of the document.

mod ending;
mod steps;

use std::{borrow::Cow, time::Duration};

use crate::{
    actors::data::{contents::ContentError, storage::StorageError},
    clinic::{
        analysis::state,
        documents::{Status, list},
        patients::Patient,
    },
    db::DbError,
    ids::{PatientDocumentId, UploadId, UserId},
    jobs::{Dependency, Job, JobContext, NewJob, Outcome, QueueName, Retry, breaker},
};

/// Analyses a document.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct AnalyseDocument {
    /// Which.
    pub document: PatientDocumentId,
    /// Which analysis of it.
    pub run: i32,
    /// The file as it has arrived, when it is not in the store yet.
    pub upload: Option<UploadId>,
}

/// Why an attempt goes no further.
enum Halt {
    /// Nothing comes of it; why, in a stable word.
    Failed(Cow<'static, str>),
    /// Something that is needed is away.
    Later(Duration),
    /// The document was taken away, or is analysed anew.
    Gone,
    /// Try again.
    Error(anyhow::Error),
}

macro_rules! errors {
    ($($error:ty),+) => {$(
        impl From<$error> for Halt {
            fn from(error: $error) -> Self {
                Self::Error(error.into())
            }
        }
    )+};
}
errors!(DbError, StorageError, ContentError, serde_json::Error);

impl From<anyhow::Error> for Halt {
    fn from(error: anyhow::Error) -> Self {
        Self::Error(error)
    }
}

impl Job for AnalyseDocument {
    const KIND: &'static str = "clinic.analyse_document";
    const QUEUE: QueueName = QueueName::Reading;
    const MAX_ATTEMPTS: u16 = 5;
    /// Most of it may be waiting for a place among those that are read: `clinic.reading_deadline` is that of the reading.
    const TIMEOUT: Duration = Duration::from_secs(3600);
    const RETRY: Retry = Retry { first: Duration::from_secs(2), max: Duration::from_secs(300) };
    const NEEDS: &'static [Dependency] = &[Dependency::Storage, Dependency::Reader, Dependency::Tesseract];

    /// Safe to run twice: whatever is written says for which run it is, under the lock of the document, and the result replaces
    /// what was there together with the end of the job. What an attempt that died has stored is an orphan.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let mut tx = ctx.db.begin("clinic.begin_analysis").await?;
        let found = list::of_analysis(&mut tx, self.document).await?;
        let is_open = |status| matches!(status, Status::Pending | Status::Processing);
        let Some(document) = found.filter(|it| it.run == self.run && is_open(it.status)) else {
            tx.rollback().await?;
            return Ok(Self::gone());
        };
        state::passed(&mut tx, (self.document, self.run), None, ctx.clock.now()).await?;
        tx.commit().await?;
        match self.steps(ctx, document).await {
            Ok(()) => Ok(Outcome::Done),
            Err(Halt::Later(pause)) => Ok(Outcome::Snooze(pause)),
            Err(Halt::Gone) => Ok(Self::gone()),
            Err(Halt::Failed(why)) => self.failed(ctx, &why).await,
            Err(Halt::Error(error)) => self.error(ctx, error).await,
        }
    }
}

impl AnalyseDocument {
    /// As a task of whoever asks for it. Clinics take turns, however much one of them has read.
    pub fn asked_by(&self, user: UserId, patient: &Patient) -> NewJob {
        NewJob::of(self).owner(user.0).subject(patient.id).tenant(patient.clinic_id.to_string(), 1.0)
    }

    /// The last attempt says of the document that it has failed; unless it has failed by something that is away, which does not
    /// count.
    async fn error(&self, ctx: &JobContext, error: anyhow::Error) -> anyhow::Result<Outcome> {
        let is_last = ctx.attempt().number >= Self::MAX_ATTEMPTS as i16;
        if !is_last {
            return Err(error);
        }
        if let Some(accused) = breaker::accused(&error)
            && let Some(pause) = ctx.breakers.accuse(accused, &format!("{error:#}")).await
        {
            return Ok(Outcome::Snooze(pause));
        }
        tracing::error!(document.id = %self.document, error = format!("{error:#}"), "a document could not be analysed");
        self.failed(ctx, ending::INTERNAL_ERROR).await
    }
}
