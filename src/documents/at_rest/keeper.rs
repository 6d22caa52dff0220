//! Writes a content as it is kept: chunk by chunk, in one pass.

use std::io;

use bytes::Bytes;
use ring::digest;

use super::{CHUNK, Coding, Kept, SAMPLE, Sealer, WrappedKey, packed::Packer, summed::Summer};
use crate::documents::versions::Sha256;

/// Smaller contents take a block of the disk in any case.
const PACKED_FROM: u64 = 4 << 10;
/// Packed, it must be smaller than nine tenths: else reading it would cost more than keeping it.
const PAYS: (u64, u64) = (9, 10);

/// Whether packing pays, by the beginning of a content: [`SAMPLE`] bytes, or all of it.
pub fn is_worth_packing(bytes: u64, sample: &[u8]) -> io::Result<bool> {
    if bytes <= PACKED_FROM {
        return Ok(false);
    }
    let (mut packer, mut packed) = (Packer::new()?, 0);
    let sample = &sample[..sample.len().min(SAMPLE)];
    for chunk in sample.chunks(CHUNK) {
        packed += packer.pack(chunk)?.len() as u64;
    }
    packed += packer.table().len() as u64;
    Ok(packed * PAYS.1 < sample.len() as u64 * PAYS.0)
}

enum Chunks {
    Packed(Box<Packer>),
    Summed(Summer),
    /// Who seals them, sees to them.
    Bare,
}

/// A content on its way into the storage. A chunk costs a third of a millisecond, or some when it is packed.
pub struct Keeper {
    hash: digest::Context,
    chunks: Chunks,
    sealed: Option<(Sealer, WrappedKey)>,
    bytes: u64,
    stored: u64,
}

impl Keeper {
    /// From the beginning.
    pub fn new(coding: Coding, sealed: Option<(Sealer, WrappedKey)>) -> io::Result<Self> {
        let chunks = match coding {
            Coding::Zstd => Chunks::Packed(Box::new(Packer::new()?)),
            Coding::Identity if sealed.is_some() => Chunks::Bare,
            Coding::Identity => Chunks::Summed(Summer::default()),
        };
        Ok(Self { hash: digest::Context::new(&digest::SHA256), chunks, sealed, bytes: 0, stored: 0 })
    }

    /// Whether [`Keeper::keep`] keeps its thread for long.
    pub fn is_slow(&self) -> bool {
        matches!(self.chunks, Chunks::Packed(_))
    }

    /// What is written for the next chunk: [`CHUNK`] bytes, or the rest.
    pub fn keep(&mut self, chunk: Bytes) -> io::Result<Bytes> {
        self.hash.update(&chunk);
        self.bytes += chunk.len() as u64;
        let written = match &mut self.chunks {
            Chunks::Packed(packer) => {
                let packed = packer.pack(&chunk)?;
                self.sealed(packed.into())
            }
            Chunks::Summed(summer) => {
                summer.sum(&chunk);
                chunk
            }
            Chunks::Bare => self.sealed(chunk),
        };
        self.stored += written.len() as u64;
        Ok(written)
    }

    /// What is written behind the last chunk.
    pub fn end(&mut self) -> Bytes {
        let table = match &self.chunks {
            Chunks::Packed(packer) => packer.table(),
            Chunks::Summed(summer) => summer.table(),
            Chunks::Bare => Vec::new(),
        };
        let mut written = Vec::from(self.sealed(table.into()));
        if let Some((sealer, _)) = &mut self.sealed {
            sealer.end(&mut written);
        }
        self.stored += written.len() as u64;
        written.into()
    }

    /// What was kept, after its end.
    pub fn kept(self) -> (Kept, Sha256) {
        let coding = if matches!(self.chunks, Chunks::Packed(_)) { Coding::Zstd } else { Coding::Identity };
        let mut sha256 = Sha256([0; 32]);
        sha256.0.copy_from_slice(self.hash.finish().as_ref());
        let key = self.sealed.map(|(_, key)| key);
        (Kept { bytes: self.bytes, stored: self.stored, coding, key }, sha256)
    }

    fn sealed(&mut self, bytes: Bytes) -> Bytes {
        let Some((sealer, _)) = &mut self.sealed else { return bytes };
        let mut sealed = Vec::with_capacity(bytes.len() + bytes.len() / 1024);
        sealer.seal(&bytes, &mut sealed);
        sealed.into()
    }
}
