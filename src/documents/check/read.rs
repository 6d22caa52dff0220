//! Reading a file that is anywhere: in parts, in memory, on a disk.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    os::unix::fs::FileExt as _,
};

/// Read at once: enough that a file elsewhere costs few requests.
const WINDOW: usize = 1 << 20;

/// A file that can be read anywhere.
pub trait ReadAt: Send + Sync {
    /// Its size.
    fn size(&self) -> u64;
    /// Fills all of `into` with what stands at `offset`; the caller stays within the size.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;
}

impl dyn ReadAt + '_ {
    /// These bytes, or as many of them as there are.
    pub(super) fn bytes(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let left = self.size().saturating_sub(offset);
        let mut bytes = vec![0; length.min(usize::try_from(left).unwrap_or(usize::MAX))];
        if !bytes.is_empty() {
            self.read_at(offset, &mut bytes)?;
        }
        Ok(bytes)
    }

    /// The last bytes, or all of them.
    pub(super) fn tail(&self, length: usize) -> io::Result<Vec<u8>> {
        self.bytes(self.size().saturating_sub(length as u64), length)
    }
}

impl ReadAt for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let from = self.get(offset as usize..).and_then(|rest| rest.get(..into.len()));
        into.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> u64 {
        self.as_slice().size()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_at(offset, into)
    }
}

/// A file on this machine, and its size.
pub(super) struct OnDisk {
    pub(super) file: File,
    pub(super) size: u64,
}

impl ReadAt for OnDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }
}

/// A stretch of a file, read from its beginning to its end.
pub struct Section<'f> {
    file: &'f dyn ReadAt,
    at: u64,
    end: u64,
}

impl<'f> Section<'f> {
    /// From `at` to `end`, in large pieces.
    pub fn open(file: &'f dyn ReadAt, at: u64, end: u64) -> BufReader<Self> {
        let end = end.min(file.size());
        let window = WINDOW.min(usize::try_from(end.saturating_sub(at)).unwrap_or(WINDOW)).max(1);
        BufReader::with_capacity(window, Self { file, at, end })
    }
}

impl Read for Section<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let length = into.len().min(left);
        if length > 0 {
            self.file.read_at(self.at, &mut into[..length])?;
            self.at += length as u64;
        }
        Ok(length)
    }
}
