//! What nobody reads in the database: AES-256-GCM under a ring of keys.
//!
//! The first key of the ring seals, all of them open, so that keys are rotated by putting a new one in front and taking
//! the old one away when nothing is left that was sealed with it. What a text is about is authenticated with it: it does
//! not open in another row. Arguments of jobs: [`crate::jobs::seal`]; second factors: [`crate::accounts::second_factor`];
//! keys of documents: [`crate::documents::at_rest`]; keys that sign: [`crate::signing::store`].
//!
//! Layout: version (1 byte), length of the key's name (1 byte), its name, nonce (12 bytes), ciphertext and tag.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// The layout above.
const VERSION: u8 = 1;
/// Of a key's name, so that its length fits a byte.
const NAME_MAX: usize = 32;
/// Bytes of a nonce, which is never used twice with one key.
pub const NONCE_LEN: usize = ring::aead::NONCE_LEN;
/// Bytes of a key.
pub const KEY_LEN: usize = 32;

/// The keys, newest first.
#[derive(Default)]
pub struct KeyRing(Vec<(String, LessSafeKey)>);

/// Why a text was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another server has the key.
    #[error("sealed with key {0:?}, which is not in jobs.seal_keys")]
    UnknownKey(String),
    /// It was changed, belongs elsewhere, or is no sealed text.
    #[error("what was sealed is damaged")]
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
    /// With one more key, behind the others: it seals when it is the only one. A name with a colon cannot be configured.
    #[must_use]
    pub fn and(mut self, name: &'static str, key: &[u8; KEY_LEN]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("the key has the length of the cipher");
        self.0.push((name.to_owned(), LessSafeKey::new(key)));
        self
    }

    /// With one more key, behind the others, made from the server's own secret for one purpose.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn and_own(self, name: &'static str, purpose: &[u8], secret: &[u8]) -> Self {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
        mac.update(purpose);
        self.and(name, &mac.finalize().into_bytes().into())
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of the key that seals.
    pub fn newest(&self) -> Option<&str> {
        self.0.first().map(|(name, _)| name.as_str())
    }

    /// Seals `bytes`, which are about `about`, under a random nonce; `None` without a key.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing may go on then.
    pub fn seal_bytes(&self, about: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).expect("the operating system gives randomness");
        self.seal_with(nonce, about, bytes)
    }

    /// The same under a nonce that the caller knows to be new.
    pub fn seal_with(&self, nonce: [u8; NONCE_LEN], about: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        let (name, key) = self.0.first()?;
        let mut sealed = bytes.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut sealed)
            .expect("what is sealed is shorter than 64 GiB");
        let mut whole = vec![VERSION, name.len() as u8];
        whole.extend_from_slice(name.as_bytes());
        whole.extend_from_slice(&nonce);
        whole.append(&mut sealed);
        Some(whole)
    }

    /// The bytes that were sealed about `about`.
    pub fn open_bytes(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (name, nonce, text) = parts(sealed).ok_or(OpenError::Damaged)?;
        let key = self.0.iter().find(|(known, _)| known.as_bytes() == name);
        let (_, key) =
            key.ok_or_else(|| OpenError::UnknownKey(String::from_utf8_lossy(name).into_owned()))?;
        let (mut text, nonce) = (text.to_vec(), Nonce::assume_unique_for_key(nonce));
        let opened = key.open_in_place(nonce, Aad::from(about), &mut text).map_err(|_| OpenError::Damaged)?;
        Ok(opened.to_vec())
    }
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

    const KEY: &str = "2026a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn the_last_key_opens_what_it_sealed_before_another_was_put_in_front() {
        let alone = KeyRing::default().and("of:tests", &[7; KEY_LEN]);
        let sealed = alone.seal_bytes(b"totp", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(sealed, alone.seal_bytes(b"totp", b"secret").unwrap(), "each has a nonce of its own");
        let both = KEY.parse::<KeyRing>().unwrap().and("of:tests", &[7; KEY_LEN]);
        assert_eq!(both.open_bytes(b"totp", &sealed).unwrap(), b"secret");
        assert_eq!(both.open_bytes(b"other", &sealed), Err(OpenError::Damaged));
        let new = both.seal_bytes(b"totp", b"secret").unwrap();
        assert_eq!(alone.open_bytes(b"totp", &new), Err(OpenError::UnknownKey("2026a".to_owned())));
        assert!(KeyRing::default().seal_bytes(b"totp", b"secret").is_none());
    }
}
