//! Signatures of others as DER: many programs write BER (X.690), with lengths that are only known at the end, and octets in
//! pieces.
//!
//! Invariants
//! - What has its length in front is kept byte for byte: certificates and signed attributes are.
//! - Depth and size are bounded by those of the input; whatever the input is, there is an answer.

/// Deeper than anything that is signed.
const DEPTH: u8 = 16;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const CONSTRUCTED: u8 = 0x20;
/// The number of a tag does not fit its first byte: nothing in a signature has such a one.
const LONG_TAG: u8 = 0x1f;
const NO_LENGTH: u8 = 0x80;
const END: [u8; 2] = [0, 0];

/// The first value of some bytes as DER. `None`: they are not BER.
pub fn to_der(bytes: &[u8]) -> Option<Vec<u8>> {
    value(bytes, DEPTH).map(|(der, _)| der)
}

/// A value as DER, and how long it was.
fn value(bytes: &[u8], depth: u8) -> Option<(Vec<u8>, usize)> {
    let depth = depth.checked_sub(1)?;
    let [tag, first, ..] = *bytes else { return None };
    if tag & LONG_TAG == LONG_TAG {
        return None;
    }
    if first != NO_LENGTH {
        let whole = length(&bytes[1..])?.checked_add(1)?;
        return Some((bytes.get(..whole)?.to_vec(), whole));
    }
    if tag & CONSTRUCTED == 0 {
        return None;
    }
    let (mut at, mut inner) = (2, Vec::new());
    while bytes.get(at..at + 2)? != END {
        let (part, long) = value(&bytes[at..], depth)?;
        let kept = if tag == OCTETS_IN_PIECES { contents(&part)? } else { &part };
        inner.extend_from_slice(kept);
        at += long;
    }
    let tag = if tag == OCTETS_IN_PIECES { OCTETS } else { tag };
    Some((written(tag, &inner), at + 2))
}

/// How many bytes a length in front and what follows it are.
fn length(bytes: &[u8]) -> Option<usize> {
    let (first, rest) = bytes.split_first()?;
    let count = usize::from(first & 0x7f);
    if first & NO_LENGTH == 0 {
        return Some(1 + count);
    }
    let digits = rest.get(..count).filter(|_| (1..=4).contains(&count))?;
    let long = digits.iter().fold(0, |long, digit| long << 8 | usize::from(*digit));
    Some(1 + count + long)
}

/// What is in a piece of octets.
fn contents(piece: &[u8]) -> Option<&[u8]> {
    let (tag, rest) = piece.split_first()?;
    let count =
        rest.first().map(|first| if first & NO_LENGTH == 0 { 1 } else { 1 + usize::from(first & 0x7f) })?;
    rest.get(count..).filter(|_| *tag == OCTETS)
}

fn written(tag: u8, contents: &[u8]) -> Vec<u8> {
    let digits = contents.len().to_be_bytes();
    let significant = &digits[digits.iter().position(|digit| *digit != 0).unwrap_or(digits.len() - 1)..];
    let mut der = vec![tag];
    if contents.len() >= usize::from(NO_LENGTH) {
        der.push(NO_LENGTH | significant.len() as u8);
    }
    der.extend_from_slice(significant);
    der.extend_from_slice(contents);
    der
}

#[cfg(test)]
mod tests {
    use super::to_der;

    #[test]
    fn lengths_come_to_the_front_and_pieces_together() {
        let ber = [0x30, 0x80, 0x24, 0x80, 4, 2, 1, 2, 4, 1, 3, 0, 0, 0x02, 1, 5, 0, 0, 0xff];
        assert_eq!(to_der(&ber).unwrap(), [0x30, 8, 4, 3, 1, 2, 3, 0x02, 1, 5]);
        let long: Vec<u8> = [&[0x30, 0x80, 0x24, 0x80, 4, 0x81, 200][..], &[7; 200], &[0; 4]].concat();
        assert_eq!(to_der(&long).unwrap()[..6], [0x30, 0x81, 203, 4, 0x81, 200]);
        // What has its length in front is not touched, however it is written.
        assert_eq!(to_der(&[0x30, 0x81, 2, 5, 0]).unwrap(), [0x30, 0x81, 2, 5, 0]);
    }

    #[test]
    fn whatever_it_is_there_is_an_answer() {
        for wrong in [
            &b""[..],
            &[0x30],
            &[0x30, 0x80],
            &[0x30, 5, 1],
            &[0x1f, 0x80, 0, 0],
            &[4, 0x80, 1, 1, 0, 0, 0],
            &[0x30, 0x85],
        ] {
            assert_eq!(to_der(wrong), None, "{wrong:?}");
        }
        assert_eq!(to_der(&[0x30, 0x80].repeat(100_000)), None, "deep");
    }
}
