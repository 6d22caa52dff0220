//! Pages that lie on their side or on their head: a file that says so is believed, and one that does not is looked at.

use futures_util::{StreamExt as _, stream};
use image::{
    GrayImage,
    codecs::jpeg::JpegEncoder,
    imageops::{rotate180, rotate270},
};
use serde_json::Value as Json;
use sportello::clinic::reading::{Document, Origin, Word};

use super::{
    corpus,
    figures::{found, printed},
    scans::{as_pdf, scanned},
};

/// Files that are read at once.
const AT_ONCE: usize = 3;

fn jpeg(picture: &GrayImage) -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 95).encode_image(picture).unwrap();
    file
}

/// A PDF of this picture that is shown turned clockwise by so many degrees.
fn pdf(picture: &GrayImage, rotate: u32) -> Vec<u8> {
    as_pdf(&jpeg(picture), picture.dimensions(), rotate)
}

/// Where its first word that says this stands on the page, as parts of its width and height.
fn place(document: &Document, word: &str) -> (f32, f32) {
    let page = &document.pages[0];
    let says = |it: &&Word| page.text[it.start as usize..it.end as usize].contains(word);
    let [left, top, right, bottom] = page.words.iter().find(says).unwrap().place;
    (left.midpoint(right) / page.width, top.midpoint(bottom) / page.height)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_gives_its_values_however_it_lies() {
    let upright = image::open(corpus("documents/it-scansione-ormoni.jpg")).unwrap().into_luma8();
    let (around, left) = (rotate180(&upright), rotate270(&upright));
    let files = [
        ("upright", jpeg(&upright)),
        ("a picture on its head", jpeg(&around)),
        ("a picture on its side", jpeg(&left)),
        ("a PDF that is shown turned right", pdf(&left, 90)),
    ];
    let documents = files.map(|(name, file)| async move { (name, scanned(&file).await) });
    let documents: Vec<(&str, Document)> =
        Box::pin(stream::iter(documents).buffered(AT_ONCE).collect()).await;
    let about = std::fs::read_to_string(corpus("documents/it-scansione-ormoni.json")).unwrap();
    let about: Json = serde_json::from_str(&about).unwrap();
    let printed = printed(&about);
    let wanted = found(documents[0].1.clone(), &about);
    assert!(wanted.len() >= 5, "{wanted:?}");
    let (across, down) = place(&documents[0].1, "FSH");
    for (name, document) in documents {
        let Origin::Picture { confidence } = document.pages[0].origin else { panic!("{name}") };
        assert!(confidence > 0.8, "{name}: {confidence}");
        // On the page as it is shown.
        let there = match name {
            "a picture on its head" => (1.0 - across, 1.0 - down),
            "a picture on its side" => (down, 1.0 - across),
            _ => (across, down),
        };
        let at = place(&document, "FSH");
        let is_near = (at.0 - there.0).abs() < 0.02 && (at.1 - there.1).abs() < 0.02;
        assert!(is_near, "{name}: {at:?}, not {there:?}");
        // Pixels fall otherwise, so of the second readings one more or one less says the same; none is there that is not printed.
        let found = found(document, &about);
        let same = wanted.iter().filter(|it| found.contains(it)).count();
        assert!(same + 1 >= wanted.len(), "{name}: {found:?}, not {wanted:?}");
        assert!(found.iter().all(|it| printed.contains(it)), "{name}: {found:?} of {printed:?}");
    }
}
