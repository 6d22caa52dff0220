//! Removes files that no picture names: their upload was refused or died before its row was committed. Run every night.

use std::{collections::HashSet, time::Duration};

use jiff::SignedDuration;

use crate::{
    events::images::{folders, key_of, unknown},
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// A younger file may be waiting for its row: no request takes as long.
const ORPHANED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Removes files without a row.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct PruneImages {}

impl Job for PruneImages {
    const KIND: &'static str = "events.prune_images";
    const QUEUE: QueueName = QueueName::Maintenance;
    const TIMEOUT: Duration = Duration::from_secs(1800);

    /// Safe to run twice, and to be cut off: what is left is found the next time.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let before = ctx.clock.now() - ORPHANED_AFTER;
        let mut removed = ctx.storage.sweep(before).await?;
        for folder in folders() {
            let mut files = ctx.storage.list(&folder).await?;
            files.retain(|file| file.modified < before);
            let keys: HashSet<String> = files
                .iter()
                .filter_map(|file| key_of(&file.key))
                .map(|key| key.as_str().to_owned())
                .collect();
            if keys.is_empty() {
                continue;
            }
            let orphans = unknown(&ctx.db, keys.into_iter().collect()).await?;
            for file in
                files.iter().filter(|file| key_of(&file.key).is_some_and(|key| orphans.contains(&key)))
            {
                ctx.storage.delete(&file.key).await?;
                removed += 1;
            }
        }
        if removed > 0 {
            tracing::info!(files = removed, "files without a picture were removed");
        }
        Ok(Outcome::Done)
    }
}
