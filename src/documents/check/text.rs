//! Text: in an encoding that is taken from the first byte to the last, and no page that a browser would run.

use std::io::BufRead as _;

use super::{
    CheckError, Kind, ReadAt, Refusal, Section,
    encoding::{self, Encoding, Texts},
};

/// Of a text's beginning, as much as tells a page from other texts.
const HEAD: usize = 4 << 10;
/// What pages begin with.
const PAGES: [&str; 10] =
    ["<!doctype html", "<html", "<head", "<body", "<script", "<svg", "<iframe", "<!--", "<style", "<?php"];
/// Letters begin with headers; one of these is among the first.
const HEADERS: [&str; 6] =
    ["from:", "received:", "return-path:", "delivered-to:", "mime-version:", "message-id:"];

pub(super) fn unknown() -> CheckError {
    Refusal::new(
        "type_not_allowed",
        "this is no kind of file that is taken: PDF, JPEG, PNG, TIFF, WebP, ZIP, office documents, text, mails, signed files",
    )
    .into()
}

/// Whether this is the beginning of a mail (RFC 5322).
pub(super) fn is_mail(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let is_header = |line: &str| {
        line.split_once(':').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    let first = lines.next().is_some_and(is_header);
    let headers: Vec<_> =
        text.lines().take_while(|line| !line.is_empty()).map(str::to_ascii_lowercase).collect();
    let known = HEADERS.iter().filter(|name| headers.iter().any(|line| line.starts_with(**name))).count();
    first && known >= 2
}

/// A text in one of these encodings. What programs exchange (XML) is in UTF-8 alone.
pub(super) fn check(file: &dyn ReadAt, texts: Texts) -> Result<Kind, CheckError> {
    let text = encoding::beginning(&file.bytes(0, HEAD)?);
    let begin = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    let is_xml = begin.starts_with("<?xml");
    if PAGES.iter().any(|page| begin.starts_with(page))
        || (is_xml
            && ["<svg", "<html", "<!doctype html", "<!doctype svg"].iter().any(|it| begin.contains(it)))
    {
        return Err(unknown());
    }
    match encoding::of(&mut Section::open(file, 0, file.size()), texts)? {
        Encoding::Utf8 if is_xml => Ok(Kind::Xml),
        _ if is_xml => Err(unknown()),
        _ => Ok(Kind::Text),
    }
}

/// A mail may be in any coding, but has no zeros.
pub(super) fn check_mail(file: &dyn ReadAt) -> Result<Kind, CheckError> {
    let mut reader = Section::open(file, 0, file.size());
    loop {
        let window = reader.fill_buf()?;
        if window.is_empty() {
            return Ok(Kind::Mail);
        }
        if window.contains(&0) {
            return Err(unknown());
        }
        let length = window.len();
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, ReadAt, Texts, check, is_mail};

    fn kind_of(bytes: &[u8], texts: Texts) -> Option<Kind> {
        check(&bytes.to_vec() as &dyn ReadAt, texts).ok()
    }

    fn kind(bytes: &[u8]) -> Option<Kind> {
        kind_of(bytes, Texts::Utf8)
    }

    #[test]
    fn text_is_utf8_to_its_end_and_no_page() {
        assert_eq!(kind("perché no?\n".as_bytes()), Some(Kind::Text));
        assert_eq!(kind(b"<?xml version=\"1.0\"?><fattura/>"), Some(Kind::Xml));
        for bad in [
            &b"a\0b"[..],
            b"MZ\x90\0",
            b"\xff\xfet\0",
            b"perch\xc3",
            b"  <!DOCTYPE html><p>",
            b"\xef\xbb\xbf<script>",
            b"<?xml version=\"1.0\"?><svg xmlns='x'/>",
        ] {
            assert_eq!(kind(bad), None, "{bad:?}");
        }
        assert_eq!(kind(b"perch\xe9 no?\n"), None);
        assert!(is_mail(b"Received: by x\r\nFrom: a@b.it\r\nSubject: x\r\n\r\nciao"));
        assert!(!is_mail(b"Nota: da fare\nFrom: nowhere"));
    }
    #[test]
    fn a_text_in_another_encoding_is_plain_text_or_nothing() {
        let kind = |bytes: &[u8]| kind_of(bytes, Texts::Legacy);
        let pairs = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        assert_eq!(kind(b"perch\xe9 no?\n"), Some(Kind::Text));
        assert_eq!(kind(&pairs("\u{feff}perché no?\n")), Some(Kind::Text));
        assert_eq!(kind(b"<?xml version=\"1.0\"?><fattura/>"), Some(Kind::Xml));
        for bad in [
            &pairs("\u{feff} <!DOCTYPE html><p>")[..],
            &pairs("\u{feff}<?xml version=\"1.0\"?><referto/>"),
            b"<?xml version=\"1.0\" encoding=\"windows-1252\"?><referto>\xe8</referto>",
            b"\xa0<script>\xe8",
            b"a\0b",
        ] {
            assert_eq!(kind(bad), None, "{bad:?}");
        }
    }
}
