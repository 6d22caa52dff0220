//! The audit log: who did what to what, from where, and whether it was allowed.
//!
//! Reading order: [`entry`] (what is told, and how it is written), [`chain`] (the hash of an entry), [`seal`] (entries get
//! their place in the chain), [`verify`] (whether the chain still fits, also
//! to an [`anchor`] that was kept elsewhere), [`retention`] (old ones go), [`search`].
//!
//! Invariants
//! - An entry about a change is written in the transaction of the change: there is none without the other.
//! - Entries are never changed; only retention removes any, from the old end, and leaves the hash that they ended with.
//! - The chain has one order for all servers. Until an entry is sealed (some seconds) its text is protected by the rights of
//!   the database alone; afterwards a row that is changed, added or removed by hand does not fit any more.
//! - That the end was cut off is seen by who keeps an anchor elsewhere, and by nobody else.
//! - Entries hold ids and words, no contents: they outlive the people they are about (730 days).

pub mod anchor;
pub mod chain;
mod entry;
pub mod retention;
pub mod seal;
pub mod search;
pub mod verify;

pub use entry::{Entry, Outcome, Recorded, Who, record};
