//! What runs: the kernel and the tree of supervised actors.

pub mod core;
pub mod data;
pub mod edge;
pub mod jobs;
pub mod kernel;
pub mod ops;
