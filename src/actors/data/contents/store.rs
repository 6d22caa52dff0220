//! From a content to an object: in chunks, each hashed and sealed where it passes, or packed on a thread for what blocks.

use std::{io, pin::Pin, sync::OnceLock};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::task::spawn_blocking;

use super::handle::Parts;
use crate::{
    actors::data::storage::StorageError,
    documents::{
        at_rest::{CHUNK, Coding, Keeper, Kept, SAMPLE, Sealer, is_worth_packing},
        versions::Sha256,
    },
};

/// A content that was stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// How it is kept.
    pub kept: Kept,
    /// Its hash.
    pub sha256: Sha256,
}

pub(super) async fn store(
    parts: &Parts,
    object: &str,
    bytes: Option<u64>,
    may_pack: bool,
    content: impl Stream<Item = io::Result<Bytes>> + Send,
) -> Result<Stored, StorageError> {
    let broke_off = |error: io::Error| StorageError::BrokeOff(error.to_string());
    let mut chunks = Chunks { source: Box::pin(content.fuse()), held: Bytes::new() };
    let mut first = Vec::new();
    let mut coding = Coding::Identity;
    if may_pack {
        while first.len() < SAMPLE / CHUNK
            && let Some(chunk) = chunks.next().await.map_err(broke_off)?
        {
            first.push(chunk);
        }
        let sample = first.clone();
        let pays = move || is_worth_packing(bytes.unwrap_or(u64::MAX), &sample.concat());
        if on_a_thread(pays).await.map_err(broke_off)? {
            coding = Coding::Zstd;
        }
    }
    let sealed = parts.new_key(object).map(|(key, wrapped)| (Sealer::new(&key, object), wrapped));
    if parts.seals && sealed.is_none() {
        return Err(StorageError::Failed("documents.encrypt is set, and there is no key".to_owned()));
    }
    let keeper = Keeper::new(coding, sealed).map_err(broke_off)?;
    let stored = OnceLock::new();
    let passing =
        Passing { first: first.into_iter(), chunks, keeper: Some(Box::new(keeper)), stored: &stored };
    let pieces = Box::pin(stream::try_unfold(passing, Passing::piece));
    let written = parts.storage.put_stream(object, pieces).await?;
    let (kept, sha256) = stored.into_inner().ok_or_else(|| broke_off(io::ErrorKind::UnexpectedEof.into()))?;
    if bytes.is_some_and(|bytes| kept.bytes != bytes) || kept.stored != written.bytes {
        let detail = format!("{} of {bytes:?} bytes, {} written", kept.bytes, written.bytes);
        return Err(StorageError::Failed(detail));
    }
    Ok(Stored { kept, sha256 })
}

async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await?
}

/// A stream in chunks of one size, but the last.
struct Chunks<'c> {
    source: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send + 'c>>,
    held: Bytes,
}

impl Chunks<'_> {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut chunk = BytesMut::new();
        loop {
            if chunk.is_empty() && self.held.len() >= CHUNK {
                return Ok(Some(self.held.split_to(CHUNK)));
            }
            if chunk.capacity() == 0 && !self.held.is_empty() {
                chunk.reserve(CHUNK); // a buffer that grows leaves one of each size behind
            }
            let length = self.held.len().min(CHUNK - chunk.len());
            chunk.extend_from_slice(&self.held.split_to(length));
            if chunk.len() == CHUNK {
                return Ok(Some(chunk.freeze()));
            }
            match self.source.next().await {
                Some(piece) => self.held = piece?,
                None => return Ok(Some(chunk.freeze()).filter(|chunk| !chunk.is_empty())),
            }
        }
    }
}

/// A content on its way.
struct Passing<'c> {
    first: std::vec::IntoIter<Bytes>,
    chunks: Chunks<'c>,
    /// Until the end was written.
    keeper: Option<Box<Keeper>>,
    stored: &'c OnceLock<(Kept, Sha256)>,
}

impl Passing<'_> {
    async fn piece(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let Some(mut keeper) = self.keeper.take() else { return Ok(None) };
        let next = match self.first.next() {
            Some(chunk) => Some(chunk),
            None => self.chunks.next().await?,
        };
        let Some(chunk) = next else {
            let end = keeper.end();
            let _ = self.stored.set(keeper.kept()); // there is one end
            return Ok(Some((end, self)));
        };
        let written = if keeper.is_slow() {
            let (written, back) = on_a_thread(move || Ok((keeper.keep(chunk)?, keeper))).await?;
            keeper = back;
            written
        } else {
            keeper.keep(chunk)?
        };
        self.keeper = Some(keeper);
        Ok(Some((written, self)))
    }
}
