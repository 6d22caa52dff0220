//! A ZIP that a job packs while it is stored: nothing of it is held as a whole.
//!
//! Whoever stores it hears when packing fails, so that half an archive is never taken for a whole one.

use std::{
    io::{self, Write as _},
    mem,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use sha2::Digest as _;
use tokio::sync::mpsc;
use zip::{
    CompressionMethod, ZipWriter,
    result::ZipError,
    write::{SimpleFileOptions, StreamWriter},
};

use super::JobContext;
use crate::{
    actors::data::contents::ContentError,
    documents::{
        check::Kind,
        publish::Stored,
        versions::{Content, Sha256},
    },
};

/// Pieces on their way to the storage; each has some hundred kilobytes at most.
const QUEUED: usize = 4;
/// What is packed is passed on when there is so much of it.
const PIECE: usize = 256 << 10;

/// Why something is not packed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    /// A content cannot be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A content breaks off.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The name of a file, or the size of the archive.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// Whoever stores it has failed; they say why.
    #[error("nobody stores the archive any more")]
    NotStored,
}

/// Whether a file is worth compressing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shrink {
    /// Text.
    Yes,
    /// What is compressed already.
    No,
}

type Sender = mpsc::Sender<io::Result<Bytes>>;

/// Packs what `fill` writes and stores it under `object`.
pub(super) async fn store<F>(ctx: &JobContext, object: String, fill: F) -> anyhow::Result<Stored>
where
    F: AsyncFnOnce(&mut Archive) -> anyhow::Result<()>,
{
    let (sender, receiver) = mpsc::channel(QUEUED);
    let pieces = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<io::Result<Bytes>>| {
        Some((receiver.recv().await?, receiver))
    });
    let packing = async {
        let mut archive = Archive::new(sender.clone());
        let packed = async {
            fill(&mut archive).await?;
            archive.finish().await
        };
        let packed = Box::pin(packed).await;
        if let Err(error) = &packed {
            let _ = sender.send(Err(io::Error::other(error.to_string()))).await; // nobody stores it any more
        }
        drop(sender);
        packed
    };
    let (packed, stored) = tokio::join!(packing, ctx.contents.store(&object, None, false, pieces));
    packed?;
    let stored = stored.context("the archive could not be stored")?;
    // It was made here: no scanner has to look at it.
    Ok(Stored { object, kind: Kind::Zip, sha256: stored.sha256, kept: stored.kept, scanned_by: None })
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
pub(super) struct Archive {
    zip: Option<ZipWriter<StreamWriter<Written>>>,
    written: Written,
    sender: Sender,
}

impl Archive {
    fn new(sender: Sender) -> Self {
        let written = Written::default();
        Self { zip: Some(ZipWriter::new_stream(written.clone())), written, sender }
    }

    fn zip(&mut self) -> &mut ZipWriter<StreamWriter<Written>> {
        self.zip.as_mut().expect("it is taken by finish, the last that happens to an archive")
    }

    /// Begins the next file.
    pub(super) fn start(&mut self, name: &str, shrink: Shrink) -> Result<(), ArchiveError> {
        let method = match shrink {
            Shrink::Yes => CompressionMethod::Deflated,
            Shrink::No => CompressionMethod::Stored,
        };
        let options = SimpleFileOptions::default().compression_method(method).large_file(true);
        Ok(self.zip().start_file(name, options)?)
    }

    /// Goes on with the file.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.zip().write_all(bytes)?;
        self.pass_on(PIECE).await
    }

    /// Goes on with the file: a content of the storage. Returns the hash of what was read.
    pub(super) async fn content(
        &mut self,
        ctx: &JobContext,
        content: &Content,
    ) -> Result<Sha256, ArchiveError> {
        let mut opened = pin!(ctx.contents.open(content, 0..content.version.bytes.unsigned_abs()).await?);
        let mut hasher = sha2::Sha256::new();
        while let Some(piece) = opened.next().await {
            let piece = piece?;
            hasher.update(&piece);
            self.write(&piece).await?;
        }
        Ok(Sha256(hasher.finalize().into()))
    }

    async fn finish(&mut self) -> anyhow::Result<()> {
        if let Some(zip) = self.zip.take() {
            zip.finish()?;
        }
        Ok(self.pass_on(0).await?)
    }

    /// Passes on what was written, if it is more than `least`.
    async fn pass_on(&mut self, least: usize) -> Result<(), ArchiveError> {
        let piece = {
            let mut written = self.written.0.lock().unwrap_or_else(PoisonError::into_inner);
            if written.len() <= least {
                return Ok(());
            }
            mem::take(&mut *written)
        };
        self.sender.send(Ok(piece.into())).await.map_err(|_| ArchiveError::NotStored)
    }
}
