//! Deletes sessions and failed log-ins that protect nothing any more, exports whose time is over, and
//! documents of erased people whose day has come. Run every night.

use crate::{
    accounts::upkeep,
    documents::made,
    jobs::{Job, JobContext, Outcome, QueueName, documents::RemoveObjects},
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
                break;
            }
        }
        loop {
            let mut tx = ctx.db.begin("accounts.remove_due_documents").await?;
            let (objects, is_more) = made::remove_due(&mut tx, ctx.clock.now()).await?;
            if !objects.is_empty() {
                ctx.jobs.enqueue(&mut tx, &RemoveObjects { objects, parts_of: None }).await?;
            }
            tx.commit().await?;
            if !is_more {
                return Ok(Outcome::Done);
            }
        }
    }
}
