//! Forgets idempotency keys whose time is over. Run every night.

use crate::{
    accounts::upkeep,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Deletes old idempotency keys.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct ForgetIdempotencyKeys {}

impl Job for ForgetIdempotencyKeys {
    const KIND: &'static str = "accounts.forget_idempotency_keys";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what is gone is gone.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("accounts.forget_keys").await?;
            let forgotten = upkeep::forget_keys(&mut tx, ctx.clock.now()).await?;
            tx.commit().await?;
            if forgotten < upkeep::BATCH.unsigned_abs() {
                return Ok(Outcome::Done);
            }
        }
    }
}
