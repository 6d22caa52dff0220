//! The job engine: what it promises, under races, crashes, outages and stops.

mod administration;
mod blocking;
mod cancel;
mod chaos;
mod command_line;
mod control_lists;
mod control_orders;
mod cron;
mod cron_api;
pub(crate) mod deeds;
mod engine;
mod enqueue;
mod fleet;
mod handover;
mod kinds;
mod leader;
mod limits;
mod lines;
pub(crate) mod node;
mod outage;
mod poison;
mod race;
mod rescue;
mod retry;
mod steering;
mod suspended;
mod two_years;
