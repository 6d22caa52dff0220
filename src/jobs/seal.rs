//! Arguments that nobody reads in the database: AES-256-GCM under a ring of keys.
//!
//! The first key of `jobs.seal_keys` seals, all of them open, so that keys are rotated by putting a new one in front and
//! taking the old one away when the last job sealed with it has ended. The job's id and kind are authenticated: a sealed
//! text does not open in another job's row.
//!
//! Layout: version (1 byte), length of the key's name (1 byte), its name, nonce (12 bytes), ciphertext and tag.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::{JobId, registry::Registry};
use crate::config::sections;

/// The layout above.
const VERSION: u8 = 1;
/// Of a key's name, so that its length fits a byte.
const NAME_MAX: usize = 32;

/// The keys, newest first.
#[derive(Default)]
pub struct KeyRing(Vec<(String, LessSafeKey)>);

/// Why a text was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another server has the key.
    #[error("sealed with key {0:?}, which is not in jobs.seal_keys")]
    UnknownKey(String),
    /// It was changed, belongs to another job, or is no sealed text.
    #[error("the sealed arguments are damaged")]
    Damaged,
}

/// Why `jobs.seal_keys` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// The shape.
    #[error("jobs.seal_keys: write name:key, separated by commas; a name has 1 to 32 characters")]
    Shape,
    /// The key.
    #[error("jobs.seal_keys: key {0:?} is not 32 bytes in base64 (make one with: openssl rand -base64 32)")]
    Key(String),
    /// The name.
    #[error("jobs.seal_keys: key {0:?} is there twice")]
    Twice(String),
    /// A kind needs one.
    #[error(
        "jobs of kind {0} have sealed arguments: set jobs.seal_keys (one key: name:$(openssl rand -base64 32))"
    )]
    Missing(&'static str),
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl std::str::FromStr for KeyRing {
    type Err = KeyRingError;

    fn from_str(text: &str) -> Result<Self, KeyRingError> {
        let mut ring = Vec::<(String, LessSafeKey)>::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, key) = part.split_once(':').ok_or(KeyRingError::Shape)?;
            if name.is_empty() || name.len() > NAME_MAX {
                return Err(KeyRingError::Shape);
            }
            if ring.iter().any(|(known, _)| known == name) {
                return Err(KeyRingError::Twice(name.to_owned()));
            }
            let wrong = || KeyRingError::Key(name.to_owned());
            let bytes = data_encoding::BASE64.decode(key.as_bytes()).map_err(|_| wrong())?;
            let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| wrong())?;
            ring.push((name.to_owned(), LessSafeKey::new(key)));
        }
        Ok(Self(ring))
    }
}

impl KeyRing {
    /// The ring of a configuration; an error when a kind wants its arguments sealed and there is no key.
    pub fn of(config: &sections::Jobs, registry: &Registry) -> Result<Self, KeyRingError> {
        let text = config.seal_keys.as_ref().map_or("", |keys| keys.expose());
        let ring: Self = text.parse()?;
        match registry.kinds().find(|kind| kind.sealed) {
            Some(kind) if ring.is_empty() => Err(KeyRingError::Missing(kind.name)),
            _ => Ok(ring),
        }
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Seals `text` for this job; `None` without a key. `salt`, which is random, makes the nonce together with the
    /// job's id, which no other job has: a nonce is never used twice with one key.
    pub fn seal(&self, job: JobId, kind: &str, text: &str, salt: u32) -> Option<Vec<u8>> {
        let (name, key) = self.0.first()?;
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&job.0.to_be_bytes());
        nonce[8..].copy_from_slice(&salt.to_be_bytes());
        let mut sealed = text.as_bytes().to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(about(job, kind)),
            &mut sealed,
        )
        .expect("arguments are shorter than 64 GiB");
        let mut whole = vec![VERSION, name.len() as u8];
        whole.extend_from_slice(name.as_bytes());
        whole.extend_from_slice(&nonce);
        whole.append(&mut sealed);
        Some(whole)
    }

    /// The text that was sealed for this job.
    pub fn open(&self, job: JobId, kind: &str, sealed: &[u8]) -> Result<String, OpenError> {
        let (name, nonce, text) = parts(sealed).ok_or(OpenError::Damaged)?;
        let key = self.0.iter().find(|(known, _)| known.as_bytes() == name);
        let (_, key) =
            key.ok_or_else(|| OpenError::UnknownKey(String::from_utf8_lossy(name).into_owned()))?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = key
            .open_in_place(nonce, Aad::from(about(job, kind)), &mut text)
            .map_err(|_| OpenError::Damaged)?;
        String::from_utf8(opened.to_vec()).map_err(|_| OpenError::Damaged)
    }
}

fn about(job: JobId, kind: &str) -> Vec<u8> {
    [&job.0.to_be_bytes(), kind.as_bytes()].concat()
}

fn parts(sealed: &[u8]) -> Option<(&[u8], [u8; NONCE_LEN], &[u8])> {
    let (&[version, length], rest) = sealed.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(usize::from(length)).filter(|_| version == VERSION)?;
    let (nonce, text) = rest.split_first_chunk()?;
    Some((name, *nonce, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "2026a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEW: &str = "2026b:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    fn ring(text: &str) -> KeyRing {
        text.parse().unwrap()
    }

    #[test]
    fn a_rotated_ring_opens_what_the_old_key_sealed_and_seals_with_the_new_one() {
        let job = JobId(7);
        let old = ring(OLD).seal(job, "tests.seal", "{\"pin\":1}", 9).unwrap();
        let both = ring(&format!("{NEW}, {OLD}"));
        assert_eq!(both.open(job, "tests.seal", &old).unwrap(), "{\"pin\":1}");
        let new = both.seal(job, "tests.seal", "{}", 9).unwrap();
        assert_eq!(ring(OLD).open(job, "tests.seal", &new), Err(OpenError::UnknownKey("2026b".to_owned())));
        assert!(!new.windows(2).any(|pair| pair == b"{}"));
    }

    #[test]
    fn what_was_changed_or_moved_to_another_job_does_not_open() {
        let ring = ring(OLD);
        let mut sealed = ring.seal(JobId(7), "tests.seal", "{}", 9).unwrap();
        assert_eq!(ring.open(JobId(8), "tests.seal", &sealed), Err(OpenError::Damaged));
        assert_eq!(ring.open(JobId(7), "tests.other", &sealed), Err(OpenError::Damaged));
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(ring.open(JobId(7), "tests.seal", &sealed), Err(OpenError::Damaged));
        assert_eq!(ring.open(JobId(7), "tests.seal", b"\x01\x20short"), Err(OpenError::Damaged));
    }

    #[test]
    fn a_ring_that_cannot_be_read_says_what_to_change() {
        let error = |text: &str| text.parse::<KeyRing>().unwrap_err();
        assert_eq!(error("abc"), KeyRingError::Shape);
        assert_eq!(error("abc:AAAA"), KeyRingError::Key("abc".to_owned()));
        assert_eq!(error(&format!("{OLD},{OLD}")), KeyRingError::Twice("2026a".to_owned()));
    }
}
