//! Gives new entries of the audit log their place in the chain. Run every ten seconds.

use crate::{
    audit::seal,
    jobs::{Job, JobContext, Keep, Outcome, QueueName},
};

/// Seals what waits.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SealEntries {}

impl Job for SealEntries {
    const KIND: &'static str = "audit.seal_entries";
    const QUEUE: QueueName = QueueName::Maintenance;
    const KEEP: Keep = Keep::None;

    /// Safe to run twice: what is sealed does not wait any more.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("audit.seal").await?;
            let sealed = seal::seal(&mut tx, ctx.clock.now()).await?;
            tx.commit().await?;
            if (sealed as i64) < seal::BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
