//! PDFs that are broken, huge, encrypted, or made to hurt.

use std::{fmt::Write as _, process::Command};

use sportello::signing::pades::{self, Limits, PdfError, Statement};

use super::local::{Desk, LIMITS};
use crate::harness::verify::Verifier;

/// With its objects packed in streams, and a table that is a stream, too.
pub(super) fn sample() -> Vec<u8> {
    let verifier = Verifier::new("");
    let (plain, packed) = (verifier.file("pdf", &hand_made()), verifier.file("pdf", b""));
    let done = Command::new("qpdf").args(["--object-streams=generate", &plain, &packed]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    std::fs::read(packed).unwrap()
}

/// A PDF of these objects, numbered from 1, the first of which is the catalogue.
pub(super) fn pdf(objects: &[&str], trailer: &str) -> Vec<u8> {
    let mut text = "%PDF-1.7\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (n, object) in objects.iter().enumerate() {
        writeln!(table, "{:010} 00000 n ", text.len()).unwrap();
        writeln!(text, "{} 0 obj\n{object}\nendobj", n + 1).unwrap();
    }
    let start = text.len();
    let size = objects.len() + 1;
    format!("{text}{table}trailer\n<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n")
        .into_bytes()
}

/// With a form, and a page that is deeper in the tree and has annotations.
pub(crate) fn hand_made() -> Vec<u8> {
    pdf(
        &[
            "<</Type/Catalog/Pages 2 0 R/AcroForm 6 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 200 200]>>",
            "<</Type/Pages/Kids[4 0 R]/Count 1/Parent 2 0 R>>",
            "<</Type/Page/Parent 3 0 R/Annots 5 0 R/Resources<<>>>>",
            "[]",
            "<</Fields 7 0 R/NeedAppearances true>>",
            "[]",
        ],
        "",
    )
}

fn refused(pdf: &[u8]) -> PdfError {
    limited(pdf, LIMITS).unwrap_err()
}

fn limited(pdf: &[u8], limits: Limits) -> Result<(), PdfError> {
    let statement = Statement {
        name: String::new(),
        reason: String::new(),
        location: String::new(),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    pades::prepare(pdf, &statement, limits, [7; 32]).map(drop)
}

#[test]
fn what_is_no_pdf_or_broken_or_too_large_is_refused_by_name() {
    assert_eq!(refused(b""), PdfError::NotPdf);
    assert_eq!(refused(b"PK\x03\x04"), PdfError::NotPdf);
    assert_eq!(
        refused(&[b"\n", &sample()[..]].concat()),
        PdfError::NotPdf,
        "numbers of bytes would be wrong"
    );
    assert_eq!(limited(&sample(), Limits { bytes: 100, ..LIMITS }), Err(PdfError::TooLarge));
    let whole = sample();
    assert!(matches!(refused(&whole[..whole.len() / 2]), PdfError::Broken(_)));
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>";
    let pages = "<</Type/Pages/Kids[3 0 R]/Count 1>>";
    for (objects, trailer) in [
        (vec!["<</Type/Catalog>>"], ""),
        (vec!["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R]/Count 1>>"], ""),
        (vec!["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>"], ""),
        (vec!["<</Type/Catalog/Pages 2 0 R>>", "2 0 R"], ""),
        (vec!["<</Type/Catalog/Pages 2 0 R>>", "3 0 R", "2 0 R"], ""),
        (vec!["[]"], ""),
        (vec!["<</Type/Catalog/Pages 2 0 R/AcroForm 9 0 R>>", pages, page], ""),
        (vec!["<</Type/Catalog/Pages 2 0 R/AcroForm[]>>", pages, page], ""),
        (vec!["<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields 3>>>>", pages, page], ""),
        (vec!["<</Type/Catalog/Pages 2 0 R>>", pages, "<</Type/Page/Annots(x)>>"], ""),
    ] {
        let pdf = pdf(&objects, trailer);
        assert!(matches!(refused(&pdf), PdfError::Broken(_)), "{}", String::from_utf8_lossy(&pdf));
    }
}

#[test]
fn a_pdf_whose_author_forbids_changes_is_refused() {
    let forbidding = |p: &str| {
        let references =
            format!("<</Type/Sig/Reference[<</TransformMethod/DocMDP/TransformParams<</P {p}>>>>]>>");
        pdf(
            &[
                "<</Type/Catalog/Pages 2 0 R/Perms<</DocMDP 4 0 R>>>>",
                "<</Type/Pages/Kids[3 0 R]/Count 1>>",
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
                &references,
            ],
            "",
        )
    };
    assert_eq!(refused(&forbidding("1")), PdfError::Certified);
    limited(&forbidding("2"), LIMITS).unwrap();
}

#[test]
fn an_encrypted_pdf_is_refused_whatever_the_cipher_and_the_password() {
    let desk = Desk::new();
    let verifier = desk.verifier();
    let plain = verifier.file("pdf", &sample());
    for (bits, password, more) in [
        ("128", "", "--use-aes=y"),
        ("256", "", ""),
        ("256", "segreto", ""),
        ("40", "x", ""),
        ("128", "x", "--use-aes=n"),
    ] {
        let out = verifier.file("pdf", b"");
        let mut command = Command::new("qpdf");
        command.args(["--allow-weak-crypto", "--encrypt", password, "owner", bits]);
        command.args(Some(more).filter(|more| !more.is_empty())).args(["--", &plain, &out]);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(refused(&std::fs::read(&out).unwrap()), PdfError::Encrypted, "{bits} {password}");
    }
}

#[test]
fn bombs_and_depths_end_in_an_error_soon() {
    let deep = "[".repeat(200_000);
    let nested = pdf(&["<</Type/Catalog/Pages 2 0 R>>", &deep], "");
    assert!(matches!(refused(&nested), PdfError::Broken(_)));
    let strings = "(".repeat(200_000);
    assert!(matches!(refused(&pdf(&["<</Type/Catalog/Pages 2 0 R>>", &strings], "")), PdfError::Broken(_)));
    let mut large = pdf(&["<</Type/Catalog/Pages 2 0 R>>"], "");
    large.resize(LIMITS.bytes + 1, b' ');
    assert_eq!(refused(&large), PdfError::TooLarge);
    let numbered = b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\nxref\n0 4294967295\n0000000000 65535 f \ntrailer<</Size 4294967295/Root 1 0 R/Prev 9>>\nstartxref\n52\n%%EOF";
    refused(numbered);
}

#[test]
fn a_pdf_with_any_byte_changed_is_signed_or_refused_but_never_a_panic() {
    for whole in [sample(), hand_made()] {
        let step = (whole.len() / 100).max(1);
        for at in (0..whole.len()).step_by(step).chain(whole.len().saturating_sub(150)..whole.len()) {
            for with in [0, b'9', b'<', b'[', 0xff] {
                let mut changed = whole.clone();
                changed[at] = with;
                let _ = limited(&changed, LIMITS);
            }
            let _ = limited(&whole[..at], LIMITS);
        }
    }
}
