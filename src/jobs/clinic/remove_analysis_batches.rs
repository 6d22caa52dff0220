//! Removes batches of analyses that other systems asked for long ago, also those that never ended. Run every night.

use crate::{
    clinic::emr::batch,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Removes old batches.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RemoveAnalysisBatches {}

impl Job for RemoveAnalysisBatches {
    const KIND: &'static str = "clinic.remove_analysis_batches";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what is gone is gone.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("clinic.remove_analysis_batches").await?;
            let gone = batch::remove_old(&mut tx, ctx.clock.now()).await?;
            tx.commit().await?;
            if gone < batch::REMOVED.unsigned_abs() {
                return Ok(Outcome::Done);
            }
        }
    }
}
