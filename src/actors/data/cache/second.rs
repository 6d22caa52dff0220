//! The second level: answers that another node has loaded already, in Redis.
//!
//! An entry there carries the versions of its tags from before its load, as the table in the process does with
//! generations. A write raises the versions of its tags before other nodes hear of it; until that has happened this node
//! neither reads nor writes the second level. If the versions cannot be raised, nobody believes the second level for as
//! long as anything lives in it.
//!
//! Redis being away costs a load, never an answer.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;

use super::{entry::Value, tags::EVERYTHING};
use crate::{actors::data::redis::Redis, clock::Clock};

/// The first byte of an entry: its layout.
const LAYOUT: u8 = 1;
/// Fast, and half the size.
const ZSTD_LEVEL: i32 = 3;
/// No answer is larger; a larger one is not ours.
const VALUE_MAX: usize = 16 << 20;

/// The second level of one node.
pub struct Second {
    redis: Redis,
    clock: Clock,
    ttl: Duration,
    /// Writes that have begun to be announced; writes whose versions are raised.
    begun: AtomicU64,
    settled: AtomicU64,
    /// Microseconds; nothing is believed before.
    believed_from: AtomicI64,
}

/// What was found, and what an entry for the same tags must carry.
pub(super) struct Found<V> {
    /// An answer that is still good, and until when.
    pub(super) answer: Option<(Option<V>, Timestamp)>,
    versions: Vec<i64>,
}

impl Second {
    /// In this Redis, if there is one; entries live for at most `ttl`.
    pub fn new(redis: Redis, clock: Clock, ttl: Duration) -> Self {
        let [begun, settled] = [0, 0].map(AtomicU64::new);
        Self { redis, clock, ttl, begun, settled, believed_from: AtomicI64::new(i64::MIN) }
    }

    /// A write has committed; the second level is in doubt until [`Self::raise`].
    pub(super) fn written(&self) {
        self.begun.fetch_add(1, SeqCst);
    }

    /// How many have been.
    pub(super) fn writes(&self) -> u64 {
        self.begun.load(SeqCst)
    }

    /// Raises the versions of these tags, to which the first `writes` writes have been; `false` when that failed, and
    /// other nodes must not believe either.
    pub(super) async fn raise<'a>(&self, tags: impl Iterator<Item = &'a str>, writes: u64) -> bool {
        if !self.redis.is_configured() {
            return true;
        }
        let keys: Vec<_> = tags.map(tag_key).collect();
        // A version that expires returns to zero: no entry may live as long.
        let raised = self.redis.incr(&keys, self.ttl * 2).await.is_ok();
        if !raised {
            self.disbelieve();
        }
        self.settled.fetch_max(writes, SeqCst);
        raised
    }

    /// Believes nothing until everything that is there now has expired.
    pub(super) fn disbelieve(&self) {
        let until = self.clock.now().saturating_add(self.ttl).unwrap_or(Timestamp::MAX);
        self.believed_from.fetch_max(until.as_microsecond(), SeqCst);
    }

    fn is_believed(&self) -> bool {
        self.redis.is_configured()
            && self.settled.load(SeqCst) == self.begun.load(SeqCst)
            && self.clock.now().as_microsecond() >= self.believed_from.load(SeqCst)
    }

    /// Looks for an answer; `None` when it is not to be asked.
    pub(super) async fn find<V: Value>(&self, key: &str, tags: &[String]) -> Option<Found<V>> {
        if !self.is_believed() {
            return None;
        }
        let mut keys = vec![page_key(key), tag_key(EVERYTHING)];
        keys.extend(tags.iter().map(|tag| tag_key(tag)));
        let mut values = self.redis.mget(&keys).await.ok()?.into_iter();
        let kept = values.next()?;
        let versions: Vec<i64> = values.map(|value| version(value.as_deref())).collect();
        let now = self.clock.now();
        let answer = kept
            .and_then(|bytes| decode(&bytes, &versions))
            .filter(|(_, fresh_until)| now < *fresh_until && self.is_believed());
        Some(Found { answer, versions })
    }

    /// Keeps an answer whose load began after [`Self::find`].
    pub(super) async fn keep<V: Value>(
        &self,
        key: &str,
        found: &Found<V>,
        value: Option<&V>,
        until: Timestamp,
    ) {
        let left = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or_default();
        let ttl = left.min(self.ttl);
        if self.is_believed()
            && !ttl.is_zero()
            && let Some(bytes) = encode(&found.versions, value, until)
        {
            let _ = self.redis.set(page_key(key), bytes, ttl).await; // the next node loads for itself then
        }
    }
}

fn page_key(key: &str) -> String {
    format!("sportello:page:{key}")
}

fn tag_key(tag: &str) -> String {
    format!("sportello:tag:{tag}")
}

/// A tag that nobody has written to has version 0.
fn version(value: Option<&[u8]>) -> i64 {
    value.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(0)
}

/// Layout, fresh until (µs), number of versions, versions, 1 if there is such a thing, the value under zstd.
fn encode<V: Value>(versions: &[i64], value: Option<&V>, until: Timestamp) -> Option<Bytes> {
    let mut bytes = vec![LAYOUT];
    bytes.extend_from_slice(&until.as_microsecond().to_le_bytes());
    bytes.push(u8::try_from(versions.len()).ok()?);
    for version in versions {
        bytes.extend_from_slice(&version.to_le_bytes());
    }
    bytes.push(u8::from(value.is_some()));
    if let Some(value) = value {
        bytes.extend_from_slice(&zstd::bulk::compress(&value.encode(), ZSTD_LEVEL).ok()?);
    }
    Some(bytes.into())
}

/// `None` for an entry of other versions, and for bytes that are not ours.
fn decode<V: Value>(bytes: &[u8], versions: &[i64]) -> Option<(Option<V>, Timestamp)> {
    let (&layout, rest) = bytes.split_first()?;
    let (until, rest) = rest.split_first_chunk::<8>()?;
    let (&count, mut rest) = rest.split_first()?;
    if layout != LAYOUT || usize::from(count) != versions.len() {
        return None;
    }
    for version in versions {
        let (kept, after) = rest.split_first_chunk::<8>()?;
        if i64::from_le_bytes(*kept) != *version {
            return None;
        }
        rest = after;
    }
    let until = Timestamp::from_microsecond(i64::from_le_bytes(*until)).ok()?;
    match rest.split_first()? {
        (0, []) => Some((None, until)),
        (1, compressed) if !compressed.is_empty() => {
            let value = zstd::bulk::decompress(compressed, VALUE_MAX).ok()?;
            Some((Some(V::decode(&value)?), until))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{decode, encode};
    use crate::actors::data::cache::tests::Text;

    #[test]
    fn an_entry_survives_its_journey_unless_a_tag_was_written_to_meanwhile() {
        let until = Timestamp::from_microsecond(1_700_000_000_123_456).unwrap();
        let text = Text("page ".repeat(100), false);
        let bytes = encode(&[0, 7], Some(&text), until).unwrap();
        assert!(bytes.len() < 100, "{}", bytes.len());
        assert_eq!(decode::<Text>(&bytes, &[0, 7]), Some((Some(text), until)));
        assert_eq!(decode::<Text>(&bytes, &[0, 8]), None);
        assert_eq!(decode::<Text>(&bytes, &[0]), None);
        let missing = encode::<Text>(&[0], None, until).unwrap();
        assert_eq!(decode::<Text>(&missing, &[0]), Some((None, until)));
    }

    #[test]
    fn bytes_of_others_are_no_entry() {
        let until = Timestamp::UNIX_EPOCH;
        let bytes = encode(&[1], Some(&Text("a".into(), false)), until).unwrap();
        for cut in 0..bytes.len() {
            assert_eq!(decode::<Text>(&bytes[..cut], &[1]), None, "{cut}");
        }
        assert_eq!(decode::<Text>(b"hello", &[1]), None);
    }
}
