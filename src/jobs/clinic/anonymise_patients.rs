//! Takes the people out of records about which nothing was written for `clinic.keep_patients`. Run every night.

use anyhow::{Context as _, ensure};
use jiff::{SignedDuration, Timestamp};

use super::summary_changed;
use crate::{
    audit::{self, Entry, Who},
    clinic::retention::{self, BATCH},
    db::DbError,
    ids::PatientId,
    jobs::{Job, JobContext, Outcome, QueueName, documents::RemoveObjects},
    notary::time::today,
};

/// Makes patients anonymous.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct AnonymisePatients {}

impl Job for AnonymisePatients {
    const KIND: &'static str = "clinic.anonymise_patients";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: who is anonymous is not due any more. Each batch is a transaction of its own. Of a batch that fails each
    /// record is tried by itself: one that cannot be emptied keeps no other one, and is told when all others are done.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let keep = SignedDuration::try_from(*ctx.config.clinic.keep_patients)?;
        let (mut after, mut failed) = (None, 0_usize);
        loop {
            let before = ctx.clock.now() - keep;
            let mut tx = ctx.db.begin("clinic.due_patients").await.context("nobody is looked for")?;
            let due = retention::due(&mut tx, before, after).await?;
            tx.rollback().await?;
            let ids: Vec<_> = due.iter().map(|(id, _)| *id).collect();
            if let Err(error) = empty(ctx, &ids, before).await {
                tracing::warn!(%error, records = ids.len(), "records are made anonymous one by one");
                for id in &ids {
                    if let Err(error) = empty(ctx, &[*id], before).await {
                        tracing::error!(patient = %id, %error, "a record is not made anonymous");
                        failed += 1;
                    }
                }
            }
            after = due.last().map(|(_, place)| *place);
            if (due.len() as i64) < BATCH {
                break;
            }
        }
        ensure!(failed == 0, "{failed} records could not be made anonymous");
        Ok(Outcome::Done)
    }
}

/// Empties those of `ids` that are still due, in one transaction.
async fn empty(ctx: &JobContext, ids: &[PatientId], before: Timestamp) -> Result<(), DbError> {
    let now = ctx.clock.now();
    if ids.is_empty() {
        return Ok(());
    }
    let mut tx = ctx.db.begin("clinic.anonymise_patients").await?;
    let due = retention::still_due(&mut tx, ids, before).await?;
    if due.is_empty() {
        return tx.rollback().await;
    }
    let objects = retention::anonymise(&mut tx, &ctx.jobs, &due, (today(now), now)).await?;
    if !objects.is_empty() {
        ctx.jobs.enqueue(&mut tx, &RemoveObjects { objects, parts_of: None }).await?;
    }
    let told = due.iter().map(|id| Entry::new(now, Who::System, "patient.anonymise", "patient", id));
    audit::record(&mut tx, &told.collect::<Vec<_>>()).await?;
    summary_changed(&mut tx, (&ctx.jobs, &ctx.config.clinic), now).await?;
    tx.commit().await
}
