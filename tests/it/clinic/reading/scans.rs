//! Pictures of pages are read by tesseract, with the place of every word and how sure it is.

use std::time::Duration;

use sportello::clinic::reading::{Blank, Document, Limits, Origin, Reader, parent::Tesseract};

use super::{LIMITS, PROGRAM, corpus, outcome, pdf::Pdf, reader};
use crate::harness::scratch::Scratch;

pub(super) async fn scanned(bytes: &[u8]) -> Document {
    assert!(Tesseract::Installed.find().is_some(), "script/setup --test installs tesseract");
    // Pictures are made ready by code that is not optimised here.
    let limits = Limits { processor: Duration::from_secs(40), deadline: Duration::from_secs(200), ..LIMITS };
    outcome(Reader::new(PROGRAM.into(), limits, Tesseract::Installed, 1).read(bytes).await).unwrap()
}

/// A PDF that is nothing but this picture, as scanners make them; shown turned clockwise by so many degrees.
pub(super) fn as_pdf(jpeg: &[u8], (width, height): (u32, u32), rotate: u32) -> Vec<u8> {
    let mut pdf = Pdf::default();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Type /Pages /Count 1 /Kids [3 0 R] >>");
    let tall = 595 * height / width;
    pdf.object(format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 {tall}] /Rotate {rotate} /Contents 4 0 R \
         /Resources << /XObject << /I 5 0 R >> >> >>"
    ));
    pdf.stream("", format!("595 0 0 {tall} 0 0 cm /I Do").as_bytes());
    pdf.stream(
        &format!(
            "/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray \
             /BitsPerComponent 8 /Filter /DCTDecode"
        ),
        jpeg,
    );
    pdf.bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_is_read_row_by_row_whatever_file_it_is_in() {
    let path = corpus("documents/it-scansione-ormoni.jpg");
    let jpeg = std::fs::read(path).unwrap();
    let picture = image::load_from_memory(&jpeg).unwrap();
    let size = (picture.width(), picture.height());
    for (name, file) in [("jpeg", jpeg.clone()), ("pdf", as_pdf(&jpeg, size, 0))] {
        let document = scanned(&file).await;
        let page = &document.pages[0];
        eprintln!("{name}:\n{}", page.text);
        let Origin::Picture { confidence } = page.origin else { panic!("{name}: {:?}", page.origin) };
        assert!(confidence > 0.8, "{name}: {confidence}");
        let row = page.text.lines().find(|line| line.contains("FSH")).unwrap();
        assert!(row.contains("mUI/mL") || row.contains("mlU/mL") || row.contains("mUl/mL"), "{name}: {row}");
        for word in &page.words {
            let [left, top, right, bottom] = word.place;
            assert!(left < right && right <= page.width && top < bottom && bottom <= page.height);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_fails_on_pictures_is_said_to_have_failed() {
    // A tesseract that fails on everything.
    let scratch = Scratch::new();
    let broken = scratch.path().join("tesseract");
    std::fs::write(&broken, "#!/bin/sh\nexit 3\n").unwrap();
    std::fs::set_permissions(&broken, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let jpeg = std::fs::read(corpus("documents/it-scansione-ormoni.jpg")).unwrap();
    let result = reader(Tesseract::At(broken)).read(jpeg.as_slice()).await;
    assert_eq!(outcome(result).unwrap().blank(), Some(Blank::OcrFailed));
}
