//! The built-in certificate authority: a root, under it who issues people's certificates and who stamps the time.
//!
//! ECDSA with P-256 and SHA-256 throughout. The root signs its two and is then forgotten: its key exists in no row and on no
//! disk, so that nobody ever issues a third in its name. Whoever wants to verify what was signed here trusts the root.
//!
//! People are named as ETSI EN 319 412-1 and -2 say: country, names, and `TIN` with the country and the fiscal code. The
//! certificates are for signing documents (`nonRepudiation`) and nothing else. They are not qualified ones (eIDAS, article 28):
//! for those configure a provider that issues them.
//!
//! Invariants
//! - Nothing is valid longer than what issued it.
//! - Everything begins [`BACKDATED`] before it was made: clocks of servers and of those who verify differ.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DistinguishedName,
    DnType, DnValue, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    RevokedCertParams, SerialNumber, SigningKey as _,
};

/// How long an authority may issue and stamp.
pub const LIFE: SignedDuration = SignedDuration::from_hours(24 * 3650);
/// Before the moment something is made.
pub const BACKDATED: SignedDuration = SignedDuration::from_mins(10);
/// How long a list of what is revoked is good.
pub const REVOCATIONS_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// Of serial numbers: more than RFC 5280 asks for (64 bits), less than it allows (20 bytes).
const SERIAL_LEN: usize = 16;
/// X.520 upper bounds: of `commonName`, of the other names.
const COMMON_NAME_MAX: usize = 64;
const COUNTRY: &[u64] = &[2, 5, 4, 6];
const SURNAME: &[u64] = &[2, 5, 4, 4];
const GIVEN_NAME: &[u64] = &[2, 5, 4, 42];
const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];
/// `extKeyUsage`, which a time stamp authority has as a critical one (RFC 3161, 2.3); rcgen's own is not critical.
const EXT_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
/// SEQUENCE { id-kp-timeStamping }
const TIME_STAMPING: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// What makes certificates failed.
#[derive(Debug, thiserror::Error)]
#[error("a certificate could not be made: {0}")]
pub struct AuthorityError(#[from] rcgen::Error);

/// A certificate and its private key (PKCS #8).
#[derive(Clone)]
pub struct Keyed {
    /// DER.
    pub certificate: Vec<u8>,
    /// DER; never shown.
    pub key: Vec<u8>,
    /// Of the certificate.
    pub serial: Vec<u8>,
    /// From then on it may be used
    pub not_before: Timestamp,
    /// until then.
    pub not_after: Timestamp,
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyed({})", data_encoding::HEXLOWER.encode(&self.serial))
    }
}

/// A new authority.
#[derive(Debug, Clone)]
pub struct Made {
    /// Tells it from others of the same name.
    pub label: String,
    /// The certificate of the root; nobody has its key.
    pub root: Vec<u8>,
    /// Issues people's certificates.
    pub issuing: Keyed,
    /// Stamps the time.
    pub time_stamp: Keyed,
}

/// Whose certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// First names.
    pub given_name: String,
    /// Last name; empty where only a whole name is known.
    pub surname: String,
    /// As the country's tax office knows them.
    pub fiscal_code: Option<String>,
    /// ISO 3166, of the fiscal code.
    pub country: &'static str,
}

impl Person {
    /// Both names.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.given_name, self.surname).trim().to_owned()
    }
}

/// Bytes nobody has had before.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// A positive number of [`SERIAL_LEN`] bytes whose first is neither zero nor looks like a sign.
pub fn serial() -> Vec<u8> {
    let mut bytes = random::<SERIAL_LEN>();
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    bytes.to_vec()
}

/// Names a person: what ETSI asks for, then both names as they are read.
fn of_person(common: &str, more: &[(&'static [u64], &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, value) in more {
        name.push(DnType::from_oid(kind), DnValue::Utf8String((*value).to_owned()));
    }
    name.push(DnType::CommonName, common.chars().take(COMMON_NAME_MAX).collect::<String>());
    name
}

fn of_authority(what: &str, label: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Sportello");
    name.push(DnType::CommonName, format!("Sportello {what} {label}"));
    name
}

/// rcgen counts from here: its own type of a time has no name here.
fn since_1970(at: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}

fn params(
    subject: DistinguishedName,
    serial: &[u8],
    (not_before, not_after): (Timestamp, Timestamp),
    usages: &[KeyUsagePurpose],
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.serial_number = Some(SerialNumber::from_slice(serial));
    params.key_usages = usages.to_vec();
    params.use_authority_key_identifier_extension = true;
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_1970(not_before);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970(not_after);
    params
}

const OF_CA: [KeyUsagePurpose; 2] = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];

/// The parameters of who issues: the same when it is made and whenever it issues.
fn issuing_params(label: &str, serial: &[u8], life: (Timestamp, Timestamp)) -> CertificateParams {
    let mut issuing = params(of_authority("Issuing CA", label), serial, life, &OF_CA);
    issuing.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    issuing
}

/// Whole seconds: certificates know no others.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    whole(time.checked_add(by).unwrap_or(Timestamp::MAX))
}

/// A new authority that is good for [`LIFE`].
pub fn make(now: Timestamp) -> Result<Made, AuthorityError> {
    let label = data_encoding::HEXLOWER.encode(&random::<4>());
    let life = (later(now, -BACKDATED), later(now, LIFE));
    let root_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut root = params(of_authority("Root CA", &label), &serial(), life, &OF_CA);
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    let root_certificate = root.self_signed(&root_key)?.der().to_vec();
    let root = Issuer::new(root, root_key);
    let keyed = |params: CertificateParams, serial: Vec<u8>| -> Result<Keyed, AuthorityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &root)?.der().to_vec();
        let (not_before, not_after) = life;
        Ok(Keyed { certificate, key: key.serialize_der(), serial, not_before, not_after })
    };
    let (issuing, stamping) = (serial(), serial());
    let mut tsa = params(
        of_authority("Time Stamp Authority", &label),
        &stamping,
        life,
        &[KeyUsagePurpose::DigitalSignature],
    );
    let mut usage = CustomExtension::from_oid_content(EXT_KEY_USAGE, TIME_STAMPING.to_vec());
    usage.set_criticality(true);
    tsa.custom_extensions.push(usage);
    Ok(Made {
        root: root_certificate,
        issuing: keyed(issuing_params(&label, &issuing, life), issuing)?,
        time_stamp: keyed(tsa, stamping)?,
        label,
    })
}

/// Who issues, as it is stored.
pub struct Issuing<'a> {
    /// Of its authority.
    pub label: &'a str,
    /// With its key.
    pub keyed: &'a Keyed,
}

impl Issuing<'_> {
    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, AuthorityError> {
        let Keyed { key, serial, not_before, not_after, .. } = self.keyed;
        let key = key_pair(key)?;
        Ok(Issuer::new(issuing_params(self.label, serial, (*not_before, *not_after)), key))
    }

    /// A certificate for a person, good for so long, but not longer than who issues it.
    pub fn issue(
        &self,
        person: &Person,
        life: SignedDuration,
        now: Timestamp,
    ) -> Result<Keyed, AuthorityError> {
        let (not_before, not_after) =
            (later(now, -BACKDATED).max(self.keyed.not_before), later(now, life).min(self.keyed.not_after));
        let tin = person.fiscal_code.as_ref().map(|code| format!("TIN{}-{code}", person.country));
        let mut more = vec![(COUNTRY, person.country)];
        if !person.surname.is_empty() {
            more.push((SURNAME, &person.surname));
        }
        more.push((GIVEN_NAME, &person.given_name));
        if let Some(tin) = &tin {
            more.push((SERIAL_NUMBER, tin));
        }
        let serial = serial();
        let usage = [KeyUsagePurpose::ContentCommitment];
        let params = params(of_person(&person.full_name(), &more), &serial, (not_before, not_after), &usage);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer()?)?.der().to_vec();
        Ok(Keyed { certificate, key: key.serialize_der(), serial, not_before, not_after })
    }
}

impl Issuing<'_> {
    /// The list (DER) of what is revoked: numbers, and since when. Good for [`REVOCATIONS_LIFE`].
    pub fn revoke(
        &self,
        numbers: &[(Vec<u8>, Timestamp)],
        now: Timestamp,
    ) -> Result<Vec<u8>, AuthorityError> {
        let revoked = numbers.iter().map(|(serial, at)| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: rcgen::date_time_ymd(1970, 1, 1) + since_1970(*at),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(1970, 1, 1) + since_1970(now),
            next_update: rcgen::date_time_ymd(1970, 1, 1) + since_1970(later(now, REVOCATIONS_LIFE)),
            // It grows with time, as it must.
            crl_number: SerialNumber::from(u64::try_from(now.as_millisecond()).unwrap_or(0)),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer()?)?.der().to_vec())
    }
}

/// A signature with a private key, over the SHA-256 of `message`.
pub fn sign(key: &[u8], message: &[u8]) -> Result<Vec<u8>, AuthorityError> {
    Ok(key_pair(key)?.sign(message)?)
}

fn key_pair(key: &[u8]) -> Result<KeyPair, AuthorityError> {
    Ok(KeyPair::from_pkcs8_der_and_sign_algo(&key.into(), &PKCS_ECDSA_P256_SHA256)?)
}
