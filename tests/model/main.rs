//! Models of the job engine and of cron, checked exhaustively within small bounds: every order of statements, every
//! lost answer, every crash between two of them. No database.
//!
//! A model is only as good as its likeness. Its transitions are the statements of `src/jobs/store`, one by one, under
//! their labels, and the rules of `src/actors/jobs` that decide when they are sent. Each rule that a guarantee rests on
//! can be taken away: the tests show that the model then finds the damage.

#![allow(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]
#![allow(clippy::print_stdout, reason = "whoever asks for the output sees the size of the model")]

mod cron;
mod engine;
mod reach;
