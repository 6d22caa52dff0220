//! Redis (or Valkey): the second cache level, and quotas that several nodes share.
//!
//! The actor `root/data/redis` owns the connections: it opens them, watches them, asks whether they still answer, and
//! publishes the client through the handle [`Redis`]. Commands go straight to the published client, without a message:
//! the client's own task is the mailbox already, and a second one in front of it would only cost
//! (`ARCHITECTURE.md`, hot path).
//!
//! Invariants
//! - Nothing waits long: each call ends within `redis.command_timeout`. While there is no connection, and for
//!   `redis.circuit_open` after a failure, calls fail at once; then a single one tries (see [`circuit`]).
//! - Redis is optional. Every caller has an answer of its own for every [`RedisError`]; no request fails because of it.
//! - Nothing is sent twice: a command that was on its way when its connection broke has failed.
//! - The address holds a password: it is in no log, view or error.
//!
//! A crash of the actor closes its connections; calls fail with [`RedisError::Down`] until the next incarnation has
//! opened new ones, a few milliseconds later.

mod actor;
mod circuit;
mod commands;

pub use actor::{RedisActor, RedisMsg};
pub use circuit::{Circuit, Pass};
pub use commands::{Redis, RedisError, Script, State};
