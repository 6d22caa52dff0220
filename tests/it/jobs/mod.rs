//! The job engine: what it promises, under races, crashes, outages and stops.

mod chaos;
mod cancel;
mod cron;
pub(crate) mod deeds;
mod engine;
mod enqueue;
mod fleet;
mod handover;
mod kinds;
pub(crate) mod node;
mod outage;
mod race;
mod rescue;
mod retry;
mod suspended;
mod steering;
mod two_years;
