//! Signatures as CMS (RFC 5652), in the profile CAdES-B-T (ETSI EN 319 122-1): with the certificate that signs named among
//! what is signed, and a time stamp over the signature.
//!
//! Who signs sees [`Draft::to_be_signed`] alone: attributes with a hash, nothing of the content.
//!
//! Invariants
//! - What is signed is DER: sets are sorted, so that everybody hashes the same bytes.
//! - There is one signer in each signature; several people sign a PDF one after the other.

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{
        CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
    },
};
use der::{
    Any, Decode as _, Encode as _, Sequence, Tag,
    asn1::{ObjectIdentifier, OctetString, SetOfVec},
};
use ring::digest;
use x509_cert::{Certificate, attr::Attribute, spki::AlgorithmIdentifierOwned};

use super::oids;

/// A SHA-256.
pub type Digest = [u8; 32];

/// A signature could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CmsError {
    /// It is not DER, or not of the shape.
    #[error("a signature could not be encoded: {0}")]
    Der(#[from] der::Error),
    /// Nobody has signed, or several.
    #[error("a signature has one signer")]
    Signers,
    /// Nothing certifies the signer.
    #[error("the chain of certificates is empty")]
    NoCertificate,
}

/// The hash of some bytes in parts.
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// RFC 5035: names the certificate by its SHA-256, which is the default and therefore not written.
#[derive(Sequence)]
struct CertificateId {
    hash: OctetString,
}

#[derive(Sequence)]
struct SigningCertificate {
    certificates: Vec<CertificateId>,
}

/// What is signed.
#[derive(Debug, Clone)]
pub struct Content {
    /// Its form.
    pub kind: ObjectIdentifier,
    /// Its hash.
    pub digest: Digest,
    /// It goes along, in the signature; else it lies beside it.
    pub enclosed: Option<Vec<u8>>,
}

impl Content {
    /// Data that lie beside the signature.
    pub const fn beside(digest: Digest) -> Self {
        Self { kind: oids::DATA, digest, enclosed: None }
    }
}

/// A signature without the signature.
#[derive(Debug)]
pub struct Draft {
    content: Content,
    certificates: Vec<Certificate>,
    attributes: SetOfVec<Attribute>,
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, der::Error> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

impl Draft {
    /// Of a content, by the owner of the first certificate of this chain (DER).
    pub fn new(content: Content, chain: &[Vec<u8>]) -> Result<Self, CmsError> {
        let first = chain.first().ok_or(CmsError::NoCertificate)?;
        let id = CertificateId { hash: OctetString::new(sha256(&[first]))? };
        let named = SigningCertificate { certificates: vec![id] };
        let attributes = SetOfVec::try_from(vec![
            attribute(oids::CONTENT_TYPE, Any::from(content.kind))?,
            attribute(oids::MESSAGE_DIGEST, Any::new(Tag::OctetString, content.digest)?)?,
            attribute(oids::SIGNING_CERTIFICATE_V2, Any::encode_from(&named)?)?,
        ])?;
        let certificates = chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>()?;
        Ok(Self { content, certificates, attributes })
    }

    /// What is hashed with SHA-256 and signed.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, CmsError> {
        Ok(self.attributes.to_der()?)
    }

    /// The whole.
    pub fn sign(
        self,
        signature: &[u8],
        algorithm: AlgorithmIdentifierOwned,
    ) -> Result<SignedContent, CmsError> {
        let first = self.certificates.first().ok_or(CmsError::NoCertificate)?;
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: first.tbs_certificate.issuer.clone(),
                serial_number: first.tbs_certificate.serial_number.clone(),
            }),
            digest_alg: oids::sha256(),
            signed_attrs: Some(self.attributes),
            signature_algorithm: algorithm,
            signature: OctetString::new(signature)?,
            unsigned_attrs: None,
        };
        let enclosed = self.content.enclosed.map(|bytes| Any::new(Tag::OctetString, bytes)).transpose()?;
        // RFC 5652, 5.1: 3 for any other form than data.
        let version = if self.content.kind == oids::DATA { CmsVersion::V1 } else { CmsVersion::V3 };
        let certificates: Vec<_> =
            self.certificates.into_iter().map(CertificateChoices::Certificate).collect();
        Ok(SignedContent(SignedData {
            version,
            digest_algorithms: SetOfVec::try_from(vec![oids::sha256()])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: self.content.kind,
                econtent: enclosed,
            },
            certificates: Some(CertificateSet::try_from(certificates)?),
            crls: None,
            signer_infos: SignerInfos::try_from(vec![signer])?,
        }))
    }
}

/// A signature.
#[derive(Debug)]
pub struct SignedContent(SignedData);

impl SignedContent {
    fn signer(&self) -> Result<&SignerInfo, CmsError> {
        match self.0.signer_infos.0.as_slice() {
            [one] => Ok(one),
            _ => Err(CmsError::Signers),
        }
    }

    /// Of what a time stamp must be to show when the signature was there.
    pub fn imprint(&self) -> Result<Digest, CmsError> {
        Ok(sha256(&[self.signer()?.signature.as_bytes()]))
    }

    /// With a time stamp (a token, DER) over [`Self::imprint`].
    pub fn stamped(mut self, token: &[u8]) -> Result<Self, CmsError> {
        let stamp = attribute(oids::SIGNATURE_TIME_STAMP, Any::from_der(token)?)?;
        let mut signer = self.signer()?.clone();
        signer.unsigned_attrs = Some(SetOfVec::try_from(vec![stamp])?);
        self.0.signer_infos = SignerInfos::try_from(vec![signer])?;
        Ok(self)
    }

    /// As it is sent and stored (DER).
    pub fn to_der(&self) -> Result<Vec<u8>, CmsError> {
        let content = Any::encode_from(&self.0)?;
        Ok(ContentInfo { content_type: oids::SIGNED_DATA, content }.to_der()?)
    }
}
