//! The actors at the edge: who may pass, and what must not take all processors.

pub mod hasher;
pub mod http;
pub mod limiter;
pub mod live;
