//! The ground: what measures and remembers the others. Nothing here is on a request's way.

pub mod figures;
pub mod journal;
pub mod meter;
