//! Codes of six digits that are mailed: made for one thing, kept as a keyed hash.
//!
//! A code follows from its thing and its job by a key that is in no database: a job that is run again mails the same code, and
//! nobody who reads the database finds it by trying a million.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

/// How many there are.
const CODES: u64 = 1_000_000;

/// The key.
pub struct Codes(Hmac<Sha256>);

impl Codes {
    /// With a key made from the server's own secret.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    pub fn new(secret: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
        mac.update(b"sportello: codes of signatures\0");
        Self(mac)
    }

    fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The code that a job mails.
    pub fn code(&self, thing: Uuid, job: i64) -> String {
        let made = self.of(&[b"code", thing.as_bytes(), &job.to_be_bytes()]);
        let (first, _) = made.split_at(8);
        let number = first.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)) % CODES;
        format!("{number:06}")
    }

    /// What is stored of a code.
    pub fn hash(&self, thing: Uuid, code: &str) -> [u8; 32] {
        self.of(&[b"hash", thing.as_bytes(), code.as_bytes()])
    }

    /// Whether a code is the one whose hash this is.
    pub fn is_right(&self, thing: Uuid, code: &str, hash: &[u8]) -> bool {
        self.hash(thing, code).ct_eq(hash).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_for_its_thing_alone_and_the_same_each_time_its_job_runs() {
        let codes = Codes::new(b"secret");
        let (thing, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let code = codes.code(thing, 7);
        assert_eq!((code.len(), &code), (6, &codes.code(thing, 7)));
        assert_ne!(code, codes.code(thing, 8));
        let hash = codes.hash(thing, &code);
        assert!(codes.is_right(thing, &code, &hash));
        assert!(!codes.is_right(other, &code, &hash) && !codes.is_right(thing, "000000x", &hash));
        assert!(!Codes::new(b"another").is_right(thing, &code, &hash));
    }
}
