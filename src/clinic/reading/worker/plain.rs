//! Plain text: its encoding found out, its lines ended alike, control characters gone.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::clinic::reading::{
    document::Blank,
    frames::Text,
    letters::steers,
    order::{Limits, TEXT_BYTES_MAX},
    refusal::Refusal,
    worker::answer::{Answer, Stop},
};

/// More bytes than this of a hundred that no text has: it is none.
const STRANGE_PERCENT: usize = 2;

pub(super) fn read(bytes: &[u8], limits: &Limits, answer: &mut Answer) -> Result<(), Stop> {
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(Refusal::TooMuchText.into());
    }
    let text = clean(&decode(bytes)?);
    let mut pages: Vec<&str> = text.split('\u{c}').collect();
    // A form feed ends a page; it does not begin another one.
    if pages.len() > 1 && pages.last().is_some_and(|last| last.trim().is_empty()) {
        pages.pop();
    }
    if pages.len() > limits.pages as usize {
        return Err(Refusal::TooManyPages.into());
    }
    for (number, page) in (1..).zip(pages) {
        let blank = page.trim().is_empty().then_some(Blank::Nothing);
        let text = if blank.is_some() { String::new() } else { page.to_owned() };
        let words = Vec::new();
        answer.page(Text { number, width: 0.0, height: 0.0, layer: false, blank, text, words })?;
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Result<String, Refusal> {
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some(marked) => marked,
        None => (encoding_of(bytes)?, 0),
    };
    let (text, _) = encoding.decode_without_bom_handling(&bytes[mark..]);
    Ok(text.into_owned())
}

/// Without a mark: UTF-16 has a zero in nearly every second byte; what is valid as UTF-8 is that; all else is taken for
/// Windows-1252, of which Latin-1 is a part.
fn encoding_of(bytes: &[u8]) -> Result<&'static Encoding, Refusal> {
    let pairs = bytes.len() / 2;
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if pairs > 0 && odd * 10 >= pairs * 8 && even * 100 <= pairs * STRANGE_PERCENT {
        return Ok(UTF_16LE);
    }
    if pairs > 0 && even * 10 >= pairs * 8 && odd * 100 <= pairs * STRANGE_PERCENT {
        return Ok(UTF_16BE);
    }
    let strange =
        bytes.iter().filter(|byte| matches!(byte, 0..=8 | 0xb | 0xe..=0x1a | 0x1c..=0x1f | 0x7f)).count();
    if even + odd > 0 || strange * 100 > bytes.len() * STRANGE_PERCENT {
        return Err(Refusal::WrongType);
    }
    Ok(if std::str::from_utf8(bytes).is_ok() { UTF_8 } else { WINDOWS_1252 })
}

/// Line feeds end lines, form feeds pages; of other control characters the tab is left.
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => {
                letters.next_if_eq(&'\n');
                clean.push('\n');
            }
            '\u{2028}' | '\u{2029}' | '\u{85}' => clean.push('\n'),
            letter if letter.is_control() && !matches!(letter, '\n' | '\t' | '\u{c}') => clean.push(' '),
            letter if steers(letter) && letter != '\u{c}' => {}
            letter => clean.push(letter),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::{clean, decode};
    use crate::clinic::reading::refusal::Refusal;

    #[test]
    fn encodings_are_found_out() {
        assert_eq!(decode("età µg".as_bytes()).unwrap(), "età µg");
        assert_eq!(decode(b"\xef\xbb\xbfet\xc3\xa0").unwrap(), "età");
        assert_eq!(decode(b"et\xe0 \xb5g \x80 10").unwrap(), "età µg € 10");
        assert_eq!(decode(b"\xff\xfeF\0S\0H\0").unwrap(), "FSH");
        assert_eq!(decode(b"F\0S\0H\0 \x007\0").unwrap(), "FSH 7");
        assert_eq!(decode(b"\0F\0S\0H\0 \x007").unwrap(), "FSH 7");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(decode(b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"), Err(Refusal::WrongType));
        assert_eq!(decode(&[7; 64]), Err(Refusal::WrongType));
    }

    #[test]
    fn lines_end_alike_and_control_characters_go() {
        assert_eq!(clean("a\r\nb\rc\n\u{85}d\u{c}e\tf\u{1b}[0m"), "a\nb\nc\n\nd\u{c}e\tf [0m");
    }
}
