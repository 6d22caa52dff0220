//! Removes permissions and links whose time is over; they give nothing already. Run every ten minutes.

use crate::{
    documents::expiry,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Removes old permissions and links.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct ExpireSharing {}

impl Job for ExpireSharing {
    const KIND: &'static str = "documents.expire_sharing";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what is gone is gone.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("documents.expire_sharing").await?;
            let removed = expiry::expire(&mut tx, ctx.clock.now()).await?;
            tx.commit().await?;
            if removed < expiry::BATCH.unsigned_abs() {
                return Ok(Outcome::Done);
            }
        }
    }
}
