//! The central directory of a ZIP archive (APPNOTE 6.3): what is inside, and where. Read from the end, as programs do.

use super::{CheckError, ReadAt, Refusal};

/// The longest comment, and the record in front of it.
const TAIL: usize = (1 << 16) + END;
const END: usize = 22;
/// Beyond these nobody's archive is read into memory.
const DIRECTORY_MAX: u64 = 16 << 20;
const ENTRIES_MAX: u64 = 1 << 16;
/// Says that the number stands in a wider field.
const WIDE: u64 = 0xffff_ffff;

/// A file inside of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name, in whatever coding.
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    /// As it is packed.
    pub(super) packed: u64,
    /// As it will be.
    pub(super) size: u64,
    /// Where its own header is.
    pub(super) offset: u64,
}

fn broken() -> CheckError {
    Refusal::truncated("archive").into()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// What the archive holds, in the order of the directory.
pub(super) fn entries(file: &dyn ReadAt) -> Result<Vec<Entry>, CheckError> {
    let tail = file.tail(TAIL)?;
    let is_end = |at: &usize| {
        tail[*at..].starts_with(b"PK\x05\x06")
            && u16_at(&tail, at + 20).is_some_and(|comment| at + END + usize::from(comment) == tail.len())
    };
    let at = (0..=tail.len().saturating_sub(END)).rev().find(is_end).ok_or_else(broken)?;
    let (mut count, mut length, mut offset) =
        (|| Some((u64::from(u16_at(&tail, at + 10)?), u32_at(&tail, at + 12)?, u32_at(&tail, at + 16)?)))()
            .ok_or_else(broken)?;
    let end = file.size() - tail.len() as u64 + at as u64;
    if count == 0xffff || length == WIDE || offset == WIDE {
        (count, length, offset) = wide(file, end)?;
    }
    if count > ENTRIES_MAX || length > DIRECTORY_MAX {
        return Err(Refusal::bomb(format!("the archive holds more than {ENTRIES_MAX} files")).into());
    }
    if offset.checked_add(length).is_none_or(|directory_end| directory_end > end) {
        return Err(broken());
    }
    let directory = file.bytes(offset, length as usize)?;
    let (mut rest, mut entries) = (&directory[..], Vec::with_capacity(count as usize));
    for _ in 0..count {
        let (entry, after) = entry(rest).ok_or_else(broken)?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

/// The same numbers of an archive in the wide format.
fn wide(file: &dyn ReadAt, end: u64) -> Result<(u64, u64, u64), CheckError> {
    const LOCATOR: u64 = 20;
    let locator = file.bytes(end.checked_sub(LOCATOR).ok_or_else(broken)?, LOCATOR as usize)?;
    let at = locator.starts_with(b"PK\x06\x07").then(|| u64_at(&locator, 8)).flatten().ok_or_else(broken)?;
    let record = file.bytes(at, 56)?;
    let numbers = || Some((u64_at(&record, 32)?, u64_at(&record, 40)?, u64_at(&record, 48)?));
    record.starts_with(b"PK\x06\x06").then(numbers).flatten().ok_or_else(broken)
}

fn entry(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    const FIXED: usize = 46;
    if !bytes.starts_with(b"PK\x01\x02") {
        return None;
    }
    let [name, extra, comment] =
        [28, 30, 32].map(|at| u16_at(bytes, at).map(usize::from)).map(|length| length.unwrap_or(usize::MAX));
    let after_name = FIXED.checked_add(name)?;
    let after_extra = after_name.checked_add(extra)?;
    let mut entry = Entry {
        name: bytes.get(FIXED..after_name)?.to_vec(),
        flags: u16_at(bytes, 8)?,
        method: u16_at(bytes, 10)?,
        crc: u32_at(bytes, 16)? as u32,
        packed: u32_at(bytes, 20)?,
        size: u32_at(bytes, 24)?,
        offset: u32_at(bytes, 42)?,
    };
    widen(&mut entry, bytes.get(after_name..after_extra)?)?;
    Some((entry, bytes.get(after_extra.checked_add(comment)?..)?))
}

/// Wide numbers stand in an extra field, in this order, each only if its narrow place is full.
fn widen(entry: &mut Entry, mut extra: &[u8]) -> Option<()> {
    while extra.len() >= 4 {
        let (kind, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let field = extra.get(4..4 + length)?;
        if kind == 1 {
            let mut at = 0;
            for number in [&mut entry.size, &mut entry.packed, &mut entry.offset] {
                if *number == WIDE {
                    *number = u64_at(field, at)?;
                    at += 8;
                }
            }
        }
        extra = &extra[4 + length..];
    }
    Some(())
}

/// Where the content of an entry begins: behind its own header, whose lengths may differ from the directory's.
pub(super) fn content_of(file: &dyn ReadAt, entry: &Entry) -> Result<u64, CheckError> {
    const FIXED: u64 = 30;
    let head = file.bytes(entry.offset, FIXED as usize)?;
    if !head.starts_with(b"PK\x03\x04") {
        return Err(broken());
    }
    let lengths = u16_at(&head, 26).zip(u16_at(&head, 28)).ok_or_else(broken)?;
    let begin = entry.offset + FIXED + u64::from(lengths.0) + u64::from(lengths.1);
    match begin.checked_add(entry.packed) {
        Some(end) if end <= file.size() => Ok(begin),
        _ => Err(broken()),
    }
}
