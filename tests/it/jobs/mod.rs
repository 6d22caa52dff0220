//! The job engine: what it promises, under races, crashes, outages and stops.

mod cron;
mod engine;
mod enqueue;
mod handover;
mod kinds;
pub(crate) mod node;
mod outage;
mod race;
mod rescue;
mod retry;
mod two_years;
