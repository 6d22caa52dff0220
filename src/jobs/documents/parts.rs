//! The parts of an upload as one file: read anywhere by a thread that checks it, read once by those who store it.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::runtime::Handle;

use crate::{
    actors::data::storage::Storage,
    documents::{check::ReadAt, uploads::Part},
};

/// Parts that follow each other.
pub(super) struct Parts {
    storage: Storage,
    runtime: Handle,
    list: Vec<Part>,
    size: u64,
}

impl Parts {
    /// Those of a complete upload. To be called on the runtime, to be read beside it.
    pub(super) fn new(storage: Storage, parts: Vec<Part>) -> Self {
        let size = parts.iter().map(|part| part.bytes.unsigned_abs()).map(u64::from).sum();
        Self { storage, runtime: Handle::current(), list: parts, size }
    }

    async fn fill(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < into.len() {
            let at = offset + filled as u64;
            let next = self.list.partition_point(|part| part.offset.unsigned_abs() <= at);
            let part = next.checked_sub(1).and_then(|it| self.list.get(it)).ok_or(io::ErrorKind::NotFound)?;
            let from = at - part.offset.unsigned_abs();
            let left = u64::from(part.bytes.unsigned_abs()).saturating_sub(from);
            let length = left.min((into.len() - filled) as u64);
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let read = self.storage.get_range(&part.object, from..from + length).await;
            let mut read = read.map_err(io::Error::other)?.ok_or_else(missing)?;
            let until = filled + length as usize;
            while filled < until {
                let piece = read.next().await.ok_or_else(missing)??;
                into[filled..filled + piece.len()].copy_from_slice(&piece);
                filled += piece.len();
            }
        }
        Ok(())
    }
}

/// A part that a row names and the storage has not: an error of its own kind, not that of a file that is too short.
fn missing() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "a part of the upload is missing in the storage")
}

impl ReadAt for Parts {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.runtime.block_on(self.fill(offset, into))
    }
}

/// The whole content, once.
pub(super) fn content(storage: Storage, parts: Vec<Part>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let open = move |part: Part| {
        let storage = storage.clone();
        async move {
            let read = storage.get_range(&part.object, 0..u64::from(part.bytes.unsigned_abs())).await;
            read.map_err(io::Error::other)?.ok_or_else(missing)
        }
    };
    stream::iter(parts).then(open).try_flatten()
}
