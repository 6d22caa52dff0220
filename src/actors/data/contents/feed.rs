//! Bytes in the amounts that are wanted, from a stream that has its own.

use std::{io, ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream, stream::BoxStream};

use crate::documents::at_rest::{Frame, Frames};

/// A stream that is read in amounts.
pub(super) struct Feed {
    source: BoxStream<'static, io::Result<Bytes>>,
    held: Bytes,
}

impl Feed {
    pub(super) fn new(source: BoxStream<'static, io::Result<Bytes>>) -> Self {
        Self { source, held: Bytes::new() }
    }

    /// So many bytes; not copied when they came together.
    pub(super) async fn take(&mut self, amount: usize) -> io::Result<Bytes> {
        if self.held.is_empty() && amount > 0 {
            self.held = self.more().await?;
        }
        if self.held.len() >= amount {
            return Ok(self.held.split_to(amount));
        }
        let mut taken = BytesMut::with_capacity(amount);
        loop {
            let next = self.held.split_to(self.held.len().min(amount - taken.len()));
            taken.extend_from_slice(&next);
            if taken.len() == amount {
                return Ok(taken.freeze());
            }
            self.held = self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<Bytes> {
        self.source.next().await.ok_or(io::ErrorKind::UnexpectedEof)?
    }
}

/// What is in the frames that `sealed` has: those of `part`, and only what belongs to it.
pub(super) fn opened(
    sealed: Feed,
    frames: Arc<Frames>,
    part: Range<u64>,
) -> BoxStream<'static, io::Result<Bytes>> {
    let list = frames.of(part);
    stream::try_unfold((sealed, frames, list), next_opened).boxed()
}

type Opening<I> = (Feed, Arc<Frames>, I);

async fn next_opened<I: Iterator<Item = Frame>>(
    (mut sealed, frames, mut list): Opening<I>,
) -> io::Result<Option<(Bytes, Opening<I>)>> {
    let Some(frame) = list.next() else { return Ok(None) };
    let taken = sealed.take(frame.stored).await?;
    // Some ten microseconds.
    let opened = frames.open(frame.index, taken.into())?.freeze();
    Ok(Some((opened.slice(frame.wanted), (sealed, frames, list))))
}
