//! Wraps the keys of contents with the newest key of `jobs.seal_keys`, so that older ones can be taken away: a key that no
//! row names (`document_version.key_id`) is needed by no document any more. Run every night; reads no content.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    documents::rewrap::{self, BATCH},
    ids::DocumentId,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Wraps keys of contents again.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RewrapKeys {}

impl Job for RewrapKeys {
    const KIND: &'static str = "documents.rewrap_keys";
    const QUEUE: QueueName = QueueName::Maintenance;
    const TIMEOUT: Duration = Duration::from_secs(1800);

    /// Safe to run twice, and to be cut off: what is done is not found again.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(newest) = ctx.contents.newest_key() else { return Ok(Outcome::Done) };
        let (mut position, mut wrapped, mut unknown) = ((DocumentId(Uuid::nil()), 0), 0, 0);
        loop {
            let found = rewrap::outdated(&ctx.db, newest, position).await?;
            let is_last = (found.len() as i64) < BATCH;
            let Some(last) = found.last() else { break };
            position = last.position();
            let mut again = Vec::with_capacity(found.len());
            for old in found {
                match ctx.contents.wrap_again(&old.object, &old.key) {
                    Ok(Some(key)) => again.push((old, key)),
                    Ok(None) => {}
                    Err(error) => {
                        unknown += 1;
                        tracing::error!(%error, storage.object = old.object, "the key of a document does not open");
                    }
                }
            }
            let mut tx = ctx.db.begin("documents.rewrap").await?;
            wrapped += rewrap::replace(&mut tx, &again).await?;
            tx.commit().await?;
            if is_last || !ctx.sleep(Duration::ZERO).await {
                break;
            }
        }
        if wrapped + unknown > 0 {
            tracing::info!(wrapped, unknown, key = newest, "keys of documents were wrapped again");
        }
        Ok(Outcome::Done)
    }
}
