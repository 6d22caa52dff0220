//! What comes in, and what it is by its first bytes.

use std::io::{self, Read as _};

use crate::clinic::reading::{order::Limits, refusal::Refusal, worker::answer::Stop};

/// Some programs write a few bytes in front of a PDF.
const PDF_WITHIN: usize = 1024;
/// Beginnings of files that could pass for text, and are none.
const NO_TEXT: [&[u8]; 6] = [b"PK\x03\x04", b"\x1f\x8b", b"{\\rtf", b"%!PS", b"\xd0\xcf\x11\xe0", b"\x7fELF"];

/// What is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pdf,
    Plain,
    Picture(Format),
}

/// Pictures that are read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
    Tiff,
}

impl Kind {
    /// By the first bytes; whether text is text is found out by who reads it.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let head = &bytes[..bytes.len().min(PDF_WITHIN)];
        if head.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Picture(Format::Png))
        } else if head.starts_with(b"\xff\xd8\xff") {
            Some(Self::Picture(Format::Jpeg))
        } else if head.starts_with(b"II*\0") || head.starts_with(b"MM\0*") {
            Some(Self::Picture(Format::Tiff))
        } else if head.windows(5).any(|it| it == b"%PDF-") {
            Some(Self::Pdf)
        } else if NO_TEXT.iter().any(|magic| head.starts_with(magic)) {
            None
        } else {
            Some(Self::Plain)
        }
    }
}

/// All of the file.
pub(super) fn all(limits: &Limits) -> Result<Vec<u8>, Stop> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(limits.file_bytes.saturating_add(1)).read_to_end(&mut bytes);
    match read {
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => Err(Refusal::OutOfMemory.into()),
        Err(_) => Err(Stop::Gone),
        Ok(0) => Err(Refusal::Empty.into()),
        Ok(read) if read as u64 > limits.file_bytes => Err(Refusal::TooLarge.into()),
        Ok(_) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        assert_eq!(Kind::of(b"\r\n%PDF-1.4\n"), Some(Kind::Pdf));
        assert_eq!(Kind::of(b"\xff\xd8\xff\xe0"), Some(Kind::Picture(Format::Jpeg)));
        assert_eq!(Kind::of(b"MM\0*\0\0\0\x08"), Some(Kind::Picture(Format::Tiff)));
        assert_eq!(Kind::of(b"FSH 7,2"), Some(Kind::Plain));
        assert_eq!(Kind::of(b"PK\x03\x04"), None);
    }
}
