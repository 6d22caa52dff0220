//! What is done with every file that has arrived, before anybody can see it: checked, scanned, stored as one object.

use std::time::Duration;

use super::parts::{Parts, content};
use crate::{
    documents::{
        check::{self, Candidate, CheckError, Kind, Refusal, Texts},
        clamd::{Clamd, ScanError, Verdict},
        orphans::content_key,
        publish::{Complete, Stored},
    },
    jobs::JobContext,
};

/// A virus scanner that was away is asked again after this long. Costs no attempt: the upload waits until it expires.
pub(in crate::jobs) const SCANNER_PAUSE: Duration = Duration::from_secs(15);

/// What kind of file it is, if it may come in: texts in what the desk takes. On a thread of its own: archives are unpacked.
pub(in crate::jobs) async fn checked(
    ctx: &JobContext,
    upload: &Complete,
    texts: Texts,
) -> Result<Kind, CheckError> {
    let parts = Parts::new(ctx.storage.clone(), upload.parts.clone());
    let (name, declared) = (upload.name.clone(), upload.declared_type.clone());
    let scratch = ctx.config.database.data_dir.clone();
    let checking = ctx.blocking(move |_| {
        Ok(check::check(&Candidate {
            file: &parts,
            name: &name,
            declared: declared.as_deref(),
            texts,
            scratch: &scratch,
        }))
    });
    checking.await.map_err(|error| std::io::Error::other(error.to_string()))?
}

/// What the virus scanner says.
pub(in crate::jobs) enum Scan {
    /// Nothing; who it was, if there is one.
    Passed(Option<String>),
    /// Something.
    Refused(Refusal),
    /// It is away.
    Later,
}

/// Has it looked at by the virus scanner, if there is one.
pub(in crate::jobs) async fn scan(ctx: &JobContext, upload: &Complete) -> anyhow::Result<Scan> {
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

/// Stores it as one object, which no row names yet. Each attempt has an object of its own.
pub(in crate::jobs) async fn store(
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
