//! What the built-in providers do, without a server around them.

use jiff::{SignedDuration, Timestamp};
use sportello::{
    clock::Clock,
    signing::{
        authority::{self, Issuing, Keyed, Made, Person},
        cms::{Content, Draft, sha256},
        oids,
        pades::{self, Limits, PdfError, Statement},
        time_stamp::{self, Request, Token},
    },
};

use crate::harness::verify::{Verifier, pem};

pub(super) const LIMITS: Limits = Limits { bytes: 32 << 20, unpacked: 64 << 20 };

/// An authority, and one person's certificate.
pub(super) struct Desk {
    pub(super) made: Made,
    pub(super) signer: Keyed,
    pub(super) now: Timestamp,
}

pub(super) fn carla() -> Person {
    Person {
        given_name: "Carla".to_owned(),
        surname: "Verdi".to_owned(),
        fiscal_code: Some("VRDCRL70A41A944J".to_owned()),
        country: "IT",
    }
}

impl Desk {
    pub(super) fn new() -> Self {
        let now = Clock::system().now();
        let made = authority::make(now).unwrap();
        let issuing = Issuing { label: &made.label, keyed: &made.issuing };
        let signer = issuing.issue(&carla(), SignedDuration::from_hours(24 * 365), now).unwrap();
        Self { made, signer, now }
    }

    /// The same authority, and somebody else's certificate.
    pub(super) fn another(&self, given_name: &str) -> Self {
        let issuing = Issuing { label: &self.made.label, keyed: &self.made.issuing };
        let person = Person { given_name: given_name.to_owned(), ..carla() };
        let signer = issuing.issue(&person, SignedDuration::from_hours(24), self.now).unwrap();
        Self { made: self.made.clone(), signer, now: self.now }
    }

    pub(super) fn verifier(&self) -> Verifier {
        Verifier::new(&pem(&self.made.root))
    }

    pub(super) fn token(&self, digest: [u8; 32]) -> Token {
        let request = Request::new(digest);
        let chain = [self.made.root.clone()];
        let answer =
            time_stamp::answer(&request.to_der().unwrap(), &self.made.time_stamp, &chain, self.now).unwrap();
        request.token(&answer).unwrap()
    }

    /// A signature over content beside it, with its time stamp.
    pub(super) fn cms(&self, digest: [u8; 32]) -> Vec<u8> {
        let chain = [self.signer.certificate.clone(), self.made.issuing.certificate.clone()];
        let draft = Draft::new(Content::beside(digest), &chain).unwrap();
        let signature = authority::sign(&self.signer.key, &draft.to_be_signed().unwrap()).unwrap();
        let signed = draft.sign(&signature, oids::ecdsa_sha256()).unwrap();
        let token = self.token(signed.imprint().unwrap());
        signed.stamped(&token.der).unwrap().to_der().unwrap()
    }

    pub(super) fn sign(&self, pdf: &[u8], reason: &str) -> Result<Vec<u8>, PdfError> {
        let statement = Statement {
            name: "Carla Verdi".to_owned(),
            reason: reason.to_owned(),
            location: "Bologna".to_owned(),
            at: self.now,
        };
        let mut marker = [0; 32];
        marker.copy_from_slice(&sha256(&[reason.as_bytes(), pdf]));
        let prepared = pades::prepare(pdf, &statement, LIMITS, marker)?;
        let signature = self.cms(prepared.digest());
        prepared.finish(&signature)
    }
}

#[test]
fn a_persons_certificate_names_them_as_etsi_says_and_is_for_signing_alone() {
    let desk = Desk::new();
    let text = desk.verifier().read_certificate(&desk.signer.certificate);
    assert!(text.contains("Non Repudiation") && text.contains("X509v3 Key Usage: critical"), "{text}");
    assert!(!text.contains("Digital Signature") && !text.contains("CA:TRUE"), "{text}");
    assert!(
        text.contains("CN=Carla Verdi,serialNumber=TINIT-VRDCRL70A41A944J,GN=Carla,SN=Verdi,C=IT"),
        "{text}"
    );
    let text = desk.verifier().read_certificate(&desk.made.time_stamp.certificate);
    assert!(text.contains("X509v3 Extended Key Usage: critical") && text.contains("Time Stamping"), "{text}");
}

#[test]
fn nothing_is_valid_longer_than_what_issued_it() {
    let desk = Desk::new();
    let issuing = Issuing { label: &desk.made.label, keyed: &desk.made.issuing };
    let late = desk.made.issuing.not_after.checked_sub(SignedDuration::from_hours(1)).unwrap();
    let keyed = issuing.issue(&carla(), SignedDuration::from_hours(24 * 365), late).unwrap();
    assert_eq!(keyed.not_after, desk.made.issuing.not_after);
    assert!(keyed.not_before < late);
}
