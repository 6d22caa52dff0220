//! The command line: one file per command.
//!
//! What a command prints is its result and goes to standard output, as JSON with `--json`; logs and questions go to
//! standard error. Exit codes: see [`exit`]. Commands work beside a running server: they use the managed PostgreSQL
//! that it started, or start it for themselves. Only `serve`, `seed` and `migrate` make a database where there is none.

mod arguments;
mod audit;
mod client;
mod completions;
mod config;
mod cron;
mod doctor;
mod exit;
mod health;
mod jobs;
mod migrate;
mod openapi;
mod operator;
mod output;
mod password;
mod read_document;
mod seed;
mod serve;
mod session;
mod user;
mod warm_cache;

pub use arguments::main;

use arguments::Cli;
use output::{print, warn};
