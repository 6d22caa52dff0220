//! From an object to the content as it was sent: from the outside to the inside, chunk by chunk.

use std::{io, ops::Range, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::task::spawn_blocking;

use super::{
    feed::{Feed, opened},
    handle::{ContentError, Parts},
};
use crate::documents::{
    at_rest::{Damaged, Frames, Index},
    versions::Content,
};

pub(super) async fn open(
    parts: &Arc<Parts>,
    content: &Content,
    part: Range<u64>,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, ContentError> {
    let object = Object::of(parts, content)?;
    let length = Index::length(&content.kept);
    let end = match length {
        0 => Bytes::new(),
        _ => {
            object
                .feed(object.inside.saturating_sub(length)..object.inside)
                .await?
                .take(length as usize)
                .await?
        }
    };
    let index = Arc::new(Index::read(&content.kept, object.inside, &end)?);
    let feed = object.feed(index.span(&part)).await?;
    let opening = Opening { next: Index::chunks(&part), part, index, feed };
    let (parts, name) = (parts.clone(), content.object.clone());
    Ok(stream::try_unfold(opening, Opening::chunk).map(move |chunk| {
        chunk.map_err(|error| {
            let error = ContentError::BrokeOff(error);
            parts.told(&name, &error);
            io::Error::other(error)
        })
    }))
}

/// An object of the storage, and what opens it.
struct Object<'p> {
    parts: &'p Parts,
    name: &'p str,
    frames: Option<Arc<Frames>>,
    stored: u64,
    /// The size of what is in the frames, if there are any.
    inside: u64,
}

impl<'p> Object<'p> {
    fn of(parts: &'p Parts, content: &'p Content) -> Result<Self, ContentError> {
        let (name, stored) = (content.object.as_str(), content.kept.stored);
        let key = content.kept.key.as_ref().map(|key| key.open(&parts.ring, name)).transpose()?;
        let frames = key.map(|key| Arc::new(Frames::new(&key, name, stored)));
        let inside = frames.as_ref().map_or(Ok(stored), |frames| frames.opened())?;
        Ok(Self { parts, name, frames, stored, inside })
    }

    /// A part of what is inside.
    async fn feed(&self, part: Range<u64>) -> Result<Feed, ContentError> {
        let span = self.frames.as_ref().map_or_else(|| part.clone(), |frames| frames.span(&part));
        let reading = self.parts.storage.get_range(self.name, span).await?;
        let reading = reading.ok_or_else(|| ContentError::Missing(self.name.to_owned()))?;
        if reading.size != self.stored {
            return Err(Damaged("its size is not that of what was stored").into());
        }
        let raw = Feed::new(reading.boxed());
        Ok(match &self.frames {
            Some(frames) => Feed::new(opened(raw, frames.clone(), part)),
            None => raw,
        })
    }
}

/// A content that is being read.
struct Opening {
    next: Range<u64>,
    part: Range<u64>,
    index: Arc<Index>,
    feed: Feed,
}

impl Opening {
    async fn chunk(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let Some(number) = self.next.next() else { return Ok(None) };
        let chunk = self.index.chunk(&self.part, number);
        let kept = self.feed.take(chunk.kept).await?;
        let opened = if self.index.is_slow() {
            let index = self.index.clone();
            spawn_blocking(move || index.open(&chunk, kept)).await?
        } else {
            self.index.open(&chunk, kept)
        };
        Ok(Some((opened?, self)))
    }
}
