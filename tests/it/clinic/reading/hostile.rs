//! Files that mean harm: each ends in a clear state, within its limits, and the server's memory stays as it was.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sportello::clinic::reading::{Blank, Document, Origin, Refusal, parent::Tesseract};

use super::{
    LIMITS, files, outcome,
    pdf::{A4, Pdf, line, packed, pages},
    read, reader,
};

/// More than this, and something of a file has stayed with us.
const GROWTH_MAX: u64 = 24 << 20;

/// Memory of this process, now or at its most, in bytes.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Contents of a page, packed once.
fn packed_page(content: &[u8]) -> Vec<u8> {
    let mut pdf = Pdf::default();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Type /Pages /Count 1 /Kids [3 0 R] >>");
    pdf.object(format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [{A4}] /Contents 5 0 R /Resources << /Font << /F 4 0 R >> >> >>"
    ));
    pdf.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    pdf.stream("/Filter /FlateDecode", &packed(content));
    pdf.bytes()
}

/// Pages within pages within pages.
fn deep_tree(depth: usize) -> Vec<u8> {
    let mut pdf = Pdf::default();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    for at in 0..depth {
        pdf.object(format!("<< /Type /Pages /Count 1 /Kids [{} 0 R] >>", at + 3));
    }
    pdf.object(format!("<< /Type /Page /MediaBox [{A4}] >>"));
    pdf.bytes()
}

/// What the corpus calls an end.
fn end(result: &Result<Document, Refusal>) -> &'static str {
    match result {
        Ok(document) if document.blank().is_some() => "no_text",
        Ok(_) => "text",
        Err(Refusal::Encrypted) => "encrypted",
        Err(Refusal::Empty | Refusal::WrongType) => "refused",
        Err(Refusal::Broken | Refusal::UnsupportedPicture | Refusal::Crashed) => "unreadable",
        Err(_) => "too_large",
    }
}

/// Its outcome, and that it took no longer than it may.
async fn within_limits(name: &str, bytes: &[u8]) -> Result<Document, Refusal> {
    let begun = Instant::now();
    let result = read(bytes).await;
    let took = begun.elapsed();
    eprintln!("{name:32} {:5} ms  {}  {:?}", took.as_millis(), end(&result), result.as_ref().err());
    assert!(took < LIMITS.deadline, "{name}: {took:?}");
    assert_ne!(result, Err(Refusal::Misbehaved), "{name}: an honest worker is believed");
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_file_of_the_corpus_ends_clearly_and_leaves_nothing_behind() {
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(super::corpus("hostile.json")).unwrap()).unwrap();
    let files = files("hostile", "");
    assert!(files.len() >= 40, "{}", files.len());
    within_limits("a first one", &pages(A4, &[&line("x")])).await.unwrap();
    let before = memory("VmRSS");
    for path in &files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(path).unwrap();
        let result = within_limits(&name, &bytes).await;
        let rule = expected.as_array().unwrap().iter().find(|rule| rule["file"] == *name).unwrap();
        let may: Vec<_> =
            rule["may_end_as"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        // A name that lies is noticed when a file is uploaded, before anybody reads it.
        assert!(
            may.contains(&end(&result)) || may == ["refused"],
            "{name}: {} is none of {may:?}",
            end(&result)
        );
    }
    let growth = memory("VmRSS").saturating_sub(before);
    eprintln!("before {before}, growth {growth}, most {}", memory("VmHWM"));
    assert!(growth < GROWTH_MAX, "{growth}");
    assert!(memory("VmHWM") < before + 2 * GROWTH_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_by_its_name() {
    let one = line("x");
    let many: Vec<&[u8]> = std::iter::repeat_n(one.as_slice(), 10_000).collect();
    assert_eq!(within_limits("10,000 pages", &pages(A4, &many)).await, Err(Refusal::TooManyPages));
    let huge = pages("0 0 2000000 2000000", &[&one]);
    assert_eq!(within_limits("a huge page", &huge).await, Err(Refusal::PageTooLarge));
    let letters = [b"BT /F 1 Tf 50 700 Td (".as_slice(), &vec![b'x'; 250_000], b") Tj ET"].concat();
    let wall = pages(A4, &[&letters]);
    assert_eq!(within_limits("a wall of letters", &wall).await.err(), None, "they run off the page");
    let pile = b"BT /F 1 Tf "
        .iter()
        .copied()
        .chain(b"1 0 0 1 50 700 Tm (abcdefgh) Tj ".repeat(40_000))
        .collect::<Vec<_>>();
    assert_eq!(within_limits("a pile of letters", &packed_page(&pile)).await, Err(Refusal::TooMuchText));
    let text = vec![b'a'; 5 << 20];
    assert_eq!(within_limits("too much plain text", &text).await, Err(Refusal::TooMuchText));
    let long = vec![b' '; LIMITS.file_bytes as usize + 1];
    assert_eq!(within_limits("too long a file", &long).await, Err(Refusal::TooLarge));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_nested_or_nonsense_ends() {
    let deep = deep_tree(60_000);
    within_limits("a tree 60,000 deep", &deep).await.ok();
    let nested = [b"q ".repeat(2_000_000), line("x")].concat();
    within_limits("two million saved states", &packed_page(&nested)).await.ok();
    let arrays = [b"[".repeat(3_000_000), b"]".repeat(3_000_000)].concat();
    within_limits("arrays in arrays", &packed_page(&arrays)).await.ok();
    for odd in
        ["1e38 0 0 1e38 0 0 cm", "0 0 0 0 0 0 cm", "1e-30 0 0 1e-30 50 700 cm", "1 1e30 1e30 1 -1e30 1e30 cm"]
    {
        let content = [odd.as_bytes(), b" ", &line("x")].concat();
        within_limits(odd, &pages(A4, &[&content])).await.ok();
    }
    for size in ["0 0 0 0", "NaN 1 x", "595 842 0 0", "-1e9 -1e9 -1e8 -1e8", "0 0 1e-9 1e-9"] {
        within_limits(size, &pages(size, &[&line("x")])).await.ok();
    }
    let whole = pages(A4, &[&line("uno"), &line("due")]);
    for part in [9, whole.len() / 3, whole.len() / 2, whole.len() - 30] {
        within_limits(&format!("{part} of {} bytes", whole.len()), &whole[..part]).await.ok();
    }
    // Every byte of a small file is turned over once, some at a time.
    for seed in 0..12 {
        let mut broken = whole.clone();
        for at in (seed..broken.len()).step_by(12 + seed) {
            broken[at] ^= 1 << (at % 8);
        }
        within_limits(&format!("turned over, {seed}"), &broken).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_only_a_picture_says_that_nobody_can_read_it() {
    let mut png = Vec::new();
    let picture = image::GrayImage::from_fn(300, 200, |x, y| image::Luma([((x * y) % 255) as u8]));
    picture.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let document = read(&png).await.unwrap();
    assert_eq!(document.pages[0].origin, Origin::Blank(Blank::NoOcr));
    assert_eq!(document.blank(), Some(Blank::NoOcr));
    let not_there = reader(Tesseract::At("/nowhere/tesseract".into()));
    assert_eq!(outcome(not_there.read(png.as_slice()).await).unwrap().blank(), Some(Blank::NoOcr));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_wait_for_each_other_and_memory_stays_flat() {
    let reader = reader(Tesseract::Off);
    let file = pages(A4, &[&line("FSH 7,2 mUI/mL"), &line("LH 5,1 mUI/mL")]);
    outcome(reader.read(file.as_slice()).await).unwrap();
    let before = memory("VmRSS");
    let begun = Instant::now();
    let reading =
        (0..100).map(|_| async { outcome(reader.read(file.as_slice()).await).unwrap().pages.len() });
    assert_eq!(join_all(reading).await, [2; 100]);
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(memory("VmRSS").saturating_sub(before) < GROWTH_MAX);
}
