//! Where in what is kept a part of the content is, and how a chunk of it is read.

use std::ops::Range;

use bytes::Bytes;

use super::{CHUNK, Coding, Damaged, Kept, packed, packed::Table, summed::Sums};

/// How to find parts of one content.
#[derive(Debug)]
pub struct Index {
    bytes: u64,
    chunks: Chunks,
}

#[derive(Debug)]
enum Chunks {
    Packed(Table),
    Summed(Sums),
    Bare,
}

/// A chunk that a part reaches into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    index: u64,
    size: usize,
    /// How many bytes of what is kept it takes.
    pub kept: usize,
    /// What of it is wanted.
    pub wanted: Range<usize>,
}

impl Index {
    /// How much of the end of what is kept [`Index::read`] wants to see.
    pub fn length(kept: &Kept) -> u64 {
        match kept.coding {
            Coding::Zstd => Table::length(kept.bytes),
            Coding::Identity if kept.key.is_none() => Sums::length(kept.bytes),
            Coding::Identity => 0,
        }
    }

    /// Reads it. `inside`: the size of what is kept, when it is not sealed any more.
    pub fn read(kept: &Kept, inside: u64, end: &[u8]) -> Result<Self, Damaged> {
        let chunks = match kept.coding {
            Coding::Zstd => Chunks::Packed(Table::read(end, kept.bytes, inside)?),
            Coding::Identity if kept.key.is_none() => Chunks::Summed(Sums::read(end, kept.bytes)?),
            Coding::Identity => Chunks::Bare,
        };
        if kept.coding == Coding::Identity && inside != kept.bytes + end.len() as u64 {
            return Err(Damaged("its size is not that of the content"));
        }
        Ok(Self { bytes: kept.bytes, chunks })
    }

    /// Which of what is kept has to be read for a part of the content, at least one byte.
    pub fn span(&self, part: &Range<u64>) -> Range<u64> {
        let (first, last) = ends(part);
        match &self.chunks {
            Chunks::Packed(table) => table.chunk(first).start..table.chunk(last).end,
            Chunks::Summed(_) => first * CHUNK as u64..((last + 1) * CHUNK as u64).min(self.bytes),
            Chunks::Bare => part.clone(),
        }
    }

    /// The chunks of a part, in order. Sealed contents that are not packed have no chunks but what is read at once.
    pub fn chunk(&self, part: &Range<u64>, index: u64) -> Chunk {
        let begins = index * CHUNK as u64;
        let size = (self.bytes - begins).min(CHUNK as u64) as usize;
        let within = |at: u64| (at.saturating_sub(begins) as usize).min(size);
        let wanted = within(part.start)..within(part.end);
        match &self.chunks {
            Chunks::Packed(table) => {
                let kept = table.chunk(index);
                Chunk { index, size, kept: (kept.end - kept.start) as usize, wanted }
            }
            Chunks::Summed(_) => Chunk { index, size, kept: size, wanted },
            Chunks::Bare => Chunk { index, size, kept: wanted.len(), wanted: 0..wanted.len() },
        }
    }

    /// Which chunks.
    pub fn chunks(part: &Range<u64>) -> Range<u64> {
        let (first, last) = ends(part);
        first..last + 1
    }

    /// Whether [`Index::open`] keeps its thread for long.
    pub fn is_slow(&self) -> bool {
        matches!(self.chunks, Chunks::Packed(_))
    }

    /// What is wanted of a chunk, from what is kept of it.
    pub fn open(&self, chunk: &Chunk, kept: Bytes) -> Result<Bytes, Damaged> {
        let opened = match &self.chunks {
            Chunks::Packed(_) => packed::unpack(&kept, chunk.size)?.into(),
            Chunks::Summed(sums) => {
                sums.check(chunk.index, &kept)?;
                kept
            }
            Chunks::Bare => kept,
        };
        Ok(opened.slice(chunk.wanted.clone()))
    }
}

/// The first and the last chunk of a part.
fn ends(part: &Range<u64>) -> (u64, u64) {
    (part.start / CHUNK as u64, part.end.saturating_sub(1) / CHUNK as u64)
}
