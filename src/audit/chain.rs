//! The hash of an entry: SHA-256 over the hash before it, its place and all that it says.
//!
//! Every part is written with its length, so that no two entries have the same bytes; members of details are in the order
//! of their names, so that the hash does not depend on how the database keeps them.

use sha2::{Digest, Sha256};

use super::Recorded;

/// What the first entry of all follows.
pub const GENESIS: Hash = [0; 32];
/// Another format would be another word.
const FORMAT: &[u8] = b"sportello audit 1";

/// A place in the chain.
pub type Hash = [u8; 32];

/// The hash of the entry at place `seq` behind `previous`.
pub fn hash(previous: &Hash, seq: i64, entry: &Recorded) -> Hash {
    let mut hasher = Sha256::new();
    let mut part = |bytes: Option<&[u8]>| match bytes {
        None => hasher.update([0]),
        Some(bytes) => {
            hasher.update([1]);
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        }
    };
    part(Some(FORMAT));
    part(Some(previous));
    for number in [seq, entry.id, entry.at.as_microsecond()] {
        part(Some(&number.to_be_bytes()));
    }
    let uuid = |id: &Option<uuid::Uuid>| id.map(uuid::Uuid::into_bytes);
    part(Some(entry.who_kind.as_bytes()));
    part(uuid(&entry.who).as_ref().map(<[u8; 16]>::as_slice));
    part(uuid(&entry.via).as_ref().map(<[u8; 16]>::as_slice));
    part(Some(entry.action.as_bytes()));
    part(Some(entry.object_kind.as_bytes()));
    part(entry.object_id.as_deref().map(str::as_bytes));
    part(Some(entry.result.as_bytes()));
    part(entry.address.as_deref().map(str::as_bytes));
    part(entry.request_id.as_deref().map(str::as_bytes));
    part(Some(entry.details.to_string().as_bytes()));
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{GENESIS, Recorded, hash};

    fn entry() -> Recorded {
        Recorded {
            id: 7,
            at: Timestamp::UNIX_EPOCH,
            who_kind: "system".to_owned(),
            who: None,
            via: None,
            action: "a".to_owned(),
            object_kind: "bc".to_owned(),
            object_id: None,
            result: "ok".to_owned(),
            address: None,
            request_id: None,
            details: serde_json::json!({ "b": 1, "a": 2 }),
        }
    }

    #[test]
    fn every_part_counts_and_parts_do_not_run_into_each_other() {
        let hash = |entry: &Recorded| hash(&GENESIS, 1, entry);
        let one = entry();
        let others = [
            Recorded { id: 8, ..one.clone() },
            Recorded { at: Timestamp::from_microsecond(1).unwrap(), ..one.clone() },
            Recorded { who: Some(uuid::Uuid::nil()), ..one.clone() },
            Recorded { via: Some(uuid::Uuid::nil()), ..one.clone() },
            Recorded { action: "ab".to_owned(), object_kind: "c".to_owned(), ..one.clone() },
            Recorded { object_id: Some(String::new()), ..one.clone() },
            Recorded { result: "refused".to_owned(), ..one.clone() },
            Recorded { address: Some("10.0.0.1".to_owned()), ..one.clone() },
            Recorded { request_id: Some("x".to_owned()), ..one.clone() },
            Recorded { details: serde_json::json!({ "b": 1 }), ..one.clone() },
        ];
        assert!(others.iter().all(|other| hash(other) != hash(&one)));
        let mut again = one.clone();
        again.details = serde_json::json!({ "a": 2, "b": 1 });
        assert_eq!(hash(&again), hash(&one), "the order of members is nothing that was said");
        assert_ne!(super::hash(&GENESIS, 2, &one), hash(&one));
        assert_ne!(super::hash(&[1; 32], 1, &one), hash(&one));
    }
}
