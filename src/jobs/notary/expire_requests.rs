//! Ends requests for appointments that no office has answered in time. Run every minute.

use super::tell;
use crate::{
    jobs::{Job, JobContext, Outcome, QueueName},
    notary::agenda::decisions::{self, BATCH},
};

/// Expires requests.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct ExpireRequests {}

impl Job for ExpireRequests {
    const KIND: &'static str = "notary.expire_requests";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: a request expires once, and who asked is told in the same transaction.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let now = ctx.clock.now();
            let mut tx = ctx.db.begin("notary.expire_requests").await?;
            let told = decisions::expire(&mut tx, now).await?;
            tell(&ctx.jobs, &mut tx, &told, now).await?;
            tx.commit().await?;
            if (told.len() as i64) < BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
