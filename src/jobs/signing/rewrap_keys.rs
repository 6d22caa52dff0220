//! Seals signing keys with the newest key of `jobs.seal_keys`, so that older ones can be taken away. Run every night.

use std::time::Duration;

use crate::jobs::{Job, JobContext, Outcome, QueueName};

/// Seals signing keys again.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RewrapSigningKeys {}

impl Job for RewrapSigningKeys {
    const KIND: &'static str = "signing.rewrap_keys";
    const QUEUE: QueueName = QueueName::Maintenance;
    const TIMEOUT: Duration = Duration::from_secs(1800);

    /// Safe to run twice, and to be cut off: what is done is not found again.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let (mut all, mut lost);
        let mut total = 0;
        loop {
            let mut tx = ctx.db.begin("signing.rewrap_keys").await?;
            (all, lost) = ctx.signing.rewrap(&mut tx).await?;
            tx.commit().await?;
            total += all;
            if all == 0 || !ctx.sleep(Duration::ZERO).await {
                break;
            }
        }
        if total + lost > 0 {
            tracing::info!(wrapped = total, unknown = lost, "signing keys were sealed again");
        }
        Ok(Outcome::Done)
    }
}
