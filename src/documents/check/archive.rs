//! What archives hold: unpacked as a whole, with a limit, without keeping any of it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use crc32fast::Hasher;
use flate2::bufread::DeflateDecoder;

use super::{
    CheckError, Kind, ReadAt, Refusal, Section,
    directory::{Entry, content_of, entries},
    read::OnDisk,
};

/// Everything inside, archives inside included.
const UNPACKED_MAX: u64 = 1 << 30;
/// How many times larger than packed.
const RATIO_MAX: u64 = 100;
/// Below this nobody is hurt: a small text may be packed very well.
const RATIO_FROM: u64 = 1 << 20;
/// An archive in an archive, and no further.
const DEPTH_MAX: usize = 2;
/// Unpacked at once.
const PIECE: usize = 64 << 10;
/// The bits that say that an entry is encrypted.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// What the archive is: many documents of offices are archives.
pub(super) fn check(file: &dyn ReadAt, scratch: &Path) -> Result<Kind, CheckError> {
    let mut looking = Looking { left: UNPACKED_MAX, scratch };
    let inside = looking.archive(file, 1)?;
    kind(file, &inside)
}

struct Looking<'s> {
    /// How much may still be unpacked.
    left: u64,
    scratch: &'s Path,
}

impl Looking<'_> {
    fn archive(&mut self, file: &dyn ReadAt, depth: usize) -> Result<Vec<Entry>, CheckError> {
        if depth > DEPTH_MAX {
            let detail = "there is an archive in an archive in the archive: unpack it first";
            return Err(Refusal::new("archive_nested_too_deeply", detail).into());
        }
        let inside = entries(file)?;
        if inside.is_empty() {
            return Err(Refusal::new("archive_empty", "the archive is empty").into());
        }
        self.promises(&inside)?;
        let mut order: Vec<&Entry> = inside.iter().collect();
        order.sort_by_key(|entry| entry.offset);
        let mut end = 0;
        for entry in order {
            let begin = content_of(file, entry)?;
            // Entries that share their bytes unpack to more than the whole file could.
            if entry.offset < end {
                return Err(Refusal::bomb("files in the archive share their bytes").into());
            }
            end = begin + entry.packed;
            self.entry(file, entry, begin, depth)?;
        }
        Ok(inside)
    }

    /// What the directory says, before anything is unpacked.
    fn promises(&self, inside: &[Entry]) -> Result<(), CheckError> {
        let sum = |of: fn(&Entry) -> u64| inside.iter().map(of).fold(0, u64::saturating_add);
        let (packed, size) = (sum(|it| it.packed), sum(|it| it.size));
        if size > self.left {
            return Err(Refusal::bomb("the archive unpacks to more than 1 GiB").into());
        }
        if size > RATIO_FROM && size / packed.max(1) > RATIO_MAX {
            let detail = format!("the archive unpacks to more than {RATIO_MAX} times its size");
            return Err(Refusal::bomb(detail).into());
        }
        for entry in inside {
            let name = String::from_utf8_lossy(&entry.name);
            let leaves = name.split(['/', '\\']).any(|part| part == "..");
            if leaves || name.starts_with(['/', '\\']) || name.contains(['\0', ':']) {
                let detail = "a file in the archive would be unpacked somewhere else";
                return Err(Refusal::new("archive_unsafe_names", detail).into());
            }
            if entry.flags & ENCRYPTED != 0 {
                let detail = "the archive is encrypted: nobody could check what is inside";
                return Err(Refusal::new("archive_encrypted", detail).into());
            }
            if !matches!(entry.method, STORED | DEFLATED) {
                let detail = "the archive is packed in a way that cannot be checked: use plain ZIP";
                return Err(Refusal::new("archive_unknown_packing", detail).into());
            }
        }
        Ok(())
    }

    /// Unpacks one file: it must be what the directory says.
    fn entry(
        &mut self,
        file: &dyn ReadAt,
        entry: &Entry,
        begin: u64,
        depth: usize,
    ) -> Result<(), CheckError> {
        let packed = Section::open(file, begin, begin + entry.packed);
        let mut content: Box<dyn Read> = match entry.method {
            STORED => Box::new(packed),
            _ => Box::new(DeflateDecoder::new(packed)),
        };
        let damaged = || CheckError::from(Refusal::truncated("archive"));
        let (mut piece, mut size, mut sum) = (vec![0; PIECE], 0u64, Hasher::new());
        let mut nested: Option<File> = None;
        loop {
            let length = match content.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The decoder's own complaints; what the storage complains about is another kind.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) =>
                {
                    return Err(damaged());
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(damaged()),
                Err(error) => return Err(error.into()),
            };
            if size == 0 && piece[..length].starts_with(b"PK\x03\x04") {
                nested = Some(unnamed(self.scratch)?);
            }
            size += length as u64;
            self.left = self
                .left
                .checked_sub(length as u64)
                .ok_or_else(|| CheckError::from(Refusal::bomb("the archive unpacks to more than 1 GiB")))?;
            if size > entry.size {
                return Err(Refusal::bomb("a file in the archive is larger than it says").into());
            }
            sum.update(&piece[..length]);
            if let Some(nested) = &mut nested {
                nested.write_all(&piece[..length])?;
            }
        }
        if size != entry.size || sum.finalize() != entry.crc {
            return Err(damaged());
        }
        match nested {
            Some(nested) => self.archive(&OnDisk { file: nested, size }, depth + 1).map(drop),
            None => Ok(()),
        }
    }
}

/// A file that nobody else sees, and that is gone when it is closed.
fn unnamed(scratch: &Path) -> io::Result<File> {
    let path = scratch.join(format!(".unpacked-{:016x}", getrandom::u64().map_err(io::Error::other)?));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Which document of an office it is, if it is one.
fn kind(file: &dyn ReadAt, inside: &[Entry]) -> Result<Kind, CheckError> {
    let has = |name: &[u8]| inside.iter().any(|entry| entry.name == name);
    let has_folder = |name: &[u8]| inside.iter().any(|entry| entry.name.starts_with(name));
    if has(b"[Content_Types].xml") {
        let folders: [(&[u8], Kind); 3] =
            [(b"word/", Kind::Word), (b"xl/", Kind::Excel), (b"ppt/", Kind::PowerPoint)];
        let found = folders.into_iter().find(|(folder, _)| has_folder(folder));
        return Ok(found.map_or(Kind::Zip, |(_, kind)| kind));
    }
    // The first entry of an OpenDocument is not packed, so that its type can be read.
    let Some(entry) = inside.iter().find(|entry| entry.name == b"mimetype" && entry.method == STORED) else {
        return Ok(Kind::Zip);
    };
    let said = file.bytes(content_of(file, entry)?, entry.packed.min(100) as usize)?;
    let kinds = [Kind::OpenText, Kind::OpenSheet, Kind::OpenSlides];
    Ok(kinds.into_iter().find(|kind| kind.media_type().as_bytes() == said).unwrap_or(Kind::Zip))
}
