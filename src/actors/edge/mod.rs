//! What stands between the network and the rest: who may pass, and what must not take all processors.

pub mod hasher;
