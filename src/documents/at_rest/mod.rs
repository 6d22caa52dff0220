//! How a content is kept: packed where that helps, sealed where that is configured, and never believed when it is read.
//!
//! From the inside to the outside
//! 1. chunks of [`CHUNK`] bytes: of a text each is a zstd frame, and a seek table says where they begin (`packed`: any zstd
//!    unpacks the whole); of everything else they are as they are, and unless it is sealed their checksums follow (`summed`);
//! 2. frames of 64 KiB under AES-256-GCM with a key of its own, which the key ring wraps (`sealed`, `key`).
//!
//! Invariants
//! - A part is read without reading what stands before it; a chunk, a table or a frame that is not what was written is an
//!   error, never bytes.
//! - A sealed frame opens in its own object at its own place only, and the last one only as the last one.
//! - The size and the hash of a version are those of the content as it was sent.
//!
//! Reading order: [`Keeper`] (writes), [`Index`] (where a part is), `sealed`. Where the bytes come from and go to, and on which
//! threads: [`crate::actors::data::contents`][contents].
//!
//! [contents]: ../../actors/data/contents/index.html

mod index;
mod keeper;
mod key;
mod packed;
mod sealed;
mod summed;

pub use index::{Chunk, Index};
pub use keeper::{Keeper, is_worth_packing};
pub use key::{ContentKey, WrappedKey};
pub use sealed::{Frame, Frames, Sealer};

/// What is packed, summed and unpacked at once: a part costs no more than one of it before and behind.
pub const CHUNK: usize = 256 << 10;
/// So much of the beginning says whether packing helps.
pub const SAMPLE: usize = 1 << 20;

/// What the storage has is not what was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored content is damaged: {0}")]
pub struct Damaged(pub(crate) &'static str);

impl From<Damaged> for std::io::Error {
    fn from(damage: Damaged) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, damage)
    }
}

/// How a content is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// As it was sent.
    Identity,
    /// Packed by zstd.
    Zstd,
}

impl Coding {
    /// Its name in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Zstd => "zstd",
        }
    }
}

/// How one content is kept: `bytes`, `stored_bytes`, `coding`, `key_id` and `wrapped_key` of its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its size as it was sent.
    pub bytes: u64,
    /// Its size in the storage.
    pub stored: u64,
    /// How it is written.
    pub coding: Coding,
    /// What it is sealed with.
    pub key: Option<WrappedKey>,
}

impl Kept {
    pub(super) fn from_row(row: &tokio_postgres::Row) -> Self {
        let (bytes, stored): (i64, i64) = (row.get("bytes"), row.get("stored_bytes"));
        let packed = row.get::<_, &str>("coding") == Coding::Zstd.as_str();
        let key: Option<String> = row.get("key_id");
        Self {
            bytes: bytes.unsigned_abs(),
            stored: stored.unsigned_abs(),
            coding: if packed { Coding::Zstd } else { Coding::Identity },
            key: key.map(|id| WrappedKey { id, bytes: row.get("wrapped_key") }),
        }
    }
}

#[cfg(test)]
mod tests;
