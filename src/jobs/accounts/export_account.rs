//! Packs what is known of a person into a ZIP, which becomes a document of that person for a week. Enqueued on request.

use std::time::Duration;

use jiff::SignedDuration;

use crate::{
    accounts::{export, users},
    actors::data::contents::ContentError,
    audit::{self, Entry, Who},
    documents::{
        made::{self, Kept, Made},
        orphans::content_key,
        versions,
    },
    ids::{DocumentId, UploadId, UserId},
    jobs::{
        Job, JobContext, Outcome, QueueName,
        accounts::{Occasion, SendAccountMail},
        archive::{self, Archive, ArchiveError, Shrink},
    },
};

/// How long an export is kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Where it is found among one's documents.
pub const DESK: &str = "export";
/// Contents named by one statement.
const PAGE: i64 = 100;

/// Exports what is known of a person.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct ExportAccount {
    /// Who.
    pub user: UserId,
}

impl Job for ExportAccount {
    const KIND: &'static str = "accounts.export";
    const QUEUE: QueueName = QueueName::Media;
    const TIMEOUT: Duration = Duration::from_secs(1800);

    /// Safe to run twice: each attempt stores an object of its own, and the document comes with the acknowledgement. What
    /// an attempt that died has stored is an orphan.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        if users::find(&ctx.db, self.user).await?.is_none() {
            return Ok(Outcome::Cancel("the account is gone".to_owned()));
        }
        let now = ctx.clock.now();
        let id = DocumentId::new(now);
        let object = content_key(UploadId(id.0), ctx.attempt().token);
        let stored =
            archive::store(ctx, object, async |archive| everything(archive, ctx, self.user).await).await?;
        let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (title, name) = (format!("Export {day}"), format!("sportello-{day}.zip"));
        let remove_at = now + KEPT;
        let kept = Kept::Until(remove_at);
        let made =
            Made { id, owner: self.user, title: &title, desk: DESK, name: &name, stored: &stored, kept };
        let mut tx = ctx.db.begin("accounts.export").await?;
        if !made::make(&mut tx, &made, now).await? {
            tx.rollback().await?;
            ctx.storage.delete(&stored.object).await?;
            return Ok(Outcome::Cancel("the account is gone".to_owned()));
        }
        let who = Who::Person(self.user, None);
        let details = serde_json::json!({ "document": id });
        let entry = Entry { details, ..Entry::new(now, who, "account.export", "account", self.user) };
        audit::record(&mut tx, &[entry]).await?;
        let mail = SendAccountMail { user: self.user, occasion: Occasion::ExportReady };
        ctx.jobs.enqueue(&mut tx, &mail).await?;
        ctx.attempt().answer(&serde_json::json!({ "document_id": id, "remove_at": remove_at }))?;
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}

/// Everything that is known of a person.
async fn everything(archive: &mut Archive, ctx: &JobContext, user: UserId) -> anyhow::Result<()> {
    for (done, kind) in export::KINDS.iter().enumerate() {
        archive.start(&format!("{}.json", kind.name), Shrink::Yes)?;
        rows(archive, ctx, user, kind).await?;
        ctx.attempt().progress(30.0 * (done + 1) as f32 / export::KINDS.len() as f32, kind.name, None);
    }
    let mut last = None;
    loop {
        let contents = versions::of_owner(&ctx.db, user, last, PAGE).await?;
        let Some((id, newest)) = contents.last() else { return Ok(()) };
        last = Some((*id, newest.version.number));
        for (id, content) in contents {
            let (number, name) = (content.version.number, &content.version.name);
            archive.start(&format!("documents/{id}/{number}/{name}"), Shrink::No)?;
            match archive.content(ctx, &content).await {
                // It was removed while the export went on: an empty file.
                Err(ArchiveError::Content(ContentError::Missing(_))) => {}
                packed => _ = packed?,
            }
        }
    }
}

/// One list of JSON objects, a line each.
async fn rows(
    archive: &mut Archive,
    ctx: &JobContext,
    user: UserId,
    kind: &export::Kind,
) -> anyhow::Result<()> {
    archive.write(b"[").await?;
    let (mut after, mut separator) = (None, "\n");
    loop {
        let (rows, next) = export::page(&ctx.db, user, kind, after).await?;
        for row in rows {
            archive.write(separator.as_bytes()).await?;
            archive.write(&serde_json::to_vec(&row)?).await?;
            separator = ",\n";
        }
        if next.is_none() {
            archive.write(b"\n]\n").await?;
            return Ok(());
        }
        after = next;
    }
}
