//! What the benchmarks share: the ground they stand on, the processor time, and the report. (`load.rs` is for those over
//! HTTP.)
//!
//! A benchmark compares variants of one thing in *interleaved* rounds (A B, B A, A B, …) within one run: the machine may
//! be busy with other things, and what disturbs one variant then disturbs the other too. The figure of a comparison is
//! the median of the rounds' ratios, with the smallest and the largest beside it.

#![allow(dead_code, unused_imports, reason = "not every benchmark needs everything")]

pub(crate) mod cpu;
pub(crate) mod ground;
pub(crate) mod options;
pub(crate) mod report;

pub(crate) use ground::Ground;
pub(crate) use options::Options;
pub(crate) use report::{Measured, Report, Variant};

/// The same allocator as the server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
