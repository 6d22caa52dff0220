//! Opaque, signed cursors: where a list goes on, and for which filters.
//!
//! A cursor is base64url of `version · filter hash · JSON of the sort key · HMAC-SHA256 (128 bits)`. One that was
//! tampered with, belongs to other filters or to another server's key is refused with 400: the database never sees a
//! sort key that we did not write ourselves.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::problem::{FieldError, Problem};

const VERSION: u8 = 1;
/// 128 bits cannot be guessed, and keep cursors short.
const TAG_BYTES: usize = 16;
const HASH_BYTES: usize = 8;
/// The longest cursor that is looked at; ours have about 120 characters.
const MAX_CHARS: usize = 512;

/// Signs and checks cursors. Cheap to clone.
#[derive(Clone)]
pub struct CursorKey(Hmac<Sha256>);

/// Names a set of filters; a cursor works only with the filters that it was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterHash([u8; HASH_BYTES]);

impl FilterHash {
    /// The hash of a route and its filters, whatever their order.
    pub fn of<'a>(route: &str, filters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut filters: Vec<_> = filters.into_iter().collect();
        filters.sort_unstable();
        let mut hasher = Sha256::new();
        hasher.update(route.as_bytes());
        for (name, value) in filters {
            for part in [name, value] {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(&hasher.finalize()[..HASH_BYTES]);
        Self(hash)
    }
}

impl CursorKey {
    /// Derives the key of cursors from the server's secret.
    pub fn new(secret: &[u8]) -> Self {
        let mut derive = mac(secret);
        derive.update(b"sportello cursors 1");
        Self(mac(&derive.finalize().into_bytes()))
    }

    /// The cursor after an element with this sort key.
    pub fn write<K: Serialize>(&self, filters: FilterHash, key: &K) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&filters.0);
        serde_json::to_writer(&mut bytes, key).expect("sort keys are tuples of plain values");
        let tag = self.tag(&bytes);
        bytes.extend_from_slice(&tag);
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The sort key in a cursor, or 400.
    pub fn read<K: DeserializeOwned>(&self, filters: FilterHash, cursor: &str) -> Result<K, Problem> {
        self.open(filters, cursor).ok_or_else(|| {
            const DETAIL: &str = "is not a cursor of this list with these filters; start without one";
            Problem::bad_request("invalid_cursor", format!("cursor: {DETAIL}"))
                .with_errors(vec![FieldError::query("cursor", "invalid_cursor", DETAIL)])
        })
    }

    fn open<K: DeserializeOwned>(&self, filters: FilterHash, cursor: &str) -> Option<K> {
        if cursor.len() > MAX_CHARS {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
        let (signed, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(&self.tag(signed)[..], tag)) {
            return None;
        }
        let rest = signed.strip_prefix(&[VERSION])?;
        serde_json::from_slice(rest.strip_prefix(&filters.0)?).ok()
    }

    fn tag(&self, bytes: &[u8]) -> [u8; TAG_BYTES] {
        let mut mac = self.0.clone();
        mac.update(bytes);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG_BYTES]);
        tag
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::{CursorKey, FilterHash};

    const FILTERS: [(&str, &str); 2] = [("city", "roma"), ("sort", "price")];

    #[test]
    fn a_cursor_comes_back_as_it_was_written_whatever_the_order_of_the_filters() {
        let key = CursorKey::new(b"secret");
        let cursor = key.write(FilterHash::of("/events", FILTERS), &(1250, "id"));
        let reversed = FilterHash::of("/events", [FILTERS[1], FILTERS[0]]);
        assert_eq!(key.read::<(i64, String)>(reversed, &cursor).unwrap(), (1250, "id".to_owned()));
    }

    #[test]
    fn foreign_or_tampered_cursors_are_refused() {
        let key = CursorKey::new(b"secret");
        let filters = FilterHash::of("/events", FILTERS);
        let cursor = key.write(filters, &1);
        let refused = |key: &CursorKey, filters, cursor: &str| {
            assert_eq!(key.read::<i64>(filters, cursor).unwrap_err().code(), "invalid_cursor", "{cursor}");
        };
        refused(&CursorKey::new(b"other"), filters, &cursor);
        refused(&key, FilterHash::of("/events", [("city", "milano")]), &cursor);
        refused(&key, FilterHash::of("/cities", FILTERS), &cursor);
        for at in 0..cursor.len() {
            let mut bytes = cursor.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            refused(&key, filters, std::str::from_utf8(&bytes).unwrap());
        }
        for bad in ["", "A", "ééé", &"A".repeat(600)] {
            refused(&key, filters, bad);
        }
    }
}
