//! Calendars (RFC 5545): an event, or one's bookings, for calendar programs.
//!
//! An entry keeps its UID for ever and its SEQUENCE only grows; what was withdrawn or cancelled stays as `CANCELLED`,
//! so that programs take it away. The text is a function of what is stored: unchanged rows give the same bytes.

mod entries;
mod write;

pub use entries::{of_bookings, of_event};
