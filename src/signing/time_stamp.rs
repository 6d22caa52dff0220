//! Time stamps (RFC 3161): requests, answers, tokens.
//!
//! Whoever asks sends a hash and a random number, looks whether the answer is about both, and who has signed it. The built-in authority answers
//! with a token that `openssl ts` verifies under the root.

use cms::{content_info::ContentInfo, signed_data::SignedData};
use der::{
    Any, AnyRef, Decode as _, Encode as _, Sequence,
    asn1::{BitString, GeneralizedTime, Int, OctetString},
};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_tsp::{Accuracy, MessageImprint, TimeStampReq, TspVersion, TstInfo};

use super::{
    authority::{self, AuthorityError, Keyed},
    cms::{CmsError, Content, Digest, Draft, sha256},
    oids,
    verify::{Purpose, Untrusted, verify},
};

/// Bytes of the random number in a request.
const NONCE_LEN: usize = 16;
/// How exact the built-in authority's clock is said to be.
const ACCURACY_SECONDS: u64 = 1;
/// PKIStatus (RFC 3161, 2.4.2): it is as was asked, or nearly.
const GRANTED: [i8; 2] = [0, 1];
/// PKIStatus: it is not.
const REJECTION: i8 = 2;
/// PKIFailureInfo: bits of an unknown algorithm, of a request that makes no sense, and of a policy that is another's.
const BAD_ALG: usize = 0;
const BAD_REQUEST: usize = 2;
const UNACCEPTED_POLICY: usize = 15;

/// An answer is not a time stamp of what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum TimeStampError {
    /// It is not DER, or not of the shape.
    #[error("the answer of the time stamp authority cannot be read: {0}")]
    Der(#[from] der::Error),
    /// The authority says no.
    #[error("the time stamp authority refuses (status {0})")]
    Refused(i8),
    /// It is about something else.
    #[error("the time stamp is not about what was asked for")]
    Other,
    /// Its time cannot be said.
    #[error("the time stamp has no time")]
    NoTime,
    /// Nobody who is trusted has signed it.
    #[error("the time stamp is not believed: {0}")]
    Untrusted(#[from] Untrusted),
    /// The signature in it.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// The key.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// RFC 3161, 2.4.2; the texts are left out.
#[derive(Sequence)]
struct Status {
    value: i8,
    #[asn1(optional = "true")]
    texts: Option<Any>,
    #[asn1(optional = "true")]
    failure: Option<BitString>,
}

#[derive(Sequence)]
struct Response {
    status: Status,
    #[asn1(optional = "true")]
    token: Option<ContentInfo>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    digest: Digest,
    nonce: Vec<u8>,
}

/// A time stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// DER: a CMS signature over what is said here.
    pub der: Vec<u8>,
    /// The whole answer of the authority, with the token (DER).
    pub reply: Vec<u8>,
    /// The time that it shows.
    pub time: Timestamp,
    /// Which of the authority's.
    pub serial: Vec<u8>,
}

impl Request {
    /// Of a hash, with a random number.
    pub fn new(digest: Digest) -> Self {
        Self { digest, nonce: authority::serial()[..NONCE_LEN].to_vec() }
    }

    /// As it is sent (`application/timestamp-query`).
    pub fn to_der(&self) -> Result<Vec<u8>, TimeStampError> {
        let request = TimeStampReq {
            version: TspVersion::V1,
            message_imprint: imprint(self.digest)?,
            req_policy: None,
            nonce: Some(Int::new(&self.nonce)?),
            cert_req: true,
            extensions: None,
        };
        Ok(request.to_der()?)
    }

    /// The token of an answer (`application/timestamp-reply`), if it is about this request.
    pub fn token(&self, answer: &[u8]) -> Result<Token, TimeStampError> {
        let Response { status, token } = Response::from_der(answer)?;
        let token = token.filter(|_| GRANTED.contains(&status.value));
        let token = token.ok_or(TimeStampError::Refused(status.value))?.to_der()?;
        let said = said(&token)?;
        let is_mine = said.message_imprint == imprint(self.digest)?
            && said.nonce.as_ref().is_some_and(|nonce| nonce.as_bytes() == self.nonce);
        if !is_mine {
            return Err(TimeStampError::Other);
        }
        let time = i64::try_from(said.gen_time.to_unix_duration().as_secs()).ok();
        let time = time.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let serial = said.serial_number.as_bytes().to_vec();
        Ok(Token { der: token, reply: answer.to_vec(), time: time.ok_or(TimeStampError::NoTime)?, serial })
    }
}

impl Token {
    /// Whether an authority has made it for which one of these roots (DER) vouches now.
    pub fn verify(&self, roots: &[Vec<u8>], now: Timestamp) -> Result<(), TimeStampError> {
        let roots: Vec<CertificateDer<'_>> =
            roots.iter().map(|root| CertificateDer::from(root.as_slice())).collect();
        verify(&self.der, None, (&roots, Purpose::TimeStamps), now)?;
        Ok(())
    }
}

fn imprint(digest: Digest) -> Result<MessageImprint, der::Error> {
    Ok(MessageImprint { hash_algorithm: oids::sha256(), hashed_message: OctetString::new(digest)? })
}

/// What a token says, whose signature is about just that.
fn said(token: &[u8]) -> Result<TstInfo, TimeStampError> {
    let token = ContentInfo::from_der(token)?;
    let signed: SignedData = token.content.decode_as()?;
    let content = signed.encap_content_info;
    let is_signed = token.content_type == oids::SIGNED_DATA && content.econtent_type == oids::TST_INFO;
    let bytes = content.econtent.filter(|_| is_signed).ok_or(TimeStampError::Other)?;
    let bytes: OctetString = bytes.decode_as()?;
    let [signer] = signed.signer_infos.0.as_slice() else { return Err(CmsError::Signers.into()) };
    let attributes = signer.signed_attrs.as_ref().ok_or(TimeStampError::Other)?;
    let hash = attributes.iter().find(|attribute| attribute.oid == oids::MESSAGE_DIGEST);
    let hash = hash.and_then(|attribute| attribute.values.get(0)).ok_or(TimeStampError::Other)?;
    if hash.value() != sha256(&[bytes.as_bytes()]) {
        return Err(TimeStampError::Other);
    }
    Ok(TstInfo::from_der(bytes.as_bytes())?)
}

fn refused(bit: usize) -> Result<Vec<u8>, TimeStampError> {
    let (byte, mask) = (bit / 8, 0x80 >> (bit % 8));
    let mut bits = vec![0; byte + 1];
    bits[byte] = mask;
    let failure = Some(BitString::new(u8::try_from(7 - bit % 8).unwrap_or(0), bits)?);
    Ok(Response { status: Status { value: REJECTION, texts: None, failure }, token: None }.to_der()?)
}

/// The built-in authority's answer to a request (DER), under a certificate with its chain.
pub fn answer(
    request: &[u8],
    authority: &Keyed,
    chain: &[Vec<u8>],
    now: Timestamp,
) -> Result<Vec<u8>, TimeStampError> {
    let Ok(request) = TimeStampReq::from_der(request) else { return refused(BAD_REQUEST) };
    let asked = &request.message_imprint;
    let has_parameters = |it: &Any| AnyRef::from(it) != AnyRef::NULL;
    if asked.hash_algorithm.oid != oids::SHA256
        || asked.hash_algorithm.parameters.as_ref().is_some_and(has_parameters)
    {
        return refused(BAD_ALG);
    }
    if asked.hashed_message.as_bytes().len() != size_of::<Digest>() || request.extensions.is_some() {
        return refused(BAD_REQUEST);
    }
    if request.req_policy.is_some_and(|policy| policy != oids::LOCAL_POLICY) {
        return refused(UNACCEPTED_POLICY);
    }
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let said = TstInfo {
        version: TspVersion::V1,
        policy: oids::LOCAL_POLICY,
        message_imprint: request.message_imprint,
        serial_number: Int::new(&authority::serial())?,
        gen_time: GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds))?,
        accuracy: Some(Accuracy { seconds: Some(ACCURACY_SECONDS), millis: None, micros: None }),
        ordering: false,
        nonce: request.nonce,
        tsa: None,
        extensions: None,
    };
    let said = said.to_der()?;
    let content = Content { kind: oids::TST_INFO, digest: sha256(&[&said]), enclosed: Some(said) };
    // Who asks here always asks for the certificates, too.
    let certificates = [std::slice::from_ref(&authority.certificate), chain].concat();
    let draft = Draft::new(content, &certificates)?;
    let signature = authority::sign(&authority.key, &draft.to_be_signed()?)?;
    let token = draft.sign(&signature, oids::ecdsa_sha256())?.to_der()?;
    let status = Status { value: GRANTED[0], texts: None, failure: None };
    Ok(Response { status, token: Some(ContentInfo::from_der(&token)?) }.to_der()?)
}
