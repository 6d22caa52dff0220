//! The ports: who signs for people, and who stamps the time. A real provider implements these traits, is named in
//! [`Signing::configured`](super::Signing::configured), and chosen with `[signature] provider` and `[time_stamp] provider`.
//!
//! The signature port is what the Cloud Signature Consortium's API (v2) asks of a remote signing service:
//! `credentials/info` is [`SignatureProvider::credential`], `signatures/signHash` is [`SignatureProvider::sign`]. No content of
//! a document is sent anywhere: a provider sees some hundred bytes of attributes with a hash, and whose signature it is. The
//! time stamp port is RFC 3161 as it stands: a request goes in, an answer comes out (over HTTP both are bodies of a POST,
//! `application/timestamp-query` and `application/timestamp-reply`).
//!
//! What an implementation promises
//! - It does not wait forever, but it need not count: the caller gives up after `[…] timeout`.
//! - "Away" means that nothing has happened and trying again later is right; "refused" that it is not.
//! - It may be asked twice for the same thing: a request is repeated, and a transaction may begin again.

use std::pin::Pin;

use jiff::Timestamp;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::authority::Person;
use crate::ids::UserId;

/// An answer that comes later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// Why a provider has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It cannot be reached, or is not ready: later it may be.
    #[error("the provider is away: {0}")]
    Away(String),
    /// It does not do this.
    #[error("the provider refuses: {0}")]
    Refused(String),
}

/// Who signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The account.
    pub user: UserId,
    /// As the certificate names them.
    pub person: Person,
}

/// With what somebody signs now.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The provider's name of it.
    pub id: Vec<u8>,
    /// DER: the signer's certificate, then who issued it, and so on; the root may be left out.
    pub chain: Vec<Vec<u8>>,
    /// The serial number of the signer's certificate.
    pub serial: Vec<u8>,
    /// How [`SignatureProvider::sign`] signs.
    pub algorithm: AlgorithmIdentifierOwned,
    /// Until when the certificate is good.
    pub not_after: Timestamp,
}

/// Signs for people.
pub trait SignatureProvider: Send + Sync {
    /// The certificate with which somebody signs now. A provider that issues certificates itself may make one.
    fn credential<'a>(&'a self, signer: &'a Signer, now: Timestamp) -> Answer<'a, Credential>;

    /// The signature over `to_be_signed` (attributes of RFC 5652 in DER; what is hashed is this), with a credential that
    /// [`Self::credential`] has given.
    fn sign<'a>(
        &'a self,
        signer: &'a Signer,
        credential: &'a Credential,
        to_be_signed: &'a [u8],
    ) -> Answer<'a, Vec<u8>>;

    /// The roots (DER) under which its signatures are verified.
    fn roots(&self, now: Timestamp) -> Answer<'_, Vec<Vec<u8>>>;

    /// Lists of what it has revoked (DER), if it does not publish them itself.
    fn revocations(&self, now: Timestamp) -> Answer<'_, Vec<Vec<u8>>>;
}

/// Stamps the time.
pub trait TimeStampProvider: Send + Sync {
    /// The answer (`TimeStampResp`, DER) to a request (`TimeStampReq`, DER).
    fn stamp<'a>(&'a self, request: &'a [u8], now: Timestamp) -> Answer<'a, Vec<u8>>;

    /// The roots (DER) under which its time stamps are verified: here, too, before one is believed.
    fn roots(&self, now: Timestamp) -> Answer<'_, Vec<Vec<u8>>>;
}
