//! Arguments that nobody reads in the database: see [`crate::sealing`].
//!
//! The keys are `jobs.seal_keys`. The job's id and kind are authenticated: a sealed text does not open in another job's
//! row.

pub use crate::sealing::{KeyRing, KeyRingError, OpenError};

use super::{JobId, registry::Registry};
use crate::{config::sections, sealing::NONCE_LEN};

impl KeyRing {
    /// The ring of a configuration; an error when a kind wants its arguments sealed and there is no key.
    pub fn of(config: &sections::Jobs, registry: &Registry) -> Result<Self, KeyRingError> {
        let ring = Self::configured(config)?;
        match registry.kinds().find(|kind| kind.sealed) {
            Some(kind) if ring.is_empty() => Err(KeyRingError::Missing(kind.name)),
            _ => Ok(ring),
        }
    }

    /// The keys of a configuration, if there are any.
    pub fn configured(config: &sections::Jobs) -> Result<Self, KeyRingError> {
        config.seal_keys.as_ref().map_or("", |keys| keys.expose()).parse()
    }

    /// Seals `text` for this job; `None` without a key. `salt`, which is random, makes the nonce together with the
    /// job's id, which no other job has: a nonce is never used twice with one key.
    pub fn seal(&self, job: JobId, kind: &str, text: &str, salt: u32) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&job.0.to_be_bytes());
        nonce[8..].copy_from_slice(&salt.to_be_bytes());
        self.seal_with(nonce, &about(job, kind), text.as_bytes())
    }

    /// The text that was sealed for this job.
    pub fn open(&self, job: JobId, kind: &str, sealed: &[u8]) -> Result<String, OpenError> {
        let opened = self.open_bytes(&about(job, kind), sealed)?;
        String::from_utf8(opened).map_err(|_| OpenError::Damaged)
    }
}

fn about(job: JobId, kind: &str) -> Vec<u8> {
    [&job.0.to_be_bytes(), kind.as_bytes()].concat()
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
