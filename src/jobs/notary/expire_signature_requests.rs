//! Ends requests to sign a document that nobody has answered in time. Run every ten minutes.

use crate::{
    jobs::{Job, JobContext, Outcome, QueueName},
    notary::signatures::answering::{self, BATCH},
};

/// Expires requests to sign.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct ExpireSignatureRequests {}

impl Job for ExpireSignatureRequests {
    const KIND: &'static str = "notary.expire_signature_requests";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what has expired is not found again.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("notary.signature_requests.expire").await?;
            let expired = answering::expire(&mut tx, ctx.clock.now()).await?;
            tx.commit().await?;
            if (expired as i64) < BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
