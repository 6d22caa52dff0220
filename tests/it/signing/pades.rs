//! Signed PDFs, as poppler, NSS, openssl and qpdf see them.

use super::{
    hostile::{hand_made, sample},
    local::Desk,
};
use crate::harness::verify::signed_parts;

#[test]
fn a_signed_deed_is_valid_and_trusted_and_still_a_right_pdf() {
    let desk = Desk::new();
    let verifier = desk.verifier();
    for pdf in [sample(), hand_made()] {
        let signed = desk.sign(&pdf, "Sottoscrizione dell'atto ATT-NT-0001 — è perfetta").unwrap();
        assert!(signed.starts_with(&pdf), "what was there is there");
        verifier.assert_pdf(&signed);
        let seen = verifier.pdfsig(&signed);
        assert_eq!((seen.count, seen.valid, seen.trusted, seen.whole), (1, 1, 1, 1), "{}", seen.text);
        assert!(
            seen.text.contains("ETSI.CAdES.detached") && seen.text.contains("Carla Verdi"),
            "{}",
            seen.text
        );
        let (content, signature) = signed_parts(&signed);
        verifier.cms(&signature, &content).unwrap();
        let stranger = Desk::new().verifier();
        let seen = stranger.pdfsig(&signed);
        assert_eq!((seen.valid, seen.trusted), (1, 0), "{}", seen.text);
        stranger.cms(&signature, &content).unwrap_err();
    }
}

#[test]
fn a_second_signature_leaves_the_first_one_valid() {
    let desk = Desk::new();
    let verifier = desk.verifier();
    for pdf in [sample(), hand_made()] {
        let mut signed = pdf;
        // Four people: of one who signs twice poppler 22 trusts the first signature alone, whatever signed.
        for round in 1..=4 {
            signed =
                desk.another(&format!("Carla {round}")).sign(&signed, &format!("Firma {round}")).unwrap();
            verifier.assert_pdf(&signed);
            let seen = verifier.pdfsig(&signed);
            assert_eq!(
                (seen.count, seen.valid, seen.trusted, seen.whole),
                (round, round, round, 1),
                "{}",
                seen.text
            );
        }
    }
}

#[test]
fn one_changed_byte_is_seen() {
    let desk = Desk::new();
    let verifier = desk.verifier();
    let signed = desk.sign(&sample(), "Firma").unwrap();
    let (content, signature) = signed_parts(&signed);
    for at in (0..content.len()).step_by(content.len() / 12) {
        let mut changed = content.clone();
        changed[at] ^= 1;
        verifier.cms(&signature, &changed).unwrap_err();
    }
    let mut changed = signed.clone();
    changed[12] ^= 1; // in the comment that follows the version
    let seen = verifier.pdfsig(&changed);
    assert_eq!((seen.count, seen.valid), (1, 0), "{}", seen.text);
    // What is appended is not signed, and that is seen.
    let seen = verifier.pdfsig(&[&signed[..], b"\n% and more\n"].concat());
    assert_eq!(seen.whole, 0, "{}", seen.text);
}
