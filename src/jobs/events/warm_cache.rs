//! Asks for the pages that people ask for most. Run every five minutes, on the node that happens to get the job.
//!
//! Kept pages are served while the database is away (`cache.stale_if_error`), so this decides what a person can still see
//! then, even if nobody had looked at it for a while.

use crate::jobs::{Job, JobContext, Outcome, QueueName};

/// Warms the cache.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct WarmCache {}

impl Job for WarmCache {
    const KIND: &'static str = "events.warm_cache";
    const QUEUE: QueueName = QueueName::Maintenance;
    /// The next one comes soon.
    const MAX_ATTEMPTS: u16 = 1;

    /// Safe to run twice: it only reads.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let warmed = ctx.warmer.warm().await?;
        tracing::debug!(pages = warmed.pages, "the cache is warm");
        Ok(Outcome::Done)
    }
}
