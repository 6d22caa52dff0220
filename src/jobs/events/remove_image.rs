//! Removes the files of a picture. Enqueued in the transaction that removes its row.

use crate::{
    actors::data::storage::StorageError,
    events::images::{Key, Size},
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Removes a picture's files.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RemoveImage {
    /// Their name.
    pub key: Key,
}

impl Job for RemoveImage {
    const KIND: &'static str = "events.remove_image";
    const QUEUE: QueueName = QueueName::Media;

    /// Safe to run twice: a file that is gone is gone.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        remove_files(ctx, &self.key).await?;
        Ok(Outcome::Done)
    }
}

/// Removes every file of a picture.
pub(super) async fn remove_files(ctx: &JobContext, key: &Key) -> Result<(), StorageError> {
    for size in Size::ALL {
        ctx.storage.delete(&key.file(size)).await?;
    }
    Ok(())
}
