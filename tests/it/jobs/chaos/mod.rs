//! Three servers on one PostgreSQL, one of them killed (`kill -9`) every other second, PostgreSQL restarted meanwhile:
//! every job's row is there once, nothing is lost and nothing is left.
//!
//! The suite runs a short form; `script/chaos [jobs] [seconds between kills]` runs any other and prints what it saw.

mod killing;
mod plan;
mod restarts;
mod story;
mod test;
