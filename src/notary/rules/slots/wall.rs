//! From wall times to moments: the two nights on which that is not obvious.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

/// Which of two moments with the same wall time is meant.
#[derive(Clone, Copy)]
pub(super) enum Twice {
    First,
    Second,
}

/// The moment of a wall time; the moment of the change if it does not exist. `None` beyond the end of time.
pub(super) fn moment(zone: &TimeZone, wall: DateTime, twice: Twice) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall).ok(),
        AmbiguousOffset::Fold { before, after } => {
            let offset = if matches!(twice, Twice::First) { before } else { after };
            offset.to_timestamp(wall).ok()
        }
        AmbiguousOffset::Gap { after, .. } => {
            // With the offset that is not yet valid, it lies before the change.
            let before = after.to_timestamp(wall).ok()?;
            zone.following(before).next().map(|change| change.timestamp())
        }
    }
}

/// The moment at which a slot begins, if its wall time exists.
pub(super) fn begin(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    let exists = !matches!(zone.to_ambiguous_timestamp(wall).offset(), AmbiguousOffset::Gap { .. });
    if exists { moment(zone, wall, Twice::First) } else { None }
}
