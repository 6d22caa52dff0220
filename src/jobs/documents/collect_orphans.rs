//! Removes objects of documents that no row names: whoever wrote them died before the row was committed. Run every night.

use std::time::Duration;

use jiff::SignedDuration;

use crate::{
    documents::orphans::{PARTS, content_folders, contents_without_a_row, parts_without_a_row},
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// A younger object may be waiting for its row: nothing takes as long.
const ORPHANED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Removes objects without a row.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct CollectOrphans {}

impl Job for CollectOrphans {
    const KIND: &'static str = "documents.collect_orphans";
    const QUEUE: QueueName = QueueName::Maintenance;
    const TIMEOUT: Duration = Duration::from_secs(1800);

    /// Safe to run twice, and to be cut off: what is left is found the next time.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let mut removed = 0;
        for folder in content_folders() {
            let old = old_objects(ctx, &folder).await?;
            if !old.is_empty() {
                for object in contents_without_a_row(&ctx.db, old).await? {
                    ctx.storage.delete(&object).await?;
                    removed += 1;
                }
            }
        }
        let old = old_objects(ctx, PARTS).await?;
        if !old.is_empty() {
            for object in parts_without_a_row(&ctx.db, old).await? {
                ctx.storage.delete(&object).await?;
                removed += 1;
            }
        }
        if removed > 0 {
            tracing::info!(objects = removed, "objects without a document were removed");
        }
        Ok(Outcome::Done)
    }
}

async fn old_objects(ctx: &JobContext, folder: &str) -> anyhow::Result<Vec<String>> {
    let before = ctx.clock.now() - ORPHANED_AFTER;
    let listed = ctx.storage.list(folder).await?;
    Ok(listed.into_iter().filter(|object| object.modified < before).map(|object| object.key).collect())
}
