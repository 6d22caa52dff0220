//! Packs what is known of a person into a ZIP, which becomes a document of that person for a week. Enqueued on request.

use std::{
    io::{self, Write as _},
    mem,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use tokio::sync::mpsc;
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use crate::{
    accounts::{export, users},
    actors::data::contents::ContentError,
    audit::{self, Entry, Who},
    documents::{
        check::Kind,
        made::{self, Made},
        orphans::content_key,
        publish::Stored,
        versions::{self, Content},
    },
    ids::{DocumentId, UploadId, UserId},
    jobs::{
        Job, JobContext, Outcome, QueueName,
        accounts::{Occasion, SendAccountMail},
    },
};

/// How long an export is kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Where it is found among one's documents.
pub const DESK: &str = "export";
/// Pieces on their way to the storage; each has some hundred kilobytes at most.
const QUEUED: usize = 4;
/// Contents named by one statement.
const PAGE: i64 = 100;
/// What is packed is passed on when there is so much of it.
const PIECE: usize = 256 << 10;

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
        let (sender, receiver) = mpsc::channel(QUEUED);
        let pieces = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<io::Result<Bytes>>| {
            Some((receiver.recv().await?, receiver))
        });
        let (packed, stored) =
            tokio::join!(pack(ctx, self.user, sender), ctx.contents.store(&object, None, false, pieces));
        packed?;
        let stored = stored.context("the export could not be stored")?;
        let stored = Stored {
            object,
            kind: Kind::Zip,
            sha256: stored.sha256,
            kept: stored.kept,
            scanned_by: None, // it was made here
        };
        let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (title, name) = (format!("Export {day}"), format!("sportello-{day}.zip"));
        let remove_at = now + KEPT;
        let made =
            Made { id, owner: self.user, title: &title, desk: DESK, name: &name, stored: &stored, remove_at };
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

type Sender = mpsc::Sender<io::Result<Bytes>>;

/// Packs everything; whoever stores it hears when that fails, so that half an archive is never taken for a whole one.
async fn pack(ctx: &JobContext, user: UserId, sender: Sender) -> anyhow::Result<()> {
    let packed = Box::pin(Packing::new(sender.clone()).everything(ctx, user)).await;
    if let Err(error) = &packed {
        let _ = sender.send(Err(io::Error::other(error.to_string()))).await; // nobody stores it any more
    }
    packed
}

/// What the archive has written and was not passed on yet.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An archive that is being written.
struct Packing {
    zip: ZipWriter<StreamWriter<Written>>,
    written: Written,
    sender: Sender,
}

impl Packing {
    fn new(sender: Sender) -> Self {
        let written = Written::default();
        Self { zip: ZipWriter::new_stream(written.clone()), written, sender }
    }

    async fn everything(mut self, ctx: &JobContext, user: UserId) -> anyhow::Result<()> {
        // Text shrinks; files are what they are.
        let text =
            SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        for (done, kind) in export::KINDS.iter().enumerate() {
            self.zip.start_file(format!("{}.json", kind.name), text)?;
            self.rows(ctx, user, kind).await?;
            ctx.attempt().progress(30.0 * (done + 1) as f32 / export::KINDS.len() as f32, kind.name, None);
        }
        let stored = text.compression_method(CompressionMethod::Stored);
        let mut last = None;
        loop {
            let contents = versions::of_owner(&ctx.db, user, last, PAGE).await?;
            let Some((id, newest)) = contents.last() else { break };
            last = Some((*id, newest.version.number));
            for (id, content) in contents {
                let (number, name) = (content.version.number, &content.version.name);
                self.zip.start_file(format!("documents/{id}/{number}/{name}"), stored)?;
                self.content(ctx, &content).await?;
            }
        }
        self.zip.finish()?;
        pass_on(&self.written, &self.sender, 0).await
    }

    /// One list of JSON objects, a line each.
    async fn rows(&mut self, ctx: &JobContext, user: UserId, kind: &export::Kind) -> anyhow::Result<()> {
        self.zip.write_all(b"[")?;
        let (mut after, mut separator) = (None, "\n");
        loop {
            let (rows, next) = export::page(&ctx.db, user, kind, after).await?;
            for row in rows {
                self.zip.write_all(separator.as_bytes())?;
                serde_json::to_writer(&mut self.zip, &row)?;
                separator = ",\n";
            }
            pass_on(&self.written, &self.sender, PIECE).await?;
            if next.is_none() {
                self.zip.write_all(b"\n]\n")?;
                return Ok(());
            }
            after = next;
        }
    }

    async fn content(&mut self, ctx: &JobContext, content: &Content) -> anyhow::Result<()> {
        let opened = match ctx.contents.open(content, 0..content.version.bytes.unsigned_abs()).await {
            // It was removed while the export went on: an empty file.
            Err(ContentError::Missing(_)) => return Ok(()),
            opened => opened?,
        };
        let mut opened = pin!(opened);
        while let Some(piece) = opened.next().await {
            self.zip.write_all(&piece?)?;
            pass_on(&self.written, &self.sender, PIECE).await?;
        }
        Ok(())
    }
}

/// Passes on what was written, if it is more than `least`.
async fn pass_on(written: &Written, sender: &Sender, least: usize) -> anyhow::Result<()> {
    let piece = {
        let mut written = written.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() <= least {
            return Ok(());
        }
        mem::take(&mut *written)
    };
    sender.send(Ok(piece.into())).await.context("nobody stores the export any more")
}
