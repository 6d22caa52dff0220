//! Whatever is changed in what is kept is found out, and every part is read as it was written.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::sealing::KeyRing;

const OBJECT: &str = "documents/ab/0190a0a0a0a07000800000000000abcd-1";

fn ring() -> KeyRing {
    "2026a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse().unwrap()
}

/// A content in which no two places look alike, and which packs well.
fn text(bytes: usize) -> Vec<u8> {
    let lines = (0..).flat_map(|line: u32| format!("riga {line:09}\n").into_bytes());
    lines.take(bytes).collect()
}

fn keep(content: &[u8], coding: Coding, sealed: bool) -> (Kept, Vec<u8>) {
    let key = sealed.then(|| {
        let key = ContentKey::random();
        let wrapped = key.wrap(&ring(), OBJECT).unwrap();
        (Sealer::new(&key, OBJECT), wrapped)
    });
    let mut keeper = Keeper::new(coding, key).unwrap();
    let mut object: Vec<u8> =
        content.chunks(CHUNK).flat_map(|chunk| keeper.keep(Bytes::copy_from_slice(chunk)).unwrap()).collect();
    object.extend(keeper.end());
    let (kept, sha256) = keeper.kept();
    assert_eq!((kept.bytes, kept.stored), (content.len() as u64, object.len() as u64));
    assert_eq!(sha256.0[..], *ring::digest::digest(&ring::digest::SHA256, content).as_ref());
    (kept, object)
}

/// What is inside of the frames, read as a download does it: only what is needed.
fn inside(kept: &Kept, object: &[u8], name: &str, part: Range<u64>) -> Result<Vec<u8>, Damaged> {
    let Some(key) = &kept.key else { return Ok(object[part.start as usize..part.end as usize].to_vec()) };
    let key = key.open(&ring(), OBJECT).unwrap();
    let frames = Frames::new(&key, name, kept.stored);
    let span = frames.span(&part);
    let mut at = span.start as usize;
    let mut opened = Vec::new();
    for frame in frames.of(part) {
        let sealed = object.get(at..at + frame.stored).ok_or(Damaged("cut off"))?;
        at += frame.stored;
        opened.extend_from_slice(&frames.open(frame.index, BytesMut::from(sealed))?[frame.wanted]);
    }
    assert_eq!(at as u64, span.end, "no more is read than that");
    Ok(opened)
}

fn read(kept: &Kept, object: &[u8], name: &str, part: Range<u64>) -> Result<Vec<u8>, Damaged> {
    let size = match &kept.key {
        Some(key) => Frames::new(&key.open(&ring(), OBJECT).unwrap(), name, kept.stored).opened()?,
        None => kept.stored,
    };
    let length = Index::length(kept);
    let end = if length == 0 { Vec::new() } else { inside(kept, object, name, size - length..size)? };
    let index = Index::read(kept, size, &end)?;
    let mut rest = Bytes::from(inside(kept, object, name, index.span(&part))?);
    let mut content = Vec::new();
    for number in Index::chunks(&part) {
        let chunk = index.chunk(&part, number);
        content.extend_from_slice(&index.open(&chunk, rest.split_to(chunk.kept))?);
    }
    assert!(rest.is_empty());
    Ok(content)
}

const WAYS: [(Coding, bool); 4] =
    [(Coding::Identity, false), (Coding::Identity, true), (Coding::Zstd, false), (Coding::Zstd, true)];

#[test]
fn every_part_at_every_boundary_is_what_was_sent() {
    const FRAME: usize = 64 << 10;
    for size in [1, FRAME - 1, FRAME, FRAME + 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 77] {
        let content = text(size);
        for (coding, sealed) in WAYS {
            let (kept, object) = keep(&content, coding, sealed);
            let edges = [0, FRAME, CHUNK, CHUNK + FRAME, size];
            let mut edges: Vec<u64> = edges
                .iter()
                .flat_map(|&edge| [edge.saturating_sub(1), edge, edge + 1])
                .filter(|&edge| edge <= size)
                .map(|edge| edge as u64)
                .collect();
            edges.dedup();
            for &start in &edges {
                for &end in edges.iter().filter(|&&end| end > start) {
                    let part = read(&kept, &object, OBJECT, start..end).unwrap();
                    assert!(
                        part == content[start as usize..end as usize],
                        "{coding:?} {sealed} {size} {start}..{end}"
                    );
                }
            }
        }
    }
}

#[test]
fn frames_that_were_moved_cut_off_or_taken_from_elsewhere_do_not_open() {
    const WHOLE: usize = (64 << 10) + 16;
    let content = text(4 * 65_536);
    let (kept, object) = keep(&content, Coding::Identity, true);
    assert_eq!(object.len(), 4 * WHOLE);
    assert!(!object.windows(5).any(|part| part == b"riga "), "nothing of it can be read");
    let whole = |kept: &Kept, object: &[u8], name| read(kept, object, name, 0..kept.bytes);
    let swapped = [&object[WHOLE..2 * WHOLE], &object[..WHOLE], &object[2 * WHOLE..]].concat();
    let repeated = [&object[..WHOLE], &object[..WHOLE], &object[2 * WHOLE..]].concat();
    assert!(whole(&kept, &object, OBJECT).unwrap() == content);
    for wrong in [&swapped, &repeated] {
        assert!(whole(&kept, wrong, OBJECT).is_err());
    }
    assert!(whole(&kept, &object, "documents/ab/another").is_err(), "another object");
    // Cut off between two frames, with a row that says so.
    let shorter = Kept { bytes: 3 * 65_536, stored: 3 * WHOLE as u64, ..kept.clone() };
    assert!(whole(&shorter, &object[..3 * WHOLE], OBJECT).is_err(), "its last frame is not the last one");
    assert!(whole(&kept, &object[..3 * WHOLE], OBJECT).is_err());
    let (other, another) = keep(&content, Coding::Identity, true);
    assert!(whole(&kept, &another, OBJECT).is_err(), "each has a key of its own");
    assert!(whole(&other, &another, OBJECT).unwrap() == content);
}

#[test]
fn a_key_is_wrapped_for_its_object_and_wrapped_again() {
    let new: KeyRing = "2027a:BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,2026a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
        .parse()
        .unwrap();
    let content = text(100);
    let (kept, object) = keep(&content, Coding::Identity, true);
    let key = kept.key.clone().unwrap();
    assert_eq!(key.id, "2026a");
    assert!(key.open(&ring(), "documents/ab/another").is_err());
    let again = key.open(&new, OBJECT).unwrap().wrap(&new, OBJECT).unwrap();
    assert_eq!(again.id, "2027a");
    assert!(again.open(&ring(), OBJECT).is_err());
    let frames = Frames::new(&again.open(&new, OBJECT).unwrap(), OBJECT, kept.stored);
    assert_eq!(frames.open(0, BytesMut::from(&object[..])).unwrap()[..], content);
}

#[test]
fn packing_pays_for_texts_and_for_nothing_that_is_small_or_random() {
    let content = text(2 << 20);
    assert!(is_worth_packing(2 << 20, &content).unwrap());
    assert!(!is_worth_packing(4096, &content[..4096]).unwrap());
    let mut random = vec![0; 1 << 20];
    getrandom::fill(&mut random).unwrap();
    assert!(!is_worth_packing(2 << 20, &random).unwrap());
    let (kept, object) = keep(&content, Coding::Zstd, false);
    assert!(kept.stored * 4 < kept.bytes, "{} of {}", kept.stored, kept.bytes);
    assert!(zstd::decode_all(&object[..]).unwrap() == content, "any zstd unpacks it");
    let (kept, object) = keep(&content, Coding::Identity, false);
    assert!(object[..content.len()] == content && kept.stored == kept.bytes + 4 * 9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_bit_that_is_wrong_anywhere_is_never_read(
        size in 1usize..600_000, at in 0.0f64..1.0, bit in 0u8..8, way in 0usize..4,
        start in 0.0f64..1.0, length in 0.0f64..1.0,
    ) {
        let content = text(size);
        let (coding, sealed) = WAYS[way];
        let (kept, mut object) = keep(&content, coding, sealed);
        let start = (start * (size - 1) as f64) as u64;
        let end = start + 1 + (length * (size as u64 - start - 1) as f64) as u64;
        let expected = &content[start as usize..end as usize];
        prop_assert!(read(&kept, &object, OBJECT, start..end).unwrap() == expected);
        let at = ((at * object.len() as f64) as usize).min(object.len() - 1);
        object[at] ^= 1 << bit;
        let whole = read(&kept, &object, OBJECT, 0..kept.bytes);
        // zstd ignores one bit of a frame's head.
        prop_assert!(whole.is_err() || coding == Coding::Zstd && !sealed, "byte {at} of {}", object.len());
        prop_assert!(whole.is_err() || whole == Ok(content.clone()));
        if let Ok(part) = read(&kept, &object, OBJECT, start..end) {
            prop_assert!(part == expected, "what was not read does no harm");
        }
    }
}
