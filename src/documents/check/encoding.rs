//! In which encoding a text is, found out from its first byte to its last.
//!
//! UTF-8 is what every desk takes. UTF-16 says itself what it is, by its mark. Windows-1252 is what is left, and nearly every byte
//! means something in it: so it is believed only of bytes that no file but a text has. A file is never taken for another
//! encoding because a piece of it is missing or damaged: it would be read wrongly, and `µUI` is not `ÂµUI`.

use std::io::BufRead;

use super::{CheckError, Refusal};

/// What texts of a desk may be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// UTF-8.
    Utf8,
    /// UTF-8, UTF-16 with a mark, or Windows-1252: what programs of laboratories write.
    Legacy,
}

/// What a text is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the encodings")]
pub enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

/// The mark of UTF-8.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why it is not a text.
enum No {
    /// It is something else.
    Binary,
    /// Its end is missing.
    Truncated,
}

impl From<No> for CheckError {
    fn from(no: No) -> Self {
        match no {
            No::Binary => super::text::unknown(),
            No::Truncated => Refusal::truncated("text").into(),
        }
    }
}

/// The encoding of a whole text, if it is one that is taken.
pub fn of(reader: &mut dyn BufRead, texts: Texts) -> Result<Encoding, CheckError> {
    let begin = reader.fill_buf()?;
    let marked = [(&b"\xff\xfe"[..], false), (b"\xfe\xff", true)].into_iter();
    let marked = marked.filter(|_| texts == Texts::Legacy).find(|(mark, _)| begin.starts_with(mark));
    if let Some((_, is_big)) = marked {
        let mut pairs = Pairs { is_big, ..Pairs::default() };
        each(reader, |bytes| pairs.take(bytes))?;
        pairs.end()?;
        return Ok(if is_big { Encoding::Utf16Be } else { Encoding::Utf16Le });
    }
    let mut singles = Singles { is_marked: begin.starts_with(UTF8_MARK), ..Singles::of(texts) };
    each(reader, |bytes| singles.take(bytes))?;
    Ok(singles.end()?)
}

/// The beginning of a text as letters, whatever it is in: right enough to see what it is.
pub(super) fn beginning(head: &[u8]) -> String {
    let pairs = |of: fn([u8; 2]) -> u16| {
        let units = head.chunks_exact(2).map(|pair| of([pair[0], pair[1]]));
        char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match head {
        [0xff, 0xfe, ..] => pairs(u16::from_le_bytes),
        [0xfe, 0xff, ..] => pairs(u16::from_be_bytes),
        _ => match std::str::from_utf8(head) {
            Ok(text) => text.to_owned(),
            // Cut within a letter.
            Err(error) if error.error_len().is_none() => {
                String::from_utf8_lossy(&head[..error.valid_up_to()]).into_owned()
            }
            // Each byte is a letter, of which those that matter here are the same in Latin-1.
            Err(_) => head.iter().copied().map(char::from).collect(),
        },
    }
}

fn each(reader: &mut dyn BufRead, mut take: impl FnMut(&[u8]) -> Result<(), No>) -> Result<(), CheckError> {
    loop {
        let window = reader.fill_buf()?;
        if window.is_empty() {
            return Ok(());
        }
        take(window)?;
        let length = window.len();
        reader.consume(length);
    }
}

/// What no text has in any encoding: controls, but tab, line feed, form feed, return and escape.
const fn is_binary(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b)
}

/// What no text in Windows-1252 has: further controls, and the five bytes that mean nothing in it.
const fn is_beyond_1252(byte: u8) -> bool {
    matches!(byte, 0x1b | 0x7f | 0x81 | 0x8d | 0x8f | 0x90 | 0x9d)
}

/// What was seen of a text whose letters are bytes.
struct Singles {
    texts: Texts,
    is_marked: bool,
    /// The beginning of a letter that goes on in the next window.
    carried: Vec<u8>,
    bytes: u64,
    /// Letters of UTF-8 that are longer than a byte.
    letters: u64,
    /// Bytes that are in no letter of UTF-8.
    strays: u64,
    /// Bytes beyond ASCII.
    high: u64,
    is_beyond_1252: bool,
}

impl Singles {
    const fn of(texts: Texts) -> Self {
        Self {
            texts,
            is_marked: false,
            carried: Vec::new(),
            bytes: 0,
            letters: 0,
            strays: 0,
            high: 0,
            is_beyond_1252: false,
        }
    }

    fn take(&mut self, window: &[u8]) -> Result<(), No> {
        if window.iter().any(|byte| is_binary(*byte)) {
            return Err(No::Binary);
        }
        self.bytes += window.len() as u64;
        self.high += window.iter().filter(|byte| !byte.is_ascii()).count() as u64;
        self.is_beyond_1252 |= window.iter().any(|byte| is_beyond_1252(*byte));
        let mut bytes = std::mem::take(&mut self.carried);
        bytes.extend_from_slice(window);
        let mut rest = bytes.as_slice();
        loop {
            let (valid, stray) = match std::str::from_utf8(rest) {
                Ok(text) => (text.len(), 0),
                Err(error) => (error.valid_up_to(), error.error_len().unwrap_or(0)),
            };
            let begins = rest[..valid].iter().filter(|byte| **byte >= 0xc0).count();
            (self.letters, self.strays) = (self.letters + begins as u64, self.strays + stray as u64);
            rest = &rest[valid + stray..];
            if stray == 0 {
                break;
            }
            // UTF-8 is all that it could be.
            if self.texts == Texts::Utf8 || self.is_marked {
                return Err(No::Binary);
            }
        }
        self.carried = rest.to_vec();
        Ok(())
    }

    fn end(mut self) -> Result<Encoding, No> {
        let is_cut = !self.carried.is_empty();
        if self.strays == 0 && !is_cut {
            return Ok(Encoding::Utf8);
        }
        let can_be_another = self.texts == Texts::Legacy && !self.is_marked;
        // Letters of UTF-8 before a broken one: the end is missing. Without them it may be an accent at the end of the text.
        if self.strays == 0 && (self.letters > 0 || !can_be_another) {
            return Err(No::Truncated);
        }
        self.strays += self.carried.len() as u64;
        // In Windows-1252 letters of UTF-8 come about by accident (`É…`), and seldom. Of text in a strange alphabet, and of what is none,
        // more than a third is beyond ASCII; of Italian it is a thirtieth.
        let is_1252 = can_be_another
            && !self.is_beyond_1252
            && self.strays > self.letters
            && self.high * 3 <= self.bytes;
        if is_1252 { Ok(Encoding::Windows1252) } else { Err(No::Binary) }
    }
}

/// What was seen of a text whose letters are pairs of bytes.
#[derive(Default)]
struct Pairs {
    is_big: bool,
    /// The first byte of a pair that goes on in the next window.
    half: Option<u8>,
    /// The first half of a letter of two pairs came just before.
    is_within: bool,
    all: u64,
    /// Of letters and signs that Italian and English have.
    latin: u64,
}

impl Pairs {
    fn take(&mut self, window: &[u8]) -> Result<(), No> {
        for byte in window {
            let Some(first) = self.half.take() else {
                self.half = Some(*byte);
                continue;
            };
            let pair = [first, *byte];
            let unit = if self.is_big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
            self.unit(unit)?;
        }
        Ok(())
    }

    fn unit(&mut self, unit: u16) -> Result<(), No> {
        let is_second = matches!(unit, 0xdc00..=0xdfff);
        if is_second != std::mem::replace(&mut self.is_within, matches!(unit, 0xd800..=0xdbff)) {
            return Err(No::Binary);
        }
        let is_control =
            u8::try_from(unit).is_ok_and(|byte| is_binary(byte) || matches!(byte, 0x1b | 0x7f..=0x9f));
        // For private use, and no letters at all.
        if is_control || matches!(unit, 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfffe | 0xffff) {
            return Err(No::Binary);
        }
        // The mark is neither.
        if unit != 0xfeff {
            self.all += 1;
            self.latin += u64::from(matches!(unit, 0..=0x24f | 0x2000..=0x22ff));
        }
        Ok(())
    }

    fn end(&self) -> Result<(), No> {
        if self.half.is_some() || self.is_within {
            return Err(No::Truncated);
        }
        // Of bytes that are something else nearly all pairs are letters of far-away alphabets.
        if self.latin * 2 >= self.all { Ok(()) } else { Err(No::Binary) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::{CheckError, Encoding, Texts, beginning, of};

    fn found(bytes: &[u8], texts: Texts) -> Result<Encoding, String> {
        let told = |error| match error {
            CheckError::Refused(refusal) => refusal.code.into_owned(),
            CheckError::Io(error) => panic!("{error}"),
        };
        let whole = of(&mut &bytes[..], texts).map_err(told);
        // The same however it comes in.
        for window in [1, 2, 3, 7] {
            let slow: Box<dyn Read + '_> = Box::new(bytes);
            let in_parts = of(&mut BufReader::with_capacity(window.max(3), slow), texts).map_err(told);
            assert_eq!(in_parts, whole, "{window}: {bytes:?}");
        }
        whole
    }

    fn legacy(bytes: &[u8]) -> Result<Encoding, String> {
        found(bytes, Texts::Legacy)
    }

    fn utf16(text: &str, of: fn(u16) -> [u8; 2]) -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(of).collect()
    }

    const REPORT: &str = "Motilità progressiva: 25 %\r\nTSH\t2,15 µUI/mL è nella norma\u{c}\n";

    #[test]
    fn encodings_of_laboratories_are_told_apart() {
        assert_eq!(legacy(REPORT.as_bytes()), Ok(Encoding::Utf8));
        assert_eq!(legacy(format!("\u{feff}{REPORT}").as_bytes()), Ok(Encoding::Utf8));
        assert_eq!(legacy(&utf16(REPORT, u16::to_le_bytes)), Ok(Encoding::Utf16Le));
        assert_eq!(legacy(&utf16(REPORT, u16::to_be_bytes)), Ok(Encoding::Utf16Be));
        assert_eq!(
            legacy(b"TSH 2,15 \xb5UI/mL \xe8 nella norma \x80 10 \x93ok\x94"),
            Ok(Encoding::Windows1252)
        );
        // The last letter could be the beginning of one in UTF-8; the first could be one of UTF-8, by accident.
        assert_eq!(legacy(b"Motilit\xe0"), Ok(Encoding::Windows1252));
        assert_eq!(legacy(b"PERCH\xc9\x85 5 \xb5g, et\xe0 34"), Ok(Encoding::Windows1252));
        assert_eq!(legacy(b""), Ok(Encoding::Utf8));
    }

    #[test]
    fn other_desks_take_utf8_and_nothing_else() {
        let strict = |bytes: &[u8]| found(bytes, Texts::Utf8);
        assert_eq!(strict(REPORT.as_bytes()), Ok(Encoding::Utf8));
        let no = Err("type_not_allowed".to_owned());
        assert_eq!(strict(b"Motilit\xe0 5 \xb5g\n"), no);
        assert_eq!(strict(&utf16(REPORT, u16::to_le_bytes)), no);
        assert_eq!(strict(&utf16(REPORT, u16::to_be_bytes)), no);
        assert_eq!(strict("Motilità".as_bytes().split_last().unwrap().1), Err("file_truncated".to_owned()));
        assert_eq!(strict(b"perch\xc3"), Err("file_truncated".to_owned()));
    }

    #[test]
    fn what_is_no_text_stays_out() {
        let no = Err("type_not_allowed".to_owned());
        let unmarked = &utf16(REPORT, u16::to_le_bytes)[2..];
        let unmarked_big = &utf16(REPORT, u16::to_be_bytes)[2..];
        let utf32: Vec<u8> = REPORT.chars().flat_map(|it| u32::from(it).to_le_bytes()).collect();
        let marked32 = [b"\xff\xfe\0\0", utf32.as_slice()].concat();
        let cyrillic = b"\xc0\xed\xe0\xeb\xe8\xe7 \xea\xf0\xee\xe2\xe8 \xe2 \xed\xee\xf0\xec\xe5";
        let lone = [&utf16("FSH 7,2", u16::to_le_bytes)[..], b"\x00\xd8a\0"].concat();
        let private = utf16("FSH \u{e000}", u16::to_le_bytes);
        let far = utf16("血液検査の結果は正常です", u16::to_le_bytes);
        for bytes in [
            unmarked,
            unmarked_big,
            &utf32,
            &marked32,
            cyrillic,
            &lone,
            &private,
            &far,
            b"a\0b \xe8",
            b"a\x07 \xe8",
            b"a\x1b[0m \xe8",
            b"a\x7f \xe8",
            b"a\x81 \xe8",
            b"a\x8d \xe8",
            b"a\x8f \xe8",
            b"a\x90 \xe8",
            b"a\x9d \xe8",
            b"MZ\x90\0\x03",
            b"\xff\xfe\xc0\x80",
            b"\xff\xfea\0\0\0",
        ] {
            assert_eq!(legacy(bytes), no, "{bytes:?}");
        }
    }

    #[test]
    fn damaged_text_is_not_taken_for_another_encoding() {
        let no = Err("type_not_allowed".to_owned());
        let cut = Err("file_truncated".to_owned());
        assert_eq!(legacy("Motilità 5 µg, perché".as_bytes().split_last().unwrap().1), cut);
        assert_eq!(legacy("Motilità 5 µg, \u{feff}è\n".replace('è', "\u{1}").as_bytes()), no);
        // One byte of a text in UTF-8 was turned over: as Windows-1252 all its letters would be wrong.
        assert_eq!(legacy(b"Motilit\xc3\xa0 5 \xc2\xb5g \xe8 10"), no);
        assert_eq!(legacy(b"\xef\xbb\xbf5 \xb5g"), no);
        let pairs = utf16(REPORT, u16::to_le_bytes);
        assert_eq!(legacy(&pairs[..pairs.len() - 1]), cut);
        assert_eq!(legacy(&utf16("FSH 𝟕", u16::to_le_bytes)[..12]), cut, "half a letter");
    }

    #[test]
    fn noise_is_no_text() {
        // A generator with a seed of its own: the same noise each time.
        let mut state = 42_u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        for round in 0..2_000 {
            let noise: Vec<u8> = (0..200).map(|_| byte()).collect();
            assert!(of(&mut &noise[..], Texts::Legacy).is_err(), "{round}");
            // Without the bytes that give it away, and behind marks.
            let printable: Vec<u8> =
                noise.iter().map(|it| if *it < 0x20 { it + 0x20 } else { *it }).collect();
            for mark in [&b""[..], b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"] {
                let marked = [mark, &printable].concat();
                assert!(of(&mut &marked[..], Texts::Legacy).is_err(), "{round} {mark:?}");
            }
        }
    }

    #[test]
    fn the_beginning_is_seen_in_every_encoding() {
        for bytes in [
            &utf16("<HTML>", u16::to_le_bytes)[..],
            &utf16("<HTML>", u16::to_be_bytes),
            b"\xef\xbb\xbf<HTML>",
            b"\xef\xbb\xbf<HTML>\xc3",
            b"\xa0<HTML> \xe8",
        ] {
            let text = beginning(bytes);
            assert_eq!(
                text.trim_start_matches('\u{feff}').trim_start().get(..6),
                Some("<HTML>"),
                "{bytes:?}"
            );
        }
    }
}
