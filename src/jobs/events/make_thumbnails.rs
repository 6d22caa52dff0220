//! Makes the smaller files of a picture: JPEGs, 960 and 320 pixels wide. Enqueued in the transaction that adds it.

use anyhow::Context as _;

use crate::{
    actors::data::{cache::Tag, imager::ImagerError},
    events::images::{self, Size},
    ids::ImageId,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Makes the thumbnails of a picture.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct MakeThumbnails {
    /// The picture.
    pub image: ImageId,
}

impl Job for MakeThumbnails {
    const KIND: &'static str = "events.make_thumbnails";
    const QUEUE: QueueName = QueueName::Media;

    /// Safe to run twice: the same files are written under the same names. If the picture was removed meanwhile, they
    /// are removed too.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let gone = || Ok(Outcome::Cancel("the picture is gone".to_owned()));
        let Some((key, done)) = images::key_of_image(&ctx.db, self.image).await? else { return gone() };
        if done {
            return Ok(Outcome::Done);
        }
        let full = ctx.storage.get(&key.file(Size::Full)).await?.context("the picture's file is missing")?;
        let made = match ctx.imager.shrink(full).await {
            Ok(made) => made,
            Err(ImagerError::Refused(error)) => return Ok(Outcome::Discard(error.to_string())),
            Err(error @ ImagerError::Busy) => return Err(error.into()),
        };
        ctx.storage.put(&key.file(Size::Medium), made.medium.into()).await?;
        ctx.storage.put(&key.file(Size::Small), made.small.into()).await?;
        let mut tx = ctx.db.begin("events.make_thumbnails").await?;
        let Some(event) = images::thumbnails_done(&mut tx, self.image, ctx.clock.now()).await? else {
            tx.rollback().await?;
            super::remove_image::remove_files(ctx, &key).await?;
            return gone();
        };
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        ctx.tags.invalidate(&[Tag::Event(&event), Tag::Catalogue]);
        Ok(Outcome::Done)
    }
}
