//! Plain text: decoded, its lines ended alike, control characters gone. What it is in is found out by the same rule that let it
//! in: there is nothing in between that would be read as something else.

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::{
    clinic::reading::{
        document::Blank,
        frames::Text,
        letters::steers,
        order::{Limits, TEXT_BYTES_MAX},
        refusal::Refusal,
        worker::answer::{Answer, Stop, promise},
    },
    documents::check::{CheckError, Encoding, Texts, encoding_of},
};

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
    promise(pages.len())?;
    for (number, page) in (1..).zip(pages) {
        let blank = page.trim().is_empty().then_some(Blank::Nothing);
        let text = if blank.is_some() { String::new() } else { page.to_owned() };
        let words = Vec::new();
        answer.page(Text { number, width: 0.0, height: 0.0, layer: false, blank, text, words })?;
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Result<String, Refusal> {
    let encoding = encoding_of(&mut &bytes[..], Texts::Legacy).map_err(|error| match error {
        CheckError::Refused(refusal) if refusal.code == "file_truncated" => Refusal::Broken,
        _ => Refusal::WrongType,
    })?;
    let encoding = match encoding {
        Encoding::Utf8 => UTF_8,
        Encoding::Utf16Le => UTF_16LE,
        Encoding::Utf16Be => UTF_16BE,
        Encoding::Windows1252 => WINDOWS_1252,
    };
    let (text, _) = encoding.decode_with_bom_removal(bytes);
    Ok(text.into_owned())
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
        assert_eq!(decode(b"\xfe\xff\0F\0S\0H").unwrap(), "FSH");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(decode(b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"), Err(Refusal::WrongType));
        assert_eq!(decode(&[7; 64]), Err(Refusal::WrongType));
        assert_eq!(decode(b"F\0S\0H\0 \x007\0"), Err(Refusal::WrongType), "UTF-16 without a mark");
        assert_eq!(
            decode("età".as_bytes().split_last().unwrap().1),
            Ok("etÃ".to_owned()),
            "or the end is missing"
        );
        assert_eq!(decode("è età".as_bytes().split_last().unwrap().1), Err(Refusal::Broken));
    }

    #[test]
    fn lines_end_alike_and_control_characters_go() {
        assert_eq!(clean("a\r\nb\rc\n\u{85}d\u{c}e\tf\u{1b}[0m"), "a\nb\nc\n\nd\u{c}e\tf [0m");
    }
}
