//! Removes entries of the audit log that are older than `audit.keep`. Run every night.

use jiff::{SignedDuration, Timestamp};

use crate::{
    audit::retention,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Removes what need not be kept any more.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RemoveOldEntries {}

impl Job for RemoveOldEntries {
    const KIND: &'static str = "audit.remove_old_entries";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what is gone is gone.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let now = ctx.clock.now();
        let keep = SignedDuration::try_from(*ctx.config.audit.keep)?;
        let before = now.checked_sub(keep).unwrap_or(Timestamp::MIN);
        loop {
            let mut tx = ctx.db.begin("audit.retention").await?;
            let removed = retention::remove(&mut tx, before, now).await?;
            tx.commit().await?;
            if removed < retention::BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
