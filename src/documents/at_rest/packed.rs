//! Chunks as zstd frames with a seek table behind them: the seekable format of zstd's own `contrib`, which every zstd
//! unpacks. Each frame has a checksum of its content.

use std::{io, ops::Range};

use zstd::{bulk::Compressor, zstd_safe::CParameter};

use super::{CHUNK, Damaged};

/// zstd's own default: slower levels save little more.
const LEVEL: i32 = 3;
/// Of a frame that is skipped when the whole is unpacked.
const SKIPPED: u32 = 0x184D_2A5E;
/// Of a seek table.
const SEEKABLE: u32 = 0x8F92_EAB1;
const HEAD: usize = 8;
const ENTRY: usize = 8;
const FOOT: usize = 9;

/// Packs chunks.
pub(super) struct Packer {
    zstd: Compressor<'static>,
    /// What chunks take, and what they were.
    entries: Vec<(u32, u32)>,
}

impl Packer {
    pub(super) fn new() -> io::Result<Self> {
        let mut zstd = Compressor::new(LEVEL)?;
        zstd.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self { zstd, entries: Vec::new() })
    }

    pub(super) fn pack(&mut self, chunk: &[u8]) -> io::Result<Vec<u8>> {
        let packed = self.zstd.compress(chunk)?;
        self.entries.push((packed.len() as u32, chunk.len() as u32));
        Ok(packed)
    }

    pub(super) fn table(&self) -> Vec<u8> {
        let size = self.entries.len() * ENTRY + FOOT;
        let mut table = Vec::with_capacity(HEAD + size);
        let mut number = |number: u32| table.extend_from_slice(&number.to_le_bytes());
        number(SKIPPED);
        number(size as u32);
        for (packed, chunk) in &self.entries {
            number(*packed);
            number(*chunk);
        }
        number(self.entries.len() as u32);
        table.push(0); // entries have no checksums: frames have
        table.extend_from_slice(&SEEKABLE.to_le_bytes());
        table
    }
}

/// Where chunks begin; behind the last, where they end.
#[derive(Debug)]
pub(super) struct Table(Vec<u64>);

impl Table {
    pub(super) fn length(bytes: u64) -> u64 {
        HEAD as u64 + bytes.div_ceil(CHUNK as u64) * ENTRY as u64 + FOOT as u64
    }

    /// Reads the table of a content of `bytes` that takes `packed` bytes with it.
    pub(super) fn read(table: &[u8], bytes: u64, packed: u64) -> Result<Self, Damaged> {
        const WRONG: Damaged = Damaged("its seek table is wrong");
        let mut numbers = table.chunks_exact(4).map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]));
        let mut next = || numbers.next().ok_or(WRONG);
        let count = bytes.div_ceil(CHUNK as u64);
        let (magic, size) = (next()?, next()?);
        let mut begins = vec![0];
        let mut at = 0;
        for index in 0..count {
            at += u64::from(next()?);
            begins.push(at);
            let expected = (bytes - index * CHUNK as u64).min(CHUNK as u64);
            if u64::from(next()?) != expected {
                return Err(WRONG);
            }
        }
        let whole = table.len() as u64 == Self::length(bytes)
            && table.ends_with(&[&[0][..], &SEEKABLE.to_le_bytes()].concat())
            && u64::from(size) + HEAD as u64 == table.len() as u64
            && magic == SKIPPED
            && u64::from(next()?) == count
            && at + table.len() as u64 == packed;
        if whole { Ok(Self(begins)) } else { Err(WRONG) }
    }

    pub(super) fn chunk(&self, index: u64) -> Range<u64> {
        self.0[index as usize]..self.0[index as usize + 1]
    }
}

pub(super) fn unpack(packed: &[u8], size: usize) -> Result<Vec<u8>, Damaged> {
    let chunk = zstd::bulk::decompress(packed, size).ok().filter(|chunk| chunk.len() == size);
    chunk.ok_or(Damaged("a packed chunk does not unpack"))
}
