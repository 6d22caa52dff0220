//! A PDF with a place for its signature.

use std::ops::Range;

use super::open::PdfError;
use crate::signing::cms::{Digest, sha256};

/// Bytes of the random text by which the place is found.
pub const MARKER_LEN: usize = 32;
/// Bytes that are left for a signature: five or six thousand are used by the built-in providers, and longer chains fit.
pub(super) const PLACE: usize = 16 << 10;
/// Stands where the range will: as wide as any number of a file that may be signed.
pub(super) const RANGE: [i64; 4] = [0, WIDEST, WIDEST, WIDEST];
const WIDEST: i64 = 9_999_999_999;

/// Everything is there but the signature.
#[derive(Debug)]
pub struct Prepared {
    bytes: Vec<u8>,
    /// Where the signature goes, with the angle brackets around it: all the rest is signed.
    place: Range<usize>,
}

impl Prepared {
    /// Finds the place by its marker, which nobody could have written into the PDF before.
    pub(super) fn new(mut bytes: Vec<u8>, marker: &[u8; MARKER_LEN]) -> Option<Self> {
        let upper = data_encoding::HEXUPPER.encode(marker);
        let found = |bytes: &[u8]| {
            bytes.windows(upper.len()).rposition(|part| part.eq_ignore_ascii_case(upper.as_bytes()))
        };
        let start = found(&bytes)?.checked_sub(1)?;
        let place = start..start + 2 * PLACE + 2;
        let is_place = bytes.get(start) == Some(&b'<') && bytes.get(place.end - 1) == Some(&b'>');
        let before = b"/Contents".len();
        let written = RANGE.map(|it| it.to_string()).join(" ");
        let range = start.checked_sub(before + 1 + written.len())?..start.checked_sub(before + 1)?;
        if !is_place || bytes.get(range.clone())? != written.as_bytes() {
            return None;
        }
        let real = [0, place.start, place.end, bytes.len() - place.end];
        let real = real.map(|it| it.to_string()).join(" ");
        let padded = format!("{real:width$}", width = written.len());
        if padded.len() != written.len() {
            return None;
        }
        bytes[range].copy_from_slice(padded.as_bytes());
        Some(Self { bytes, place })
    }

    /// What is signed: the hash of all but the place.
    pub fn digest(&self) -> Digest {
        sha256(&[&self.bytes[..self.place.start], &self.bytes[self.place.end..]])
    }

    /// With a signature (CMS, DER).
    pub fn finish(mut self, signature: &[u8]) -> Result<Vec<u8>, PdfError> {
        if signature.len() > PLACE {
            return Err(PdfError::NoRoom);
        }
        let mut hex = data_encoding::HEXLOWER.encode(signature).into_bytes();
        hex.resize(2 * PLACE, b'0');
        self.bytes[self.place.start + 1..self.place.end - 1].copy_from_slice(&hex);
        Ok(self.bytes)
    }
}
