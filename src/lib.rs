//! Sportello: the back office of service practices in one binary.
//!
//! The tour, in reading order:
//!
//! - [`app`] builds every part and stops them in reverse: start here.
//! - [`actors`] is what runs: the kernel, and the tree of supervised actors.
//! - [`db`] is how the rest of the crate talks to PostgreSQL: reads through lanes, transactions by lease.
//! - [`http`] turns requests into calls of the domains, and errors into problems.
//! - [`accounts`], [`events`], [`notary`] and [`clinic`] are the domains: rules and SQL, knowing neither axum nor ractor.
//! - [`documents`] are the files of all desks: how they arrive, are checked, stored and read.
//! - [`pdf`] sets documents for print.
//! - [`audit`] keeps who did what to what.
//! - [`jobs`] says what a job is and what happened to it.
//! - [`calendar`] writes calendars for calendar programs.
//! - [`config`], [`clock`], [`ids`], [`scope`], [`sealing`], [`telemetry`], [`metrics`] are the ground everything stands on.
//! - [`postgres`], [`migrate`], [`seed`], [`cli`] are what an operator touches.

// First: the domains use its macros.
#[macro_use]
mod stored;

pub mod accounts;
pub mod actors;
pub mod app;
pub mod audit;
pub mod calendar;
pub mod cli;
pub mod clinic;
pub mod clock;
pub mod config;
pub mod db;
pub mod documents;
pub mod events;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod journal;
pub mod mail;
pub mod metrics;
pub mod migrate;
pub mod notary;
pub mod pdf;
pub mod postgres;
pub mod scope;
pub mod sealing;
pub mod seed;
pub mod signing;
pub mod telemetry;
pub mod text;
mod wording;
pub mod words;
