//! Chunks as they are, with their checksums (CRC-32) behind the last one: a disk that forgets a bit is found out before
//! anybody is sent the chunk. Whoever wants the content without us cuts the file off at its size.

use super::{CHUNK, Damaged};

/// Of a checksum.
const SUM: usize = 4;

#[derive(Default)]
pub(super) struct Summer(Vec<u32>);

impl Summer {
    pub(super) fn sum(&mut self, chunk: &[u8]) {
        self.0.push(crc32fast::hash(chunk));
    }

    pub(super) fn table(&self) -> Vec<u8> {
        let mut table: Vec<u8> = self.0.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        let own = crc32fast::hash(&table);
        table.extend_from_slice(&own.to_le_bytes());
        table
    }
}

/// The checksums of chunks.
#[derive(Debug)]
pub(super) struct Sums(Vec<u32>);

impl Sums {
    pub(super) fn length(bytes: u64) -> u64 {
        (bytes.div_ceil(CHUNK as u64) + 1) * SUM as u64
    }

    pub(super) fn read(table: &[u8], bytes: u64) -> Result<Self, Damaged> {
        const WRONG: Damaged = Damaged("its checksums are wrong");
        let (sums, own) = table.split_last_chunk::<SUM>().ok_or(WRONG)?;
        if table.len() as u64 != Self::length(bytes) || crc32fast::hash(sums) != u32::from_le_bytes(*own) {
            return Err(WRONG);
        }
        let number = |it: &[u8]| u32::from_le_bytes([it[0], it[1], it[2], it[3]]);
        Ok(Self(sums.chunks_exact(SUM).map(number).collect()))
    }

    pub(super) fn check(&self, index: u64, chunk: &[u8]) -> Result<(), Damaged> {
        let known = self.0.get(index as usize) == Some(&crc32fast::hash(chunk));
        if known { Ok(()) } else { Err(Damaged("a chunk does not have its checksum")) }
    }
}
