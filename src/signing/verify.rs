//! Signatures of others: whether these bytes were signed by somebody for whom a root vouches that one trusts.
//!
//! Invariants
//! - The certificates in a signature are where a chain may be found; what is believed begins at the roots of the caller.
//! - What is verified is what the caller gives or gets back: nobody verifies one thing and reads another.
//! - One signer; SHA-256 or better; RSA (PKCS #1, 2048 bits or more) or ECDSA.

use std::time::Duration;

use cms::{
    cert::CertificateChoices,
    content_info::ContentInfo,
    signed_data::{SignedData, SignerIdentifier, SignerInfo},
};
use der::{
    Decode as _, Encode as _,
    asn1::{ObjectIdentifier, OctetString},
};
use jiff::Timestamp;
use ring::digest;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_cert::{
    Certificate,
    ext::pkix::{ExtendedKeyUsage, SubjectAltName, SubjectKeyIdentifier, name::GeneralName},
};

use super::{ber, oids};

/// 1.3.6.1.5.5.7.3.4 (`emailProtection`) as it stands in DER.
const MAILS: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 4];
/// 1.3.6.1.5.5.7.3.8 (`timeStamping`).
const TIME_STAMPS: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 8];

/// For what a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing mails: if it names purposes, this is one of them.
    Mails,
    /// Stamping the time: it names this purpose.
    TimeStamps,
}

/// Why a signature is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// It cannot be read.
    #[error("the signature cannot be read")]
    Unreadable,
    /// It is not DER where that matters.
    #[error("the signature cannot be read: {0}")]
    Der(#[from] der::Error),
    /// It is too weak, or not known.
    #[error("the signature is made with an algorithm that is not accepted")]
    Algorithm,
    /// It is about other bytes.
    #[error("the signature is about something else")]
    Content,
    /// Nobody who is trusted knows the signer.
    #[error("nobody who is trusted certifies the signer: {0}")]
    Chain(webpki::Error),
    /// The certificate is for something else.
    #[error("the signer's certificate is for something else")]
    Purpose,
    /// The signer has not made it.
    #[error("the signature is wrong")]
    Wrong,
}

/// What was signed, and by whom.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The content that went along; nothing, if it lies beside.
    pub enclosed: Vec<u8>,
    /// The signer's.
    pub certificate: Certificate,
}

impl Verified {
    /// The signer's addresses, as they are certified.
    pub fn addresses(&self) -> Vec<String> {
        let names = self.certificate.tbs_certificate.get::<SubjectAltName>().ok().flatten();
        let names = names.into_iter().flat_map(|(_, names)| names.0);
        let address = |name: GeneralName| match name {
            GeneralName::Rfc822Name(address) => Some(address.as_str().to_lowercase()),
            _ => None,
        };
        names.filter_map(address).collect()
    }
}

/// Looks at a signature (CMS, DER or BER): over `beside`, or over what it encloses if nothing is given.
pub fn verify(
    signature: &[u8],
    beside: Option<&[u8]>,
    (roots, purpose): (&[CertificateDer<'_>], Purpose),
    at: Timestamp,
) -> Result<Verified, Untrusted> {
    let der = ber::to_der(signature).ok_or(Untrusted::Unreadable)?;
    let outer = ContentInfo::from_der(&der)?;
    if outer.content_type != oids::SIGNED_DATA {
        return Err(Untrusted::Unreadable);
    }
    let signed: SignedData = outer.content.decode_as()?;
    let enclosed =
        signed.encap_content_info.econtent.as_ref().map(der::Any::decode_as::<OctetString>).transpose()?;
    let enclosed = enclosed.map(OctetString::into_bytes).unwrap_or_default();
    // Both would be two contents.
    let content = match beside {
        Some(beside) if enclosed.is_empty() => beside,
        None if !enclosed.is_empty() => &enclosed,
        _ => return Err(Untrusted::Content),
    };
    let [signer] = signed.signer_infos.0.as_slice() else { return Err(Untrusted::Unreadable) };
    let attributes = about(signer, signed.encap_content_info.econtent_type, content)?;
    let certificates = signed.certificates.iter().flat_map(|set| set.0.iter());
    let certificates: Vec<&Certificate> = certificates
        .filter_map(|it| match it {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        })
        .collect();
    let certificate = certificates.iter().find(|it| is_of(it, &signer.sid)).ok_or(Untrusted::Unreadable)?;
    if purpose == Purpose::TimeStamps && !stamps(certificate) {
        return Err(Untrusted::Purpose);
    }
    let others = certificates.iter().map(|it| it.to_der().map(CertificateDer::from));
    let others: Vec<CertificateDer<'_>> = others.collect::<Result<_, _>>()?;
    let leaf = CertificateDer::from(certificate.to_der()?);
    let leaf = EndEntityCert::try_from(&leaf).map_err(Untrusted::Chain)?;
    is_trusted(&leaf, &others, (roots, purpose), at)?;
    let known = algorithms(signer)?;
    let is_right = |known: &&dyn SignatureVerificationAlgorithm| {
        leaf.verify_signature(*known, &attributes, signer.signature.as_bytes()).is_ok()
    };
    if !known.iter().any(is_right) {
        return Err(Untrusted::Wrong);
    }
    Ok(Verified { certificate: (*certificate).clone(), enclosed })
}

/// The attributes that are signed, as they are hashed, if they are about this content.
fn about(signer: &SignerInfo, kind: ObjectIdentifier, content: &[u8]) -> Result<Vec<u8>, Untrusted> {
    let attributes = signer.signed_attrs.as_ref().ok_or(Untrusted::Unreadable)?;
    let one = |oid| {
        let mut found = attributes.iter().filter(|it| it.oid == oid && it.values.len() == 1);
        found
            .next()
            .filter(|_| found.next().is_none())
            .and_then(|it| it.values.get(0))
            .ok_or(Untrusted::Content)
    };
    let hash = match signer.digest_alg.oid {
        oids::SHA256 => &digest::SHA256,
        oids::SHA384 => &digest::SHA384,
        oids::SHA512 => &digest::SHA512,
        _ => return Err(Untrusted::Algorithm),
    };
    let is_about = one(oids::CONTENT_TYPE)?.decode_as::<ObjectIdentifier>()? == kind
        && one(oids::MESSAGE_DIGEST)?.value() == digest::digest(hash, content).as_ref();
    if is_about { Ok(attributes.to_der()?) } else { Err(Untrusted::Content) }
}

fn is_of(certificate: &Certificate, signer: &SignerIdentifier) -> bool {
    let it = &certificate.tbs_certificate;
    match signer {
        SignerIdentifier::IssuerAndSerialNumber(of) => {
            it.issuer == of.issuer && it.serial_number == of.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(key) => {
            it.get::<SubjectKeyIdentifier>().ok().flatten().is_some_and(|(_, found)| found == *key)
        }
    }
}

fn stamps(certificate: &Certificate) -> bool {
    let purposes = certificate.tbs_certificate.get::<ExtendedKeyUsage>().ok().flatten();
    purposes.is_some_and(|(_, purposes)| purposes.0.iter().any(|it| it.as_bytes() == TIME_STAMPS))
}

fn is_trusted(
    leaf: &EndEntityCert<'_>,
    others: &[CertificateDer<'_>],
    (roots, purpose): (&[CertificateDer<'_>], Purpose),
    at: Timestamp,
) -> Result<(), Untrusted> {
    let anchors: Result<Vec<_>, _> = roots.iter().map(webpki::anchor_from_trusted_cert).collect();
    let anchors = anchors.map_err(Untrusted::Chain)?;
    let purpose = KeyUsage::required_if_present(match purpose {
        Purpose::Mails => &MAILS,
        Purpose::TimeStamps => &TIME_STAMPS,
    });
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let known = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    let path = leaf.verify_for_usage(known, &anchors, others, time, purpose, None, None);
    path.map(drop).map_err(Untrusted::Chain)
}

/// With what a signature may have been made: the hash is that of the signer, the key is the certificate's.
fn algorithms(signer: &SignerInfo) -> Result<Vec<&'static dyn SignatureVerificationAlgorithm>, Untrusted> {
    use webpki::ring as by;
    Ok(match (signer.signature_algorithm.oid, signer.digest_alg.oid) {
        (oids::RSA | oids::RSA_SHA256, oids::SHA256) => vec![by::RSA_PKCS1_2048_8192_SHA256],
        (oids::RSA | oids::RSA_SHA384, oids::SHA384) => vec![by::RSA_PKCS1_2048_8192_SHA384],
        (oids::RSA | oids::RSA_SHA512, oids::SHA512) => vec![by::RSA_PKCS1_2048_8192_SHA512],
        (oids::ECDSA_SHA256, oids::SHA256) => vec![by::ECDSA_P256_SHA256, by::ECDSA_P384_SHA256],
        (oids::ECDSA_SHA384, oids::SHA384) => vec![by::ECDSA_P256_SHA384, by::ECDSA_P384_SHA384],
        _ => return Err(Untrusted::Algorithm),
    })
}
