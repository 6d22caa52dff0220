//! Large files on their way to and from the storage: streams with a bounded part in memory. The bytes do not pass through
//! the actor's mailbox; it gives each transfer a place, which is free again when the transfer is dropped.

use std::{
    io::{self, SeekFrom},
    ops::Range,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt as _, WriteMultipart, path::Path,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    sync::OwnedSemaphorePermit,
};
use tokio_util::io::ReaderStream;

use super::storage::StorageError;
use crate::metrics;

/// Read from a disk at once: enough that threads change hands seldom.
const READ_BYTES: usize = 256 << 10;
/// Pieces that are being written while the next one is filled: one keeps the memory of a transfer flat.
const IN_FLIGHT: usize = 1;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// How much.
    pub bytes: u64,
}

/// Bytes of a file as they are read.
pub struct Reading {
    /// The size of the whole file.
    pub size: u64,
    content: BoxStream<'static, io::Result<Bytes>>,
    _place: OwnedSemaphorePermit,
}

impl Stream for Reading {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.content.poll_next_unpin(cx)
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading({} bytes)", self.size)
    }
}

/// An open file that has no place yet.
pub(super) struct Open {
    size: u64,
    content: BoxStream<'static, io::Result<Bytes>>,
}

impl Open {
    pub(super) fn at(self, place: OwnedSemaphorePermit) -> Reading {
        Reading { size: self.size, content: self.content, _place: place }
    }
}

/// Opens a file at the beginning of a range.
pub(super) async fn open(
    store: &dyn ObjectStore,
    key: &Path,
    range: Range<u64>,
) -> Result<Open, object_store::Error> {
    let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
    let found = store.get_opts(key, options).await?;
    let (size, range) = (found.meta.size, found.range);
    let content = match found.payload {
        // Its own stream of a file reads a few kilobytes at a time.
        GetResultPayload::File(file, _) => {
            let mut file = tokio::fs::File::from_std(file);
            file.set_max_buf_size(READ_BYTES);
            let sought = file.seek(SeekFrom::Start(range.start)).await;
            sought.map_err(|source| object_store::Error::Generic {
                store: "directory",
                source: source.into(),
            })?;
            ReaderStream::with_capacity(file.take(range.end - range.start), READ_BYTES).boxed()
        }
        GetResultPayload::Stream(content) => content.map_err(io::Error::other).boxed(),
    };
    Ok(Open { size, content })
}

/// Who may write a file as a stream.
pub struct Writer {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) chunk: usize,
    pub(super) figures: metrics::Storage,
    pub(super) failing: Arc<AtomicBool>,
    pub(super) written: Arc<AtomicU64>,
    pub(super) _place: OwnedSemaphorePermit,
}

impl Writer {
    /// Writes it; nobody sees it before it is whole.
    pub(super) async fn write(
        self,
        key: &Path,
        content: impl Stream<Item = io::Result<Bytes>> + Send,
    ) -> Result<Written, StorageError> {
        let began = Instant::now();
        let done = self.pass(key, content).await;
        self.figures.done("put_stream", done.is_ok(), began.elapsed());
        match &done {
            Ok(bytes) => {
                self.written.fetch_add(*bytes, Relaxed);
                self.failing.store(false, Relaxed);
            }
            Err(StorageError::BrokeOff(_)) => {}
            Err(error) => {
                tracing::error!(%error, storage.operation = "put_stream", "the storage failed");
                self.failing.store(true, Relaxed);
            }
        }
        done.map(|bytes| Written { bytes })
    }

    async fn pass(
        &self,
        key: &Path,
        content: impl Stream<Item = io::Result<Bytes>> + Send,
    ) -> Result<u64, StorageError> {
        let failed = |error: object_store::Error| StorageError::Failed(error.to_string());
        let upload = self.store.put_multipart(key).await.map_err(failed)?;
        let mut writing = WriteMultipart::new_with_chunk_size(upload, self.chunk);
        let (mut content, mut bytes) = (pin!(content), 0);
        let broken = loop {
            match content.next().await {
                None => break None,
                Some(Err(error)) => break Some(StorageError::BrokeOff(error.to_string())),
                Some(Ok(chunk)) => {
                    if let Err(error) = writing.wait_for_capacity(IN_FLIGHT).await {
                        break Some(failed(error));
                    }
                    bytes += chunk.len() as u64;
                    writing.put(chunk);
                }
            }
        };
        if let Some(error) = broken {
            // What was written of it is removed; should that fail, it is swept later.
            let _ = writing.abort().await;
            return Err(error);
        }
        writing.finish().await.map_err(failed)?;
        Ok(bytes)
    }
}
