//! What jobs share a limit with: a key of their own, and their kind.

use sha2::{Digest, Sha256};

/// The limit of a key whose jobs run strictly in their order.
const IN_ORDER: i16 = 0;

/// At most so many jobs with this key run at once, in the whole fleet. Jobs of different kinds may share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub(super) name: String,
    pub(super) hash: i64,
    pub(super) limit: i16,
}

impl Key {
    /// At most `limit` at once; the oldest first.
    ///
    /// # Panics
    /// When the limit is 0: nothing would ever run.
    pub fn at_most(name: impl Into<String>, limit: u16) -> Self {
        assert!(limit > 0, "a key needs room for one job");
        let name = name.into();
        Self { hash: hash("key", &name), limit: limit.min(i16::MAX as u16) as i16, name }
    }

    /// One at a time and strictly in their order: while a job waits for its retry, those behind it wait, too.
    pub fn in_order(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { hash: hash("key", &name), limit: IN_ORDER, name }
    }
}

/// What jobs of a kind with a limit share.
pub(crate) fn of_kind(kind: &str) -> i64 {
    hash("kind", kind)
}

/// 64 bits: among a million live keys, two meet with a chance of one in 37 million; they would share their room.
fn hash(space: &str, name: &str) -> i64 {
    let digest = Sha256::new().chain_update(space).chain_update([0]).chain_update(name).finalize();
    i64::from_be_bytes(digest[..8].try_into().expect("a digest is longer than eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_a_kind_of_one_name_are_different() {
        assert_ne!(Key::at_most("mail", 1).hash, of_kind("mail"));
        assert_eq!(Key::at_most("mail", 1).hash, Key::in_order("mail").hash);
    }
}
