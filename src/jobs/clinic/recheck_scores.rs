//! Has scores computed anew that say something else by themselves: a value has become two years old, somebody has a birthday.
//! Run every night.

use crate::{
    clinic::scores::{self, score},
    jobs::{Job, JobContext, Outcome, QueueName},
    notary::time::today,
};

/// Looks for scores that are due.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RecheckScores {}

impl Job for RecheckScores {
    const KIND: &'static str = "clinic.recheck_scores";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: of each patient one job is enqueued, which makes a score only if it says something new. Each batch
    /// is a transaction of its own; those that are computed meanwhile are due no more.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let day = today(ctx.clock.now());
        let mut after = None;
        loop {
            let mut tx = ctx.db.begin("clinic.recheck_scores").await?;
            let due = score::due(&mut tx, day, after).await?;
            let patients: Vec<_> = due.iter().map(|(patient, _)| *patient).collect();
            scores::later(&mut tx, &ctx.jobs, &patients).await?;
            tx.commit().await?;
            after = due.last().map(|(_, place)| *place);
            if (due.len() as i64) < score::BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
