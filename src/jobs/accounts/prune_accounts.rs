//! Deletes sessions and failed log-ins that protect nothing any more. Run every night.

use crate::{
    accounts::upkeep,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Prunes what accounts leave behind.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct PruneAccounts {}

impl Job for PruneAccounts {
    const KIND: &'static str = "accounts.prune";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what is gone is gone.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("accounts.prune").await?;
            let pruned = upkeep::prune(&mut tx, ctx.clock.now()).await?;
            tx.commit().await?;
            if pruned < upkeep::BATCH.unsigned_abs() {
                return Ok(Outcome::Done);
            }
        }
    }
}
