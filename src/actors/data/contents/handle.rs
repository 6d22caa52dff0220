//! What keeps contents: the storage, and the keys.

use std::{io, ops::Range, sync::Arc};

use bytes::Bytes;
use futures_util::Stream;

use super::{open, store, store::Stored};
use crate::{
    actors::data::storage::{Storage, StorageError},
    config::sections,
    documents::{
        at_rest::{ContentKey, Damaged, WrappedKey},
        versions::Content,
    },
    metrics,
    sealing::{KeyRing, OpenError},
};

/// Keeps contents. Cheap to clone.
#[derive(Clone)]
pub struct Contents(Arc<Parts>);

pub(super) struct Parts {
    pub(super) storage: Storage,
    pub(super) ring: KeyRing,
    pub(super) seals: bool,
    pub(super) figures: metrics::Storage,
}

/// Why a content cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The storage has it, but not now.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A row names what the storage does not have.
    #[error("the object {0} is missing")]
    Missing(String),
    /// Its key does not open.
    #[error("the key of a document: {0}")]
    Key(#[from] OpenError),
    /// It is not what was stored.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// Reading it broke off.
    #[error("a stored content broke off: {0}")]
    BrokeOff(#[from] io::Error),
}

impl Contents {
    /// New contents are sealed when `[documents]` of the configuration says so; old ones open as long as `ring` has their
    /// keys.
    pub fn new(
        storage: Storage,
        ring: KeyRing,
        config: &sections::Documents,
        figures: metrics::Storage,
    ) -> Self {
        Self(Arc::new(Parts { storage, ring, seals: config.encrypt, figures }))
    }

    /// Stores a content of `bytes`, if that is known, as a new object: packed when `may_pack` and it pays, sealed when configured. When this
    /// returns `Ok`, a power cut does not lose it. An object that was begun and not ended is not there.
    pub async fn store(
        &self,
        object: &str,
        bytes: impl Into<Option<u64>>,
        may_pack: bool,
        content: impl Stream<Item = io::Result<Bytes>> + Send,
    ) -> Result<Stored, StorageError> {
        store::store(&self.0, object, bytes.into(), may_pack, content).await
    }

    /// A part of a content, at least one byte, or all of it, as it was sent. The stream ends with an error when the storage
    /// does not have what was stored: what came before is good. Such errors are logged and counted here.
    pub async fn open(
        &self,
        content: &Content,
        part: Range<u64>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, ContentError> {
        let opened = open::open(&self.0, content, part).await;
        opened.inspect_err(|error| self.0.told(&content.object, error))
    }

    /// The key that wraps those of new contents.
    pub fn newest_key(&self) -> Option<&str> {
        self.0.ring.newest()
    }

    /// The same key of an object, wrapped with the newest one of the ring.
    pub fn wrap_again(&self, object: &str, key: &WrappedKey) -> Result<Option<WrappedKey>, OpenError> {
        Ok(key.open(&self.0.ring, object)?.wrap(&self.0.ring, object))
    }
}

impl Parts {
    pub(super) fn new_key(&self, object: &str) -> Option<(ContentKey, WrappedKey)> {
        let key = self.seals.then(ContentKey::random)?;
        let wrapped = key.wrap(&self.ring, object)?;
        Some((key, wrapped))
    }

    /// What is damaged stays so until somebody looks after it: it is counted and told each time.
    pub(super) fn told(&self, object: &str, error: &ContentError) {
        match error {
            ContentError::Storage(_) => {}
            ContentError::BrokeOff(error) if error.kind() != io::ErrorKind::InvalidData => {
                tracing::error!(%error, storage.object = object, "reading a stored content broke off");
            }
            error => {
                self.figures.is_damaged();
                tracing::error!(%error, storage.object = object, "a stored content cannot be read");
            }
        }
    }
}
