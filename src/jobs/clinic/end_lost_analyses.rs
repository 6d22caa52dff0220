//! Says of documents that their analysis has failed when its job has ended without saying so: it ran out of time at its last
//! attempt, was stopped by an administrator, or was set aside because servers died over it. Run every minute.

use crate::{
    audit::{self, Entry, Outcome as Told, Who},
    clinic::analysis::state,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Ends analyses that nobody does any more.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct EndLostAnalyses {}

/// Why they have failed.
const INTERRUPTED: &str = "interrupted";

impl Job for EndLostAnalyses {
    const KIND: &'static str = "clinic.end_lost_analyses";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what has failed is not open any more. Each batch is a transaction of its own.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let now = ctx.clock.now();
            let mut tx = ctx.db.begin("clinic.end_lost_analyses").await?;
            let lost = state::lost(&mut tx, INTERRUPTED, now).await?;
            let told = lost.iter().map(|(patient, document, run)| {
                let mut entry = Entry::new(now, Who::System, "patient_document.analyse", "patient", *patient);
                entry.outcome = Told::Refused;
                entry.details =
                    serde_json::json!({ "document": document, "run": run, "reason": INTERRUPTED });
                entry
            });
            audit::record(&mut tx, &told.collect::<Vec<_>>()).await?;
            tx.commit().await?;
            if (lost.len() as i64) < state::BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
