//! Frames of 64 KiB under AES-256-GCM: the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár (2015).
//!
//! A key seals one object, so the nonce is where the frame stands and whether it is the last one; what the object is called
//! and where the frame stands are authenticated with it. Frames that were cut off, put elsewhere, repeated or taken from
//! another object do not open.

use std::ops::Range;

use bytes::BytesMut;
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use super::{ContentKey, Damaged};

/// Of content in a frame.
const FRAME: usize = 64 << 10;
/// What AES-GCM adds.
const TAG: usize = 16;
/// A frame in the storage.
const WHOLE: u64 = (FRAME + TAG) as u64;
/// What is sealed here, and how.
const LABEL: &[u8] = b"sportello content 1\0";

/// The frames of one object.
pub struct Frames {
    cipher: LessSafeKey,
    object: Box<str>,
    stored: u64,
}

/// One of them, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Which one.
    pub index: u32,
    /// Its size in the storage.
    pub stored: usize,
    /// What of its content is wanted.
    pub wanted: Range<usize>,
}

impl Frames {
    /// Those of an object that has `stored` bytes.
    pub fn new(key: &ContentKey, object: &str, stored: u64) -> Self {
        Self { cipher: key.cipher(), object: object.into(), stored }
    }

    fn count(&self) -> u64 {
        self.stored.div_ceil(WHOLE)
    }

    /// The size of what is sealed.
    pub fn opened(&self) -> Result<u64, Damaged> {
        let tags = self.count() * TAG as u64;
        let opened = self.stored.checked_sub(tags).filter(|_| self.count() > 0);
        let last = self.stored.saturating_sub(self.count().saturating_sub(1) * WHOLE);
        opened.filter(|_| last >= TAG as u64).ok_or(Damaged("its size is not that of sealed frames"))
    }

    /// Where the frames are that hold a part of what is sealed, at least one byte.
    pub fn span(&self, part: &Range<u64>) -> Range<u64> {
        let last = part.end.saturating_sub(1) / FRAME as u64;
        part.start / FRAME as u64 * WHOLE..((last + 1) * WHOLE).min(self.stored)
    }

    /// These frames, in order.
    pub fn of(&self, part: Range<u64>) -> impl Iterator<Item = Frame> + Send + use<> {
        let (stored, count) = (self.stored, self.count());
        let (first, last) = (part.start / FRAME as u64, part.end.saturating_sub(1) / FRAME as u64);
        (first..=last.min(count.saturating_sub(1))).map(move |index| {
            let begins = index * FRAME as u64;
            let size = WHOLE.min(stored - index * WHOLE) as usize;
            let within = |at: u64| (at.saturating_sub(begins) as usize).min(size.saturating_sub(TAG));
            Frame { index: index as u32, stored: size, wanted: within(part.start)..within(part.end) }
        })
    }

    /// Opens a frame in its place.
    pub fn open(&self, index: u32, mut sealed: BytesMut) -> Result<BytesMut, Damaged> {
        let is_last = u64::from(index) + 1 == self.count();
        let about = Aad::from(about(&self.object, index));
        let opened = self.cipher.open_in_place(nonce(index, is_last), about, &mut sealed);
        let length = opened.map_err(|_| Damaged("a sealed frame does not open"))?.len();
        sealed.truncate(length);
        Ok(sealed)
    }
}

/// Seals an object from its beginning to its end.
pub struct Sealer {
    cipher: LessSafeKey,
    object: Box<str>,
    index: u32,
    /// Less than a frame, or a whole one of which it is not known yet whether it is the last.
    pending: Vec<u8>,
}

impl Sealer {
    /// Of a new object. Whoever gives two objects one key gives away what is in them.
    pub fn new(key: &ContentKey, object: &str) -> Self {
        Self { cipher: key.cipher(), object: object.into(), index: 0, pending: Vec::with_capacity(FRAME) }
    }

    pub(super) fn seal(&mut self, mut bytes: &[u8], into: &mut Vec<u8>) {
        while !bytes.is_empty() {
            if self.pending.len() == FRAME {
                self.frame(false, into);
            }
            let (now, later) = bytes.split_at(bytes.len().min(FRAME - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
        }
    }

    pub(super) fn end(&mut self, into: &mut Vec<u8>) {
        self.frame(true, into);
    }

    fn frame(&mut self, is_last: bool, into: &mut Vec<u8>) {
        let about = Aad::from(about(&self.object, self.index));
        let nonce = nonce(self.index, is_last);
        let tag = self.cipher.seal_in_place_separate_tag(nonce, about, &mut self.pending);
        let tag = tag.expect("a frame is shorter than 64 GiB");
        into.extend_from_slice(&self.pending);
        into.extend_from_slice(tag.as_ref());
        self.pending.clear();
        self.index = self.index.checked_add(1).expect("a content is shorter than 256 TiB");
    }
}

fn nonce(index: u32, is_last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 5..NONCE_LEN - 1].copy_from_slice(&index.to_be_bytes());
    nonce[NONCE_LEN - 1] = u8::from(is_last);
    Nonce::assume_unique_for_key(nonce)
}

fn about(object: &str, index: u32) -> Vec<u8> {
    [LABEL, &index.to_be_bytes(), object.as_bytes()].concat()
}
