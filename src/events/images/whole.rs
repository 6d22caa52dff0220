//! Whether a file is there to its end. Decoders make the best of a file that was cut off, and show the rest in grey: good
//! in a viewer, but an upload that broke off would be published. So the parts of the file are walked through first.
//!
//! Nothing here says that what is between the parts is a picture: that is the decoder's business. What comes after the
//! end does not matter, because the picture is encoded again.

use image::ImageFormat;

/// Whether the file has all the parts that it announces. Formats that are not taken have none.
pub(super) fn is_whole(bytes: &[u8], format: ImageFormat) -> bool {
    let end = match format {
        ImageFormat::Jpeg => jpeg(bytes),
        ImageFormat::Png => png(bytes),
        ImageFormat::WebP => webp(bytes),
        _ => None,
    };
    end.is_some()
}

/// Marker codes of JPEG (ITU-T T.81, B.1) that matter here; each follows a byte `FF`.
mod marker {
    pub(super) const STUFFED: u8 = 0x00;
    pub(super) const TEMPORARY: u8 = 0x01;
    pub(super) const RESTARTS: std::ops::RangeInclusive<u8> = 0xD0..=0xD7;
    pub(super) const START: u8 = 0xD8;
    pub(super) const END: u8 = 0xD9;
    pub(super) const SCAN: u8 = 0xDA;
    pub(super) const PREFIX: u8 = 0xFF;
}

/// `Some` when the end of the image comes after at least one scan. Thumbnails inside of a segment are passed over with
/// it, and so is a further picture behind the end.
fn jpeg(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes.strip_prefix(&[marker::PREFIX, marker::START])?;
    let mut has_scan = false;
    loop {
        // Decoders pass over bytes between segments; so does this.
        let at = rest.windows(2).position(|pair| {
            pair[0] == marker::PREFIX && !matches!(pair[1], marker::STUFFED | marker::PREFIX)
        })?;
        let code = rest[at + 1];
        rest = &rest[at + 2..];
        match code {
            marker::END => return has_scan.then_some(()),
            marker::START => return None,
            marker::TEMPORARY => continue,
            code if marker::RESTARTS.contains(&code) => continue,
            // The coded data of a scan has no marker but restarts: they and stuffed bytes are passed over above.
            marker::SCAN => has_scan = true,
            _ => {}
        }
        let length = u16::from_be_bytes(*rest.first_chunk()?);
        rest = rest.get(usize::from(length.max(2))..)?;
    }
}

/// `Some` when the chunks lead to `IEND`, each with the checksum of what it holds.
fn png(bytes: &[u8]) -> Option<()> {
    const SIGNATURE: usize = 8;
    let mut rest = bytes.get(SIGNATURE..)?;
    loop {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let (chunk, after) = rest[4..].split_at_checked(length.checked_add(4)?)?;
        let checksum = u32::from_be_bytes(*after.first_chunk()?);
        if crc32fast::hash(chunk) != checksum {
            return None;
        }
        if chunk.starts_with(b"IEND") {
            return Some(());
        }
        rest = &after[4..];
    }
}

/// `Some` when the file is as long as its first chunk says, and so are the chunks inside.
fn webp(bytes: &[u8]) -> Option<()> {
    const KIND: usize = 4;
    let (length, rest) = sized(bytes)?;
    let mut rest = rest.get(KIND..length)?;
    while !rest.is_empty() {
        let (length, after) = sized(rest)?;
        after.get(..length)?;
        // Chunks have even lengths; whether the last one is filled up does not matter.
        rest = after.get(length.next_multiple_of(2)..).unwrap_or_default();
    }
    Some(())
}

/// A chunk of RIFF: the length that it says it has, and what follows its header.
fn sized(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let length = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
    Some((length as usize, &bytes[8..]))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use data_encoding::BASE64;
    use image::{DynamicImage, Rgb, RgbImage, codecs::jpeg::JpegEncoder};

    use super::*;
    use crate::events::images::{PictureError, prepare};

    /// 24 × 16 pixels in several scans, which our encoder cannot write.
    const PROGRESSIVE: &str = "\
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6j\
        q62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSk\
        pKSkpKSkpKT/wgARCAAQABgDASIAAhEBAxEB/8QAFwAAAwEAAAAAAAAAAAAAAAAAAAMEAv/EABYBAQEBAAAAAAAAAAAAAAAAAAIB\
        BP/aAAwDAQACEAMQAAABjY/cCSoGr//EABUQAQEAAAAAAAAAAAAAAAAAAAAS/9oACAEBAAEFApSlKUv/xAAXEQADAQAAAAAAAAAA\
        AAAAAAAAAQMC/9oACAEDAQE/AcUFQ//EABcRAQADAAAAAAAAAAAAAAAAAAABAhL/2gAIAQIBAT8Bm7b/xAAUEAEAAAAAAAAAAAAA\
        AAAAAAAg/9oACAEBAAY/Al//xAAVEAEBAAAAAAAAAAAAAAAAAAAAAf/aAAgBAQABPyGEIQhD/9oADAMBAAIAAwAAABCcH//EABUR\
        AQEAAAAAAAAAAAAAAAAAAAAh/9oACAEDAQE/EBJ//8QAFREBAQAAAAAAAAAAAAAAAAAAAAH/2gAIAQIBAT8QFP/EABUQAQEAAAAA\
        AAAAAAAAAAAAAABh/9oACAEBAAE/EJJJJJJP/9k=";

    fn picture() -> DynamicImage {
        let colour = |x: u32, y: u32| Rgb([(x * 7 + y) as u8, (x * y) as u8, (y * 3) as u8]);
        DynamicImage::ImageRgb8(RgbImage::from_fn(120, 90, colour))
    }

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// A photo with another one as its thumbnail, like those of cameras.
    fn with_thumbnail() -> Vec<u8> {
        use image::ImageEncoder as _;
        let mut exif = b"II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec();
        exif.extend(encoded(ImageFormat::Jpeg));
        let mut jpeg = Vec::new();
        let mut encoder = JpegEncoder::new(&mut jpeg);
        encoder.set_exif_metadata(exif).unwrap();
        picture().write_with_encoder(encoder).unwrap();
        jpeg
    }

    fn every_kind() -> [(&'static str, Vec<u8>); 5] {
        [
            ("JPEG", encoded(ImageFormat::Jpeg)),
            ("JPEG with a thumbnail", with_thumbnail()),
            ("progressive JPEG", BASE64.decode(PROGRESSIVE.as_bytes()).unwrap()),
            ("PNG", encoded(ImageFormat::Png)),
            ("WebP", encoded(ImageFormat::WebP)),
        ]
    }

    #[test]
    fn a_file_that_was_cut_off_is_damaged_wherever_it_was_cut() {
        for (kind, file) in every_kind() {
            prepare(&file, 1 << 20).expect(kind);
            // The last byte of a WebP may be one that fills up.
            for length in [file.len() / 10, file.len() / 2, file.len() * 9 / 10, file.len() - 2] {
                let refused = prepare(&file[..length], 1 << 20);
                assert_eq!(
                    refused,
                    Err(PictureError::Broken),
                    "{length} of {} bytes of a {kind}",
                    file.len()
                );
            }
            for length in (16..file.len() - 1).step_by(97) {
                assert!(prepare(&file[..length], 1 << 20).is_err(), "{length} bytes of a {kind}");
            }
        }
    }

    #[test]
    fn what_comes_after_the_end_does_not_matter() {
        for (kind, mut file) in every_kind() {
            let picture = prepare(&file, 1 << 20).unwrap();
            file.extend_from_slice(b"\xff\xd8 and more\0\0\0");
            assert_eq!(prepare(&file, 1 << 20), Ok(picture), "{kind}");
        }
    }

    #[test]
    fn a_chunk_with_a_wrong_checksum_is_damaged() {
        let file = encoded(ImageFormat::Png);
        // Of the header, of the pixels, of the end.
        for at in [29, 60, file.len() - 5, file.len() - 1] {
            let mut wrong = file.clone();
            wrong[at] ^= 1;
            assert_eq!(prepare(&wrong, 1 << 20), Err(PictureError::Broken), "byte {at}");
        }
    }

    #[test]
    fn lengths_that_lie_are_damaged() {
        let mut png = encoded(ImageFormat::Png);
        png[8..12].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(!is_whole(&png, ImageFormat::Png));
        let mut webp = encoded(ImageFormat::WebP);
        webp[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(!is_whole(&webp, ImageFormat::WebP));
        assert!(!is_whole(b"\xff\xd8\xff\xe0\xff\xff", ImageFormat::Jpeg));
        assert!(!is_whole(b"\xff\xd8\xff\xd9", ImageFormat::Jpeg), "an end without a scan");
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
            assert!(!is_whole(b"", format) && !is_whole(&[0xff; 40], format));
        }
    }
}
