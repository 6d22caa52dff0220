//! The key of one content, and how the key ring wraps it: keys of the ring change without the content being touched.

use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};

use crate::sealing::{KEY_LEN, KeyRing, OpenError};

/// Seals one object. Nobody sees it.
pub struct ContentKey([u8; KEY_LEN]);

/// The same in a row: only the ring opens it, for its object only.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The name of the key that wraps it.
    pub id: String,
    /// The wrapped key.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WrappedKey({})", self.id)
    }
}

impl ContentKey {
    /// A new one.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing may go on then.
    pub fn random() -> Self {
        let mut key = [0; KEY_LEN];
        getrandom::fill(&mut key).expect("the operating system gives randomness");
        Self(key)
    }

    /// Wrapped with the newest key of the ring; `None` without one.
    pub fn wrap(&self, ring: &KeyRing, object: &str) -> Option<WrappedKey> {
        let id = ring.newest()?.to_owned();
        Some(WrappedKey { id, bytes: ring.seal_bytes(&about(object), &self.0)? })
    }

    pub(super) fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &self.0).expect("the key has the length of the cipher");
        LessSafeKey::new(key)
    }
}

impl WrappedKey {
    /// The key.
    pub fn open(&self, ring: &KeyRing, object: &str) -> Result<ContentKey, OpenError> {
        let opened = ring.open_bytes(&about(object), &self.bytes)?;
        opened.try_into().map(ContentKey).map_err(|_| OpenError::Damaged)
    }
}

fn about(object: &str) -> Vec<u8> {
    [b"key of a document\0", object.as_bytes()].concat()
}
