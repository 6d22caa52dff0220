//! Has packages verified that were not for a year. Run every night.

use super::VerifyConservationPackage;
use crate::{
    jobs::{Job, JobContext, NewJob, Outcome, QueueName},
    notary::conservation::progress,
};

/// Verifies what was not verified for long.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct VerifyConservation {}

impl Job for VerifyConservation {
    const KIND: &'static str = "notary.verify_conservation";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: a package is verified twice at most.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let due = progress::due(&ctx.db, ctx.clock.now()).await?;
        let jobs: Vec<NewJob> =
            due.iter().map(|package| NewJob::of(&VerifyConservationPackage { package: *package })).collect();
        let mut tx = ctx.db.begin("notary.verify_conservation").await?;
        ctx.jobs.insert(&mut tx, &jobs).await?;
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}
