//! Takes the people out of records about which nothing was written for `clinic.keep_patients`. Run every night.

use jiff::SignedDuration;

use crate::{
    audit::{self, Entry, Who},
    clinic::retention::{self, BATCH},
    jobs::{Job, JobContext, Outcome, QueueName, clinic::summary_changed, documents::RemoveObjects},
    notary::time::today,
};

/// Makes patients anonymous.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct AnonymisePatients {}

impl Job for AnonymisePatients {
    const KIND: &'static str = "clinic.anonymise_patients";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: who is anonymous is not due any more. Each batch is a transaction of its own.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let keep = SignedDuration::try_from(*ctx.config.clinic.keep_patients)?;
        loop {
            let now = ctx.clock.now();
            let mut tx = ctx.db.begin("clinic.anonymise_patients").await?;
            let due = retention::due(&mut tx, now - keep).await?;
            if due.is_empty() {
                tx.rollback().await?;
                return Ok(Outcome::Done);
            }
            let objects = retention::anonymise(&mut tx, &due, (today(now), now)).await?;
            ctx.jobs.enqueue(&mut tx, &RemoveObjects { objects, parts_of: None }).await?;
            let told = due.iter().map(|id| Entry::new(now, Who::System, "patient.anonymise", "patient", id));
            audit::record(&mut tx, &told.collect::<Vec<_>>()).await?;
            summary_changed(&mut tx, (&ctx.jobs, &ctx.config.clinic), now).await?;
            tx.commit().await?;
            if (due.len() as i64) < BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
