//! The limiter: how many requests of a class one client may make.
//!
//! A quota `100/60s` is a bucket of 100 requests that fills again evenly, one each 0.6 s (GCRA, the generic cell rate
//! algorithm): who has been quiet may send 100 at once, and nobody gets more than 100 a minute for long.
//!
//! The actor `root/edge/limiter` owns the table of clients and publishes it through its handle [`Limiter`]: a check is
//! a short lock of one of the table's shards, and no message. What is a message is upkeep: every few seconds it forgets
//! the clients whose bucket is full again. The table lives in the handle and the behaviour, so a crash of the actor
//! forgets nobody and fails no request.
//!
//! Invariants
//! - Never more than `limits.max_keys` clients are remembered. When the table is full, those are forgotten who owe
//!   least: their bucket is nearly full anyway ([`table`]).
//! - With Redis the quotas are shared by all nodes ([`shared`]). Every request is counted here first: who has spent
//!   the quota on this node alone is refused without asking Redis, and when Redis is away this count decides. No
//!   request waits longer than `redis.command_timeout`, and none fails.
//! - Counts are kept by address (IPv6 by /64) or by account, never by what a client claims about itself.

mod actor;
mod class;
mod quotas;
mod shared;
mod table;

pub use actor::{Limiter, LimiterActor, LimiterMsg};
pub use class::{Class, Decision, Key};
