//! Ends a batch of analyses when the last of its jobs has ended, whatever became of them.

use crate::{
    audit::{self, Entry, Who},
    clinic::emr::batch,
    ids::AnalysisBatchId,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Ends a batch.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct FinishAnalysisBatch {
    /// Which.
    pub batch: AnalysisBatchId,
}

impl Job for FinishAnalysisBatch {
    const KIND: &'static str = "clinic.finish_analysis_batch";
    const QUEUE: QueueName = QueueName::Default;

    /// Safe to run twice: a batch ends once, and what has ended in it stays as it is.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let now = ctx.clock.now();
        let mut tx = ctx.db.begin("clinic.finish_analysis_batch").await?;
        if let Some(clinic) = batch::finish(&mut tx, self.batch, now).await? {
            let told = Entry::new(now, Who::System, "clinic.finish_batch", "clinic", clinic);
            let details = serde_json::json!({ "batch": self.batch });
            audit::record(&mut tx, &[Entry { details, ..told }]).await?;
        }
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}
