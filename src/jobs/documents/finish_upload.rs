//! Makes a complete upload a version of a document: checks it, has it scanned, stores it as one object, shows it. Enqueued in the
//! transaction that commits its last part.

use std::time::Duration;

use super::{
    RemoveObjects,
    arrived::{self, SCANNER_PAUSE, Scan},
};
use crate::{
    audit::{self, Entry, Who},
    documents::{
        check::{CheckError, Refusal, Texts},
        clamd::INFECTED,
        publish::{self, Complete, Published},
    },
    ids::UploadId,
    jobs::{Dependency, Job, JobContext, Outcome, QueueName},
};

/// Finishes an upload.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct FinishUpload {
    /// Which.
    pub upload: UploadId,
}

impl Job for FinishUpload {
    const KIND: &'static str = "documents.finish_upload";
    const QUEUE: QueueName = QueueName::Media;
    const TIMEOUT: Duration = Duration::from_secs(900);
    const NEEDS: &'static [Dependency] = &[Dependency::Storage];

    /// Safe to run twice: each attempt stores an object of its own, one of them is named by the version. What an attempt
    /// that died has stored is an orphan.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(upload) = publish::complete(&ctx.db, self.upload).await? else {
            return Ok(Outcome::Cancel("the upload is gone or finished".to_owned()));
        };
        let kind = match arrived::checked(ctx, &upload, Texts::Utf8).await {
            Ok(kind) => kind,
            Err(CheckError::Refused(refusal)) => return refuse(ctx, &upload, &refusal).await,
            Err(CheckError::Io(error)) => return Err(error.into()),
        };
        let scanned_by = match arrived::scan(ctx, &upload).await? {
            Scan::Passed(by) => by,
            Scan::Refused(refusal) => return refuse(ctx, &upload, &refusal).await,
            Scan::Later => return Ok(Outcome::Snooze(SCANNER_PAUSE)),
        };
        let stored = arrived::store(ctx, &upload, kind, scanned_by).await?;
        let now = ctx.clock.now();
        let mut tx = ctx.db.begin("documents.publish").await?;
        let published = match upload.replaces {
            None => publish::as_document(&mut tx, &upload, &stored, now).await?,
            Some(_) => publish::as_version(&mut tx, &upload, &stored, now).await?,
        };
        let Some(published) = published else {
            let why = publish::why_not(&mut tx, &upload, now).await?;
            tx.rollback().await?;
            ctx.storage.delete(&stored.object).await?;
            return refuse(ctx, &upload, &why).await;
        };
        audit::record(&mut tx, &[told(ctx, &upload, Some(published))]).await?;
        ctx.jobs.enqueue(&mut tx, &RemoveObjects::of_upload(upload.id)).await?;
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}

async fn refuse(ctx: &JobContext, upload: &Complete, why: &Refusal) -> anyhow::Result<Outcome> {
    let mut tx = ctx.db.begin("documents.refuse").await?;
    if publish::refuse(&mut tx, upload.id, why, ctx.clock.now()).await? {
        let mut entry = told(ctx, upload, None);
        entry.outcome = audit::Outcome::Refused;
        entry.details["code"] = why.code.as_ref().into();
        if why.code == INFECTED {
            entry.details["found"] = why.detail.as_ref().into();
        }
        audit::record(&mut tx, &[entry]).await?;
    }
    ctx.jobs.enqueue(&mut tx, &RemoveObjects::of_upload(upload.id)).await?;
    ctx.finish(&mut tx).await?;
    tx.commit().await?;
    Ok(Outcome::Done)
}

/// What the audit log hears of it.
fn told(ctx: &JobContext, upload: &Complete, published: Option<Published>) -> Entry {
    let action = if upload.replaces.is_some() { "document.add_version" } else { "document.create" };
    let document = published.map(|it| it.document).or(upload.replaces);
    let mut entry = Entry::new(ctx.clock.now(), Who::Person(upload.user, None), action, "document", "");
    entry.id = document.map(|document| document.to_string());
    entry.details = serde_json::json!({ "upload": upload.id, "version": published.map(|it| it.number) });
    entry
}
