//! A place of the chain and the hash it had: who keeps one elsewhere notices when the end was cut off, or all was made anew.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::chain::Hash;

/// What stood at a place, as an operator keeps it: `PLACE:HASH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The place.
    pub seq: i64,
    /// Its hash.
    pub hash: Hash,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, data_encoding::HEXLOWER.encode(&self.hash))
    }
}

impl Serialize for Anchor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no anchor.
#[derive(Debug, thiserror::Error)]
#[error("write PLACE:HASH as `audit verify` has printed it: a number and 64 hexadecimal digits")]
pub struct NoAnchor;

impl FromStr for Anchor {
    type Err = NoAnchor;

    fn from_str(text: &str) -> Result<Self, NoAnchor> {
        let (seq, hash) = text.trim().split_once(':').ok_or(NoAnchor)?;
        let seq = seq.parse().ok().filter(|seq| *seq > 0).ok_or(NoAnchor)?;
        let hash = data_encoding::HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).map_err(|_| NoAnchor)?;
        Ok(Self { seq, hash: hash.try_into().map_err(|_| NoAnchor)? })
    }
}

/// What is at the place of an anchor now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The same hash: nothing before it was changed since.
    Same,
    /// Another hash: the chain was made anew.
    Other,
    /// Nothing: the end was cut off.
    Missing,
    /// Nothing any more: retention has removed it, or somebody who says so. It proves nothing.
    Retired,
    /// The chain is broken before it.
    NotReached,
}

/// An anchor that was given, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// What was kept elsewhere.
    pub anchor: Anchor,
    /// What is there.
    pub found: Found,
}

impl Expected {
    /// Of a chain whose beginning up to `start` was removed.
    pub(super) fn from(anchor: Anchor, start: Anchor) -> Self {
        let mut expected = Self { anchor, found: Found::Missing };
        if anchor.seq < start.seq {
            expected.found = Found::Retired;
        }
        expected.meets(start);
        expected
    }

    /// What the chain has somewhere.
    pub(super) fn meets(&mut self, there: Anchor) {
        if self.anchor.seq == there.seq {
            self.found = if self.anchor == there { Found::Same } else { Found::Other };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Anchor;

    #[test]
    fn an_anchor_is_read_as_it_was_printed_and_nothing_else_is() {
        let anchor = Anchor { seq: 7, hash: [0xab; 32] };
        let text = anchor.to_string();
        assert_eq!(text.parse::<Anchor>().unwrap(), anchor);
        assert_eq!(format!(" {}\n", text.to_uppercase()).parse::<Anchor>().unwrap(), anchor);
        for wrong in ["", "7", "7:", "7:ab", &text[1..], &format!("0{}", &text[1..]), &format!("{text}0")] {
            assert!(wrong.parse::<Anchor>().is_err(), "{wrong}");
        }
    }
}
