//! The actors that own what Sportello stores and reads.

pub mod cache;
pub mod contents;
pub mod imager;
pub mod lanes;
pub mod listener;
pub mod mailer;
mod place;
pub mod pool;
pub mod postgres;
mod private;
pub mod redis;
pub mod renderer;
mod staged;
pub mod storage;
pub mod transfers;
mod unfinished;
