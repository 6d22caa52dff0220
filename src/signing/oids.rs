//! Names of algorithms and attributes, as they stand in certificates, signatures and time stamps.

use der::asn1::ObjectIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;

const fn oid(text: &'static str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// Data without a form of their own (RFC 5652).
pub const DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.1");
/// What a signature is packed as.
pub const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
/// Signed attribute: what was signed.
pub const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
/// Signed attribute: its hash.
pub const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
/// Signed attribute: with which certificate (RFC 5035).
pub const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
/// Unsigned attribute: when the signature was there already (RFC 3161, appendix A).
pub const SIGNATURE_TIME_STAMP: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.14");
/// What a time stamp says (RFC 3161).
pub const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
/// SHA-256.
pub const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
/// SHA-384.
pub const SHA384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
/// SHA-512.
pub const SHA512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");
/// RSA (PKCS #1), with the hash that is named beside it.
pub const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
/// RSA (PKCS #1) with SHA-256.
pub const RSA_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
/// RSA (PKCS #1) with SHA-384.
pub const RSA_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
/// RSA (PKCS #1) with SHA-512.
pub const RSA_SHA512: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
/// ECDSA with SHA-256.
pub const ECDSA_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
/// ECDSA with SHA-384.
pub const ECDSA_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
/// The policy under which the built-in authority stamps: a name under the UUID arc (ITU-T X.667), so that it is nobody else's.
pub const LOCAL_POLICY: ObjectIdentifier = oid("2.25.196307453");

/// SHA-256, as an algorithm without parameters.
pub fn sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: SHA256, parameters: None }
}

/// ECDSA with SHA-256, as an algorithm.
pub fn ecdsa_sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None }
}
