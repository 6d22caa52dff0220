//! Makes a complete upload a version of a document: checks it, has it scanned, stores it as one object, shows it. Enqueued in the
//! transaction that commits its last part.

use std::time::Duration;

use super::{
    RemoveObjects,
    parts::{Parts, content},
};
use crate::{
    audit::{self, Entry, Who},
    documents::{
        check::{self, Candidate, CheckError, Kind, Refusal},
        clamd::{Clamd, INFECTED, ScanError, Verdict},
        orphans::content_key,
        publish::{self, Complete, Published, Stored},
    },
    ids::UploadId,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// A virus scanner that was away is asked again after this long. Costs no attempt: the upload waits until it expires.
const SCANNER_PAUSE: Duration = Duration::from_secs(15);

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

    /// Safe to run twice: each attempt stores an object of its own, one of them is named by the version. What an attempt
    /// that died has stored is an orphan.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(upload) = publish::complete(&ctx.db, self.upload).await? else {
            return Ok(Outcome::Cancel("the upload is gone or finished".to_owned()));
        };
        let kind = match checked(ctx, &upload).await {
            Ok(kind) => kind,
            Err(CheckError::Refused(refusal)) => return refuse(ctx, &upload, &refusal).await,
            Err(CheckError::Io(error)) => return Err(error.into()),
        };
        let scanned_by = match scan(ctx, &upload).await? {
            Scan::Passed(by) => by,
            Scan::Refused(refusal) => return refuse(ctx, &upload, &refusal).await,
            Scan::Later => return Ok(Outcome::Snooze(SCANNER_PAUSE)),
        };
        let stored = store(ctx, &upload, kind, scanned_by).await?;
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

/// On a thread of its own: archives are unpacked.
async fn checked(ctx: &JobContext, upload: &Complete) -> Result<Kind, CheckError> {
    let parts = Parts::new(ctx.storage.clone(), upload.parts.clone());
    let (name, declared) = (upload.name.clone(), upload.declared_type.clone());
    let scratch = ctx.config.database.data_dir.clone();
    let checking = ctx.blocking(move |_| {
        Ok(check::check(&Candidate {
            file: &parts,
            name: &name,
            declared: declared.as_deref(),
            scratch: &scratch,
        }))
    });
    checking.await.map_err(|error| std::io::Error::other(error.to_string()))?
}

/// What the virus scanner says.
enum Scan {
    /// Nothing; who it was, if there is one.
    Passed(Option<String>),
    /// Something.
    Refused(Refusal),
    /// It is away.
    Later,
}

async fn scan(ctx: &JobContext, upload: &Complete) -> anyhow::Result<Scan> {
    let config = &ctx.config.documents;
    let Some(clamd) = Clamd::of(config)? else { return Ok(Scan::Passed(None)) };
    // What it knew before it looked at the file: it may learn meanwhile.
    let scanned = async {
        let version = clamd.version().await?;
        let content = content(ctx.storage.clone(), upload.parts.clone());
        clamd.scan(content).await.map(|verdict| (version, verdict))
    };
    let error = match scanned.await {
        Ok((version, Verdict::Clean)) => return Ok(Scan::Passed(Some(version))),
        Ok((_, Verdict::Infected(signature))) => return Ok(Scan::Refused(Refusal::infected(&signature))),
        Err(ScanError::Content(error)) => return Err(error.into()),
        Err(error) => error,
    };
    tracing::error!(%error, required = config.clamd_required, upload.id = %upload.id, "a file was not scanned");
    Ok(match error {
        _ if !config.clamd_required => Scan::Passed(None),
        ScanError::TooLarge => Scan::Refused(Refusal::not_scanned()),
        _ => Scan::Later,
    })
}

async fn store(
    ctx: &JobContext,
    upload: &Complete,
    kind: Kind,
    scanned_by: Option<String>,
) -> anyhow::Result<Stored> {
    let object = content_key(upload.id, ctx.attempt().token);
    let content = content(ctx.storage.clone(), upload.parts.clone());
    let bytes = upload.length.unsigned_abs();
    let stored = ctx.contents.store(&object, bytes, kind.is_text(), content).await?;
    Ok(Stored { object, kind, sha256: stored.sha256, kept: stored.kept, scanned_by })
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
