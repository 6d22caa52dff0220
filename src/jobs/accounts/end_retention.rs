//! Removes what the law wanted to be kept of erased people and does not any more. Run every night.

use crate::{
    accounts::retention,
    audit::{self, Entry, Who},
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Ends what was kept for its time.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct EndRetention {}

impl Job for EndRetention {
    const KIND: &'static str = "accounts.end_retention";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what is gone is gone.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let now = ctx.clock.now();
        let (before, mut after) = (retention::ends_before(now), None);
        loop {
            let mut tx = ctx.db.begin("accounts.end_retention").await?;
            let ended = retention::end(&mut tx, before, after).await?;
            let forgotten = ended
                .accounts
                .iter()
                .map(|user| Entry::new(now, Who::System, "account.forget", "account", user));
            audit::record(&mut tx, &forgotten.collect::<Vec<_>>()).await?;
            tx.commit().await?;
            after = ended.next;
            if after.is_none() {
                return Ok(Outcome::Done);
            }
        }
    }
}
