//! The cache: answers that many ask for, kept encoded and compressed.
//!
//! - [`Cache`]: how handlers ask; a hit is a look into a table that the shards publish, and costs no message.
//! - [`Tags`]: how a write makes what depends on it outdated, after its commit, here and on every other node.
//! - [`Second`]: what another node has loaded already, in Redis, when one is configured.
//! - [`CacheMsg`]: what a shard does: load what is missing, once for all who ask; compress what is asked for often.
//!
//! Invariants (each has a test in `tests.rs`; over HTTP and between nodes in `tests/it/cache.rs`)
//! - An answer that was loaded before a write was announced is never served as fresh after it: an entry remembers the
//!   generations of its tags from *before* its load.
//! - Whoever asks after a write never joins a load that began before it.
//! - One key is loaded once at a time, however many ask.
//! - While loads fail because the database is away, the last known answer is served for `cache.stale_if_error`.

mod entry;
mod handle;
mod second;
mod shard;
mod tags;
mod warmer;

pub use entry::{Entry, Value};
pub use handle::{Cache, Namespace};
pub use second::Second;
pub use shard::{CacheMsg, CacheShard};
pub use tags::{CHANNEL, Tag, Tags};
pub use warmer::{Warmed, Warmer};

#[cfg(test)]
mod tests;
