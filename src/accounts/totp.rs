//! One-time passwords from a shared secret and the time (RFC 6238, RFC 4226), as every authenticator makes them: SHA-1,
//! 30 seconds, 6 digits. Pure rules; the rows are in [`super::second_factor`].

use std::fmt;

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use ring::hmac;
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

/// How long a code is shown.
const PERIOD: i64 = 30;
/// One million codes.
const CODES: u32 = 1_000_000;
const DIGITS: usize = 6;
/// Steps that a clock may be wrong by: before and after.
const WINDOW: i64 = 1;
/// As long as SHA-1 (RFC 4226, 4, R6).
const SECRET_BYTES: usize = 20;
/// What authenticators call us.
const ISSUER: &str = "Sportello";

/// What the server and an authenticator share.
#[derive(Clone)]
pub struct Secret([u8; SECRET_BYTES]);

impl Secret {
    /// A new secret.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing may go on then.
    pub fn generate() -> Self {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).expect("the operating system gives randomness");
        Self(bytes)
    }

    /// From its bytes; `None` if they cannot be one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From what was typed into an authenticator.
    pub fn from_base32(text: &str) -> Option<Self> {
        Self::from_bytes(&BASE32_NOPAD.decode(text.as_bytes()).ok()?)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// To be typed into an authenticator.
    pub fn base32(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// To be shown as a QR code.
    pub fn uri(&self, email: &str) -> String {
        let label: String = form_urlencoded::byte_serialize(email.as_bytes()).collect();
        let secret = self.base32();
        format!(
            "otpauth://totp/{ISSUER}:{label}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={PERIOD}"
        )
    }

    /// The code that is shown at `now`.
    pub fn code_at(&self, now: Timestamp) -> String {
        format!("{:0DIGITS$}", self.code(step_of(now)))
    }

    /// The step whose code this is, looked for around `now`. It takes as long for every code.
    pub fn step(&self, code: &str, now: Timestamp) -> Option<i64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let is_code = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        let code: u32 = digits.parse().ok().filter(|_| is_code)?;
        let (mut found, at) = (0_i64, step_of(now));
        for step in (at - WINDOW..=at + WINDOW).filter(|step| *step > 0) {
            found.conditional_assign(&step, self.code(step).ct_eq(&code));
        }
        (found > 0).then_some(found)
    }

    fn code(&self, step: i64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let hash = tag.as_ref();
        let at = usize::from(hash[hash.len() - 1] & 15);
        let word = [hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]];
        u32::from_be_bytes(word) % CODES
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn step_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(PERIOD)
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, ToSpan as _};

    use super::Secret;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six digits.
        let secret = Secret::from_bytes(b"12345678901234567890").unwrap();
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code_at(at(second)), code);
            assert_eq!(secret.step(code, at(second)), Some(second / 30), "{second}");
        }
    }

    #[test]
    fn a_code_is_known_one_step_before_and_after_its_own_and_no_longer() {
        let (secret, now) = (Secret::generate(), at(1_800_000_015));
        let code = secret.code_at(now);
        let step = secret.step(&code, now).unwrap();
        for seconds in [-30, 0, 30] {
            assert_eq!(secret.step(&code, now + seconds.seconds()), Some(step));
        }
        for seconds in [-60, 60] {
            assert_ne!(secret.step(&code, now + seconds.seconds()), Some(step));
        }
        assert_eq!(
            secret.step(&format!("{} {}", &code[..3], &code[3..]), now),
            Some(step),
            "as people write them"
        );
        for nonsense in ["", "12345", "1234567", "abcdef", "+12345", "１２３４５６"] {
            assert_eq!(secret.step(nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn an_authenticator_is_told_everything_and_a_log_nothing() {
        let secret = Secret::from_bytes(b"12345678901234567890").unwrap();
        assert_eq!(
            secret.uri("anna@example.org"),
            "otpauth://totp/Sportello:anna%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Sportello&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(Secret::from_base32(&secret.base32()).unwrap().bytes(), secret.bytes());
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }
}
