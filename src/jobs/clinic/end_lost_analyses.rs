//! Says of documents that their analysis has failed when its job has ended without saying so: it ran out of time at its last
//! attempt, was stopped by an administrator, or was set aside because servers died over it. A file that was not stored by then may be
//! asked for again, for a while; then it is let go. Run every minute.

use jiff::Timestamp;

use crate::{
    audit::{self, Entry, Outcome as Told, Who},
    clinic::{
        analysis::state,
        documents::{
            arrival::{self, KEEP_UNREAD},
            pages,
        },
    },
    ids::{PatientDocumentId, PatientId},
    jobs::{Job, JobContext, Outcome, QueueName, clinic::summary_changed, documents::RemoveObjects},
};

/// Ends analyses that nobody does any more.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct EndLostAnalyses {}

/// Why they have failed.
const INTERRUPTED: &str = "interrupted";

impl Job for EndLostAnalyses {
    const KIND: &'static str = "clinic.end_lost_analyses";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what has failed is not open any more, and what was let go is named no more. Each batch is a transaction of
    /// its own.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        while end_lost(ctx).await? >= state::BATCH {}
        while let_go_unread(ctx).await? >= arrival::BATCH {}
        Ok(Outcome::Done)
    }
}

async fn end_lost(ctx: &JobContext) -> anyhow::Result<i64> {
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin("clinic.end_lost_analyses").await?;
    let lost = state::lost(&mut tx, INTERRUPTED, now).await?;
    if !lost.is_empty() {
        let documents: Vec<_> = lost.iter().map(|(_, document, _)| *document).collect();
        pages::fall_back(&mut tx, &documents).await?;
        let told = lost.iter().map(|(patient, document, run)| {
            let details = serde_json::json!({ "document": document, "run": run, "reason": INTERRUPTED });
            Entry { outcome: Told::Refused, details, ..entry(now, "patient_document.analyse", *patient) }
        });
        audit::record(&mut tx, &told.collect::<Vec<_>>()).await?;
        summary_changed(&mut tx, (&ctx.jobs, &ctx.config.clinic), now).await?;
    }
    tx.commit().await?;
    Ok(lost.len() as i64)
}

async fn let_go_unread(ctx: &JobContext) -> anyhow::Result<i64> {
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin("clinic.let_go_unread").await?;
    let (gone, objects) = arrival::let_go_unread(&mut tx, now - KEEP_UNREAD, now).await?;
    if !gone.is_empty() {
        ctx.jobs.enqueue(&mut tx, &RemoveObjects { objects, parts_of: None }).await?;
        let told = gone.iter().map(|(patient, document): &(PatientId, PatientDocumentId)| {
            let details = serde_json::json!({ "document": document });
            Entry { details, ..entry(now, "patient_document.let_go", *patient) }
        });
        audit::record(&mut tx, &told.collect::<Vec<_>>()).await?;
    }
    tx.commit().await?;
    Ok(gone.len() as i64)
}

fn entry(now: Timestamp, action: &'static str, patient: PatientId) -> Entry {
    Entry::new(now, Who::System, action, "patient", patient)
}
