//! Slots: when a notary can be met.
//!
//! Openings are the hours of the week and extra openings; holidays take the hours of their day away, but not an extra
//! opening on it; closures and what is already booked take everything away that they touch.
//!
//! A slot begins at a wall time of its opening's grid, and lasts its minutes of real time. Hence
//! - in the night when clocks go forward, wall times that do not exist are no slots;
//! - in the night when they go back, the wall times that come twice are slots the first time only;
//! - a slot over such a change ends at another wall time than usual, but is neither shorter nor longer.
//!
//! Ends of ranges that are given as wall times: one that does not exist is the moment of the change. One that exists twice
//! is the first for openings and for the begin of closures, and the second for the end of closures: what closes reaches
//! furthest.

mod answer;
mod question;
#[cfg(test)]
mod tests;
mod wall;

pub use answer::{days, slots};
pub use question::{
    Availability, DAYS_MAX, Exception, MINUTES_MAX, MINUTES_MIN, Question, Range, Slot, SlotsError,
};
