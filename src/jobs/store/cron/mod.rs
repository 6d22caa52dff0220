//! The cron table: written from code at start and by administrators, fired by compare-and-swap, every decision recorded.

mod code;
mod fires;
mod firing;
mod overlap;
mod rows;

pub use code::save;
pub use fires::{Fire, FireOutcome, fires};
pub use firing::{Due, Record, due, next, record, take};
pub use overlap::{Cancelled, cancel_live};
pub use rows::{Filter, Stored, delete, find, insert, list, lock, pause, resume, update};
