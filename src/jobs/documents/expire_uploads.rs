//! Removes uploads whose time is over, complete or not. Run every ten minutes.

use crate::{
    documents::uploads,
    jobs::{Job, JobContext, Outcome, QueueName, documents::RemoveObjects},
};

/// Removes old uploads.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct ExpireUploads {}

impl Job for ExpireUploads {
    const KIND: &'static str = "documents.expire_uploads";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what is gone is gone.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("documents.expire_uploads").await?;
            let gone = uploads::expire(&mut tx, ctx.clock.now()).await?;
            let removals: Vec<_> = gone.iter().map(|upload| RemoveObjects::of_upload(*upload)).collect();
            ctx.jobs.enqueue_many(&mut tx, &removals).await?;
            tx.commit().await?;
            if (gone.len() as i64) < uploads::BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
