//! The model of claim, acknowledgement, finish, rescue, give-back, fence, take-back and quarantine.
//!
//! # What is in it
//! - Time passes in steps of one heartbeat. A process whose beat is due, or whose last beat is too old, beats or looks
//!   before the next step: both are timers. Nothing else is urgent.
//! - Statements are atomic; a claim, a heartbeat and a commit are sent, executed and answered separately, and the answer
//!   may be lost. The transaction of `finish` holds the row lock of its lease from its statement to its end.
//! - Processes crash at any point, sleep (SIGSTOP) and wake, are cut off from the database and come back, stop in order,
//!   boot again, also beside an earlier boot that still lives. PostgreSQL restarts.
//! - Tokens are renumbered after every step, keeping their order: only which ones are equal, and that a new one differs
//!   from all, matters. With that the model is finite.
//!
//! # What is not
//! - Queues, priorities, keys: which job is claimed first. When a waiting job is due: it may be promoted at any time.
//! - An acknowledgement that PostgreSQL executes after its process has died or while it sleeps: as the same one executed
//!   just before.

mod actions;
mod checks;
mod database;
mod process;
mod properties;
mod rules;
mod state;
