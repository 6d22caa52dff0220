//! The cases of the benchmark of jobs: one noun, one file.

pub(crate) mod burn;
pub(crate) mod enqueue;
mod kinds;
pub(crate) mod lateness;
mod limit;
mod meter;
pub(crate) mod options;
mod pgbench;
pub(crate) mod pickup;
pub(crate) mod pinned;
mod report;
mod site;
pub(crate) mod steady;

pub(crate) use report::{Case, Figures, Report, Target, Variant};
pub(crate) use site::Site;
