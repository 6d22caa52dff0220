//! Documents with text are read as `pdftotext -layout` reads them (poppler), whose text lies beside them.

use std::{collections::HashMap, sync::Mutex};

use sportello::clinic::reading::{Origin, PageReached, Refusal, parent::Tesseract};

use super::{
    files, outcome,
    pdf::{A4, line, pages},
    read, reader,
};

fn counted(text: &str) -> HashMap<&str, usize> {
    text.split_whitespace().fold(HashMap::new(), |mut words, word| {
        *words.entry(word).or_default() += 1;
        words
    })
}

fn rows(text: &str) -> Vec<String> {
    let row = |line: &str| line.split_whitespace().collect::<String>();
    text.lines().map(row).filter(|row| !row.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_of_the_corpus_is_read_and_rows_stay_rows() {
    let (mut words, mut words_read, mut all_rows, mut rows_read) = (0, 0, 0, 0);
    for path in files("documents", ".pdf") {
        let document = read(&std::fs::read(&path).unwrap()).await.unwrap();
        let ours = document.text();
        let theirs = std::fs::read_to_string(path.with_extension("pdf.text")).unwrap();
        let known = counted(&ours);
        for (word, times) in counted(&theirs) {
            words += times;
            words_read += times.min(known.get(word).copied().unwrap_or(0));
        }
        // The same letters in the same order, whatever the gaps between them.
        let known = rows(&ours);
        for row in rows(&theirs) {
            all_rows += 1;
            rows_read += usize::from(known.contains(&row));
        }
        for page in &document.pages {
            for word in &page.words {
                let text = &page.text[word.start as usize..word.end as usize];
                assert!(!text.contains(char::is_whitespace), "{}: {text:?}", path.display());
                let [left, top, right, bottom] = word.place;
                // Where it begins, at least: some lines run off their page.
                let is_on_the_page = left >= 0.0
                    && left < right.min(page.width)
                    && top < bottom
                    && bottom <= page.height + 5.0;
                assert!(is_on_the_page, "{}: {text} at {:?}", path.display(), word.place);
            }
        }
    }
    let part = |read: usize, of: usize| read as f64 / of as f64;
    eprintln!("words {words_read}/{words} {:.4}", part(words_read, words));
    eprintln!("rows {rows_read}/{all_rows} {:.4}", part(rows_read, all_rows));
    assert!(part(words_read, words) >= 0.99);
    assert!(part(rows_read, all_rows) >= 0.99);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_were_turned_are_read_upright() {
    for turn in [0, 90, 180, 270] {
        let content: &[u8] = b"BT /F 12 Tf 50 700 Td (FSH) Tj 200 0 Td (7,2) Tj 100 0 Td (mUI/mL) Tj ET";
        let file = pages(&format!("{A4}] /Rotate {turn} /Odd [0"), &[content]);
        let document = read(&file).await.unwrap();
        let words: Vec<_> = document.pages[0].text.split_whitespace().collect();
        assert_eq!(words, ["FSH", "7,2", "mUI/mL"], "{turn}");
        assert_eq!(document.pages[0].text.trim_end().lines().count(), 1, "{turn}");
        let [left, top, right, bottom] = document.pages[0].words[1].place;
        let wide = right - left > bottom - top;
        assert_eq!(wide, turn % 180 == 0, "the place is one of the page as it is shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_text_is_not_taken_for_what_the_page_shows() {
    let content = b"BT /F 12 Tf 50 700 Td (AMH 2,8 ng/mL) Tj 3 Tr 0 -20 Td (AMH 9,9 ng/mL) Tj ET";
    let page = &read(&pages(A4, &[content])).await.unwrap().pages[0];
    assert_eq!((page.text.trim(), page.origin), ("AMH 2,8 ng/mL", Origin::Text));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_come_in_order() {
    let contents: Vec<Vec<u8>> = (1..=12).map(|number| line(&format!("pagina {number}"))).collect();
    let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let document = read(&pages(A4, &contents)).await.unwrap();
    let texts: Vec<_> = document.pages.iter().map(|page| page.text.trim().to_owned()).collect();
    assert_eq!(texts, (1..=12).map(|number| format!("pagina {number}")).collect::<Vec<_>>());
    assert_eq!(document.text().matches('\u{c}').count(), 12);
    // Whoever watches hears of each page, once.
    let turns = Mutex::new(Vec::new());
    let file = pages(A4, &contents);
    let watched =
        reader(Tesseract::Off).read_watched(file.as_slice(), &|turn| turns.lock().unwrap().push(turn)).await;
    assert_eq!(outcome(watched).unwrap(), document);
    let all: Vec<_> = (1..=12).map(|page| PageReached { page, of: Some(12) }).collect();
    assert_eq!(turns.into_inner().unwrap(), all);
}

fn utf16(text: &str, of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_is_read_in_whatever_it_is_encoded() {
    for bytes in [
        "Età: 34\r\nFSH\t7,2 µUI".as_bytes(),
        b"\xef\xbb\xbfEt\xc3\xa0: 34\nFSH\t7,2 \xc2\xb5UI",
        b"Et\xe0: 34\rFSH\t7,2 \xb5UI",
        &utf16("Età: 34\r\nFSH\t7,2 µUI", u16::to_le_bytes),
        &utf16("Età: 34\nFSH\t7,2 µUI", u16::to_be_bytes),
    ] {
        assert_eq!(read(bytes).await.unwrap().pages[0].text, "Età: 34\nFSH\t7,2 µUI");
    }
    assert_eq!(read(b"a\x0cb\x0c").await.unwrap().pages.len(), 2);
    assert_eq!(read(b"").await, Err(Refusal::Empty));
    assert_eq!(read(b"PK\x03\x04...").await, Err(Refusal::WrongType));
    assert_eq!(read(&utf16("FSH\t7,2", u16::to_le_bytes)[2..]).await, Err(Refusal::WrongType));
    assert_eq!(read("FSH 7,2 µUI è".as_bytes().split_last().unwrap().1).await, Err(Refusal::Broken));
    // As much as a worker takes, in each: its memory and its calls are enough.
    let long = "TSH\t2,15 µUI/mL è\n".repeat(90_000);
    let latin: Vec<u8> = long.chars().map(|letter| letter as u8).collect();
    for bytes in [latin, utf16(&long, u16::to_le_bytes)] {
        assert_eq!(read(&bytes).await.unwrap().pages[0].text, long);
    }
}
