//! Removes notifications that are older than `notary.keep_notifications`. Run every night.

use jiff::SignedDuration;

use crate::{
    jobs::{Job, JobContext, Outcome, QueueName},
    notary::notifications::{self, BATCH},
};

/// Removes old notifications.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct PruneNotifications {}

impl Job for PruneNotifications {
    const KIND: &'static str = "notary.prune_notifications";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what is gone is gone.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let before = ctx.clock.now() - SignedDuration::try_from(*ctx.config.notary.keep_notifications)?;
        loop {
            let mut tx = ctx.db.begin("notary.prune_notifications").await?;
            let gone = notifications::prune(&mut tx, before).await?;
            tx.commit().await?;
            if gone < BATCH.unsigned_abs() {
                return Ok(Outcome::Done);
            }
        }
    }
}
