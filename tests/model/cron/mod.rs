//! The model of firing: several schedulers, no leader, one compare-and-swap of `next_at` in the transaction that inserts
//! the jobs and records the decision.
//!
//! What is decided is not modelled: it is [`sportello::jobs::schedules::decide`] itself, for a schedule of every minute.
//! Nodes die between any two statements; the server may still commit what they have sent. Jobs of a tick start and end
//! while the next ones are decided. The clock moves by whole minutes, past several ticks if nobody looks.

mod checks;
mod firing;
mod properties;
mod state;
