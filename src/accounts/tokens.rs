//! Tokens: opaque random text for the client, a SHA-256 for us.
//!
//! A token has 192 random bits, a key for programs 256, so a plain hash protects it: there is nothing to guess. Its prefix tells people (and
//! secret scanners) what they are looking at.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

/// Random bytes of a token; 32 characters of base64url.
const RANDOM: usize = 24;
/// Random bytes of a key for programs, which lives long; 43 characters.
const RANDOM_OF_KEYS: usize = 32;
const PREFIX: usize = 4;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Sent with each request.
    Access,
    /// Exchanged once for new tokens.
    Refresh,
    /// Opens one's calendar, as a part of its address.
    Calendar,
    /// Shows that a log-in has passed its password: the second factor follows.
    LogIn,
    /// Shows that a mail to the address was read.
    VerifyEmail,
    /// Replaces a forgotten password.
    ResetPassword,
    /// Sent by programs with each request, for months.
    ApiKey,
    /// Opens a version of a document, as a part of its address.
    Document,
}

impl Use {
    /// How tokens begin, so that people, logs and scanners of source code know one when they see it.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "spa_",
            Self::Refresh => "spr_",
            Self::Calendar => "spc_",
            Self::LogIn => "spl_",
            Self::VerifyEmail => "spv_",
            Self::ResetPassword => "spp_",
            Self::ApiKey => "spk_",
            Self::Document => "spd_",
        }
    }

    const fn random(self) -> usize {
        match self {
            Self::ApiKey => RANDOM_OF_KEYS,
            _ => RANDOM,
        }
    }

    const fn length(self) -> usize {
        PREFIX + (self.random() * 8).div_ceil(6)
    }
}

/// A token in clear: exists only on its way to the client.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new token.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing may go on then.
    pub fn generate(purpose: Use) -> Self {
        let mut random = [0; RANDOM_OF_KEYS];
        let random = &mut random[..purpose.random()];
        getrandom::fill(random).expect("the operating system gives randomness");
        Self(format!("{}{}", purpose.prefix(), BASE64URL_NOPAD.encode(random)))
    }

    /// The text the client gets.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The SHA-256 of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of what a client sent; `None` if it cannot be a token of this kind.
    pub fn of(text: &str, purpose: Use) -> Option<Self> {
        let right = text.len() == purpose.length() && text.starts_with(purpose.prefix());
        right.then(|| Self(Sha256::digest(text.as_bytes()).into()))
    }

    /// As the database has it.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    pub(super) fn stored(bytes: &[u8]) -> Self {
        Self(bytes.try_into().expect("a constraint checks the length"))
    }

    /// As it travels in notifications.
    pub fn to_hex(self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }

    /// From a notification.
    pub fn from_hex(text: &str) -> Option<Self> {
        Some(Self(data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::{Token, TokenHash, Use};

    #[test]
    fn a_token_is_recognised_for_its_use_only_and_never_shown() {
        let token = Token::generate(Use::Access);
        assert_eq!(TokenHash::of(token.expose(), Use::Access), Some(token.hash()));
        assert_eq!(TokenHash::of(token.expose(), Use::Refresh), None);
        assert_eq!(TokenHash::of(&token.expose()[1..], Use::Access), None);
        assert_eq!(format!("{token:?}"), "[redacted]");
        assert_ne!(token.hash(), Token::generate(Use::Access).hash());
        let key = Token::generate(Use::ApiKey);
        assert_eq!((key.expose().len(), &key.expose()[..4]), (47, "spk_"));
        assert_eq!(TokenHash::of(key.expose(), Use::ApiKey), Some(key.hash()));
    }

    #[test]
    fn hashes_survive_their_journey_as_text() {
        let hash = Token::generate(Use::Refresh).hash();
        assert_eq!(TokenHash::from_hex(&hash.to_hex()), Some(hash));
        assert_eq!(TokenHash::from_hex("zz"), None);
    }
}
