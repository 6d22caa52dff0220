//! The cron table: when, which job, in which time zone, and what about ticks that were missed, overlap, or fall into a
//! change of the clocks.
//!
//! The table in the database is the truth at run time: `next_at` survives restarts, a tick is decided by one
//! compare-and-swap on it, and every decision is a row of `job.cron_fire`. This table in code is written there at
//! every start; a changed timing computes `next_at` anew.

mod decide;
mod schedule;
mod spec;
mod table;
mod timing;

pub use decide::{Decision, Tick, decide};
pub use schedule::{Fold, Gap, Missed, Overlap, Schedule};
pub use spec::{Spec, SpecError};
pub use table::schedules;
pub use timing::{Timing, TimingError};
