//! How the rest of the crate talks to PostgreSQL.
//!
//! - [`Db::lookup`]: a short read by key. It is a message to a *point lane*, which answers many lookups of one
//!   statement with one execution. The fastest way to read.
//! - [`Db::read`]: any other short read (lists, searches). A message to a *list lane*, pipelined.
//! - [`Db::begin`]: a transaction, on a connection leased from the pool actor.
//!
//! Every statement is a constant whose first line is its label: `-- events.bookings.take`. Labels name statements in
//! metrics, in the slow-query log and in `pg_stat_activity`.
//!
//! Invariants
//! - A read that failed because its lane died is retried once, elsewhere if there is an elsewhere.
//! - A commit whose outcome is unknown is [`DbError::Unknown`], and nobody retries it silently.
//! - Errors never carry SQL or values into an answer; they are for logs.

mod connect;
mod error;
mod link;
mod observer;
mod params;
mod reach;
mod reads;
mod shape;
mod tx;

pub use connect::{ConnectError, Connector, Driver};
pub use error::DbError;
pub use link::Link;
pub use observer::{BUCKETS_US, Observer, StatementStats};
pub use params::{Arg, Param, Params, Transposed};
pub use reach::told;
pub use reads::{Db, Route, Rows};
pub use shape::shape;
pub use tx::Tx;

/// Of connections for reads: a read has one plan, made once. Each shape of a list is a statement of its own and lookups go
/// by key, so the arguments decide nothing; PostgreSQL's default plans many of them anew each time, which costs more than
/// running them. (Not for transactions: statements that join a batch's rows may need to know how many they are.)
pub(crate) const ONE_PLAN: &str = "plan_cache_mode=force_generic_plan";

/// The label of a statement: the first line, without its dashes. Statements without one are called `unlabelled`.
pub fn label(sql: &'static str) -> &'static str {
    let first = sql.lines().next().unwrap_or_default();
    first.strip_prefix("--").map_or("unlabelled", str::trim)
}

/// The key of a lookup: `key![slug, user]`.
#[macro_export]
macro_rules! key {
    ($($value:expr),+ $(,)?) => { $crate::db::Params::from_iter([$($crate::db::Param::from($value)),+]) };
}

/// The arguments of a read: `args![city, limit]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$(Box::new($value) as $crate::db::Arg),*] };
}
