//! Removes objects that no row names any more. Enqueued in the transaction that removes the rows.

use crate::{
    documents::orphans::parts_folder,
    ids::UploadId,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Removes objects of documents.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RemoveObjects {
    /// Their keys.
    pub objects: Vec<String>,
    /// Also every part of this upload.
    pub parts_of: Option<UploadId>,
}

impl RemoveObjects {
    /// Every part of an upload.
    pub fn of_upload(upload: UploadId) -> Self {
        Self { objects: Vec::new(), parts_of: Some(upload) }
    }
}

impl Job for RemoveObjects {
    const KIND: &'static str = "documents.remove_objects";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: an object that is gone is gone.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        for object in &self.objects {
            ctx.storage.delete(object).await?;
        }
        if let Some(upload) = self.parts_of {
            for part in ctx.storage.list(&parts_folder(upload)).await? {
                ctx.storage.delete(&part.key).await?;
            }
        }
        Ok(Outcome::Done)
    }
}
