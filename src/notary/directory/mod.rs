//! Finding a notary: by words, place, specialisation and rating, and near a point.
//!
//! Found is who wants to be, was verified by an administrator, and has a valid licence. All of this is public and the same for
//! everybody.
//!
//! What is near is found by the index over `notary.place`: a point of space, in kilometres. The straight line between two
//! places of a sphere grows with the distance over ground, so the index gives the nearest first, in the exact order, and stops
//! when the page is full; beyond the radius it is not walked ([`place`]).

mod filter;
mod list;
mod place;
mod showcase;

pub use filter::{Filter, Position, Sort};
pub use list::{Card, list, statement};
pub use place::{Near, RADIUS_KM};
pub use showcase::{Showcase, showcase};

/// The condition under which an office `n` is found on a day: `found!("$2")`.
macro_rules! found {
    ($today:literal) => {
        concat!("n.is_listed AND n.is_verified AND ", licensed!("n", $today))
    };
}
pub(in crate::notary) use found;
