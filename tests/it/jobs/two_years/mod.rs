//! Two years of ticks in Rome, 2027 and 2028, for eight schedules and every policy, against expectations written by hand.
//! The clock jumps from tick to tick, or over the times in which nobody was there.
//!
//! The clocks change on 28 March 2027 (02:00 → 03:00, at 01:00 UTC) and 31 October 2027 (03:00 → 02:00, at 01:00 UTC), and
//! again on 26 March and 29 October 2028. 2027 has 365 days and begins on a Friday, 2028 has 366 and begins on a Saturday.
//!
//! *changes*: every policy for gap and fold. *missed*: every policy for ticks nobody was there for. *overlap*: every
//! policy for runs that last longer than the time between two ticks, fired by the engine's code on PostgreSQL.

mod changes;
mod eight;
mod hands;
mod missed;
mod overlap;
mod run;
