//! Checkpoints: a part of a job that is done once, and skipped by the next attempt. And the results of parents.

use std::future::Future;

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};

use super::{Ending, FinishError, JobContext, JobId, store};
use crate::db::Tx;

/// The longest value of a step, in bytes of JSON: what a later step needs, not the work itself.
const VALUE_MAX: usize = 256 << 10;

/// What a parent came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The job.
    pub job: JobId,
    /// How it ended.
    pub ending: Ending,
    /// Why, if not well.
    pub reason: Option<String>,
    answer: Option<String>,
}

impl Parent {
    /// What it answered; `None` when it said nothing.
    pub fn answer<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        self.answer.as_deref().map(serde_json::from_str).transpose()
    }
}

impl JobContext {
    /// Does `work` once: what it returned is written down under `name`, and the next attempt gets it from there. The
    /// work itself may run twice, when the process dies between its end and the note; with [`JobContext::step_in`] both
    /// are one transaction.
    pub async fn step<T, W>(&self, name: &str, work: impl FnOnce() -> W) -> anyhow::Result<T>
    where
        T: Serialize + DeserializeOwned,
        W: Future<Output = anyhow::Result<T>>,
    {
        let mut tx = self.db.begin("jobs.step").await?;
        let known = self.step_value(&mut tx, name).await?;
        tx.commit().await?;
        if let Some(known) = known {
            return Ok(known);
        }
        let value = work().await?;
        let mut tx = self.db.begin("jobs.step").await?;
        self.step_in(&mut tx, name, &value).await?;
        tx.commit().await?;
        Ok(value)
    }

    /// What the step `name` came to, if it was done.
    pub async fn step_value<T: DeserializeOwned>(
        &self,
        tx: &mut Tx,
        name: &str,
    ) -> anyhow::Result<Option<T>> {
        let known = store::steps::read(tx, self.id(), name).await?;
        let decoded = known.map(|known| serde_json::from_str(&known)).transpose();
        decoded.with_context(|| format!("step {name:?} was written down in another shape"))
    }

    /// Writes down, in the handler's own transaction, that the step `name` is done.
    pub async fn step_in<T: Serialize>(&self, tx: &mut Tx, name: &str, value: &T) -> anyhow::Result<()> {
        let text = serde_json::to_string(value)?;
        anyhow::ensure!(
            text.len() <= VALUE_MAX,
            "step {name:?} has {} bytes, more than {VALUE_MAX}",
            text.len()
        );
        let written = store::steps::write(tx, self.id(), self.attempt().token, name, &text).await?;
        anyhow::ensure!(written, FinishError::Stale);
        Ok(())
    }

    /// What the jobs came to that this one waited for: those named in its flow, or the members of its batch.
    pub async fn parents(&self) -> anyhow::Result<Vec<Parent>> {
        let mut tx = self.db.begin("jobs.parents").await?;
        let rows = store::flows::parents(&mut tx, self.id()).await?;
        tx.commit().await?;
        let parent = |row: store::flows::ParentRow| {
            let ending = Ending::of(row.state).context("a parent ended in a way of a newer server")?;
            Ok(Parent { job: row.job, ending, reason: row.reason, answer: row.answer })
        };
        rows.into_iter().map(parent).collect()
    }
}
