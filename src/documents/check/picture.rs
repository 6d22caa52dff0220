//! Whether a PDF, a picture or a signed file is there to its end: the parts it announces are walked through.

use std::{
    collections::HashSet,
    io::{self, BufRead as _, ErrorKind, Read},
};

use super::{CheckError, Kind, ReadAt, Refusal, Section};

/// `%%EOF` stands at the end of a PDF; some programs write a little behind it.
const PDF_TAIL: usize = 2048;
/// Chunks and segments of one file; whoever has more means harm.
const STEPS_MAX: usize = 1 << 20;
/// Each picture of a TIFF has a directory, and each costs two readings of the storage: a scan has a few, a fax some hundred.
const DIRECTORIES_MAX: usize = 2_000;

/// Refuses a file whose end is missing.
pub(super) fn whole(file: &dyn ReadAt, kind: Kind) -> Result<(), CheckError> {
    let (found, name) = match kind {
        Kind::Pdf => (pdf(file), "PDF"),
        Kind::Jpeg => (jpeg(file), "JPEG picture"),
        Kind::Png => (png(file), "PNG picture"),
        Kind::WebP => (webp(file), "WebP picture"),
        Kind::Tiff => (tiff(file), "TIFF picture"),
        Kind::Signed => (signed(file), "signed file"),
        _ => return Ok(()),
    };
    match found {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refusal::truncated(name).into()),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(Refusal::truncated(name).into()),
        Err(error) => Err(error.into()),
    }
}

fn pdf(file: &dyn ReadAt) -> io::Result<bool> {
    let tail = file.tail(PDF_TAIL)?;
    let has = |part: &[u8]| tail.windows(part.len()).any(|window| window == part);
    Ok(has(b"%%EOF") && has(b"startxref"))
}

/// Through the segments to the end of the image, which comes after at least one scan. What follows it does not matter:
/// cameras write further pictures there.
fn jpeg(file: &dyn ReadAt) -> io::Result<bool> {
    const PREFIX: u8 = 0xFF;
    let mut rest = Section::open(file, 2, file.size());
    let mut has_scan = false;
    for _ in 0..STEPS_MAX {
        let code = loop {
            if rest.skip_until(PREFIX)? == 0 {
                return Ok(false);
            }
            let mut code = byte(&mut rest)?;
            while code == PREFIX {
                code = byte(&mut rest)?;
            }
            // A stuffed byte, or a restart inside of a scan, or a marker without a length.
            if code > 0x01 && !(0xD0..=0xD7).contains(&code) {
                break code;
            }
        };
        match code {
            0xD9 => return Ok(has_scan),
            0xD8 => return Ok(false),
            0xDA => has_scan = true,
            _ => {}
        }
        let length = u64::from(u16::from_be_bytes([byte(&mut rest)?, byte(&mut rest)?])).max(2) - 2;
        if io::copy(&mut rest.by_ref().take(length), &mut io::sink())? < length {
            return Ok(false);
        }
    }
    Ok(false)
}

fn byte(from: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn png(file: &dyn ReadAt) -> io::Result<bool> {
    let mut at = 8;
    for _ in 0..STEPS_MAX {
        let head = file.bytes(at, 8)?;
        let Some((length, kind)) = head.split_first_chunk() else { return Ok(false) };
        at += 12 + u64::from(u32::from_be_bytes(*length));
        if at > file.size() {
            return Ok(false);
        }
        if kind == b"IEND" {
            return Ok(true);
        }
    }
    Ok(false)
}

fn webp(file: &dyn ReadAt) -> io::Result<bool> {
    let head = file.bytes(4, 4)?;
    let length = head.first_chunk().map(|length| u64::from(u32::from_le_bytes(*length)));
    Ok(length.is_some_and(|length| length > 4 && length + 8 <= file.size()))
}

/// Through the directories: each, and every value that one of them points to, must be inside of the file.
fn tiff(file: &dyn ReadAt) -> io::Result<bool> {
    const ENTRY: usize = 12;
    let head = file.bytes(0, 8)?;
    let is_little = head.starts_with(b"II");
    let u16_at = |bytes: &[u8], at: usize| {
        let two: [u8; 2] = bytes[at..at + 2].try_into().expect("two bytes");
        if is_little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) }
    };
    let u32_at = |bytes: &[u8], at: usize| {
        let four: [u8; 4] = bytes[at..at + 4].try_into().expect("four bytes");
        if is_little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }
    };
    if head.len() < 8 {
        return Ok(false);
    }
    let mut directory = u64::from(u32_at(&head, 4));
    let mut seen = HashSet::new();
    while seen.len() < DIRECTORIES_MAX {
        if directory == 0 {
            return Ok(!seen.is_empty());
        }
        // Who comes back to where it was never comes to its end.
        if !seen.insert(directory) {
            return Ok(false);
        }
        let count = file.bytes(directory, 2)?;
        if count.len() < 2 {
            return Ok(false);
        }
        let length = usize::from(u16_at(&count, 0)) * ENTRY;
        let entries = file.bytes(directory + 2, length + 4)?;
        if entries.len() < length + 4 {
            return Ok(false);
        }
        for entry in entries[..length].chunks_exact(ENTRY) {
            let size = match u16_at(entry, 2) {
                3 | 8 => 2,
                4 | 9 | 11 | 13 => 4,
                5 | 10 | 12 => 8,
                _ => 1,
            };
            let bytes = u64::from(u32_at(entry, 4)) * size;
            if bytes > 4 && u64::from(u32_at(entry, 8)) + bytes > file.size() {
                return Ok(false);
            }
        }
        directory = u64::from(u32_at(&entries, length));
    }
    Ok(false)
}

/// As long as its outermost length says; one without a length ends with two zeros.
fn signed(file: &dyn ReadAt) -> io::Result<bool> {
    let head = file.bytes(0, 10)?;
    let Some(first) = head.get(1).copied() else { return Ok(false) };
    let (header, length) = match first {
        0x80 => return Ok(file.tail(2)? == [0, 0]),
        0..=0x7f => (2, u64::from(first)),
        _ => {
            let digits = usize::from(first & 0x7f);
            let Some(length) = head.get(2..2 + digits) else { return Ok(false) };
            (2 + digits as u64, length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)))
        }
    };
    Ok(length.checked_add(header).is_some_and(|end| end <= file.size()))
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat, RgbImage};

    use super::{Kind, ReadAt, whole};

    fn is_whole(bytes: &[u8], kind: Kind) -> bool {
        whole(&bytes.to_vec() as &dyn ReadAt, kind).is_ok()
    }

    #[test]
    fn what_was_cut_off_anywhere_is_not_whole() {
        let picture =
            DynamicImage::ImageRgb8(RgbImage::from_fn(60, 40, |x, y| image::Rgb([x as u8, y as u8, 9])));
        for (kind, format) in
            [(Kind::Jpeg, ImageFormat::Jpeg), (Kind::Png, ImageFormat::Png), (Kind::WebP, ImageFormat::WebP)]
        {
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut bytes, format).unwrap();
            let mut bytes = bytes.into_inner();
            for length in [12, bytes.len() / 3, bytes.len() - 2] {
                assert!(!is_whole(&bytes[..length], kind), "{kind:?} {length}");
            }
            assert!(is_whole(&bytes, kind), "{kind:?}");
            bytes.extend_from_slice(b"what comes after");
            assert!(is_whole(&bytes, kind), "{kind:?}");
        }
        assert!(is_whole(b"%PDF-1.7 ... startxref\n7\n%%EOF\n", Kind::Pdf));
        assert!(!is_whole(b"%PDF-1.7 ... startxref\n7\n", Kind::Pdf));
        let tiff = b"II*\0\x08\0\0\0\x01\0\x00\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0";
        assert!(is_whole(tiff, Kind::Tiff) && !is_whole(&tiff[..20], Kind::Tiff));
        let cyclic = b"II*\0\x08\0\0\0\x01\0\x00\x01\x03\0\x01\0\0\0\x01\0\0\0\x08\0\0\0";
        assert!(!is_whole(cyclic, Kind::Tiff), "it comes back to where it was");
        let signed = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x00";
        assert!(is_whole(signed, Kind::Signed) && !is_whole(&signed[..14], Kind::Signed));
    }
}
