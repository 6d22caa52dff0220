//! All SQL of the job tables, by noun; one function per edge of the state diagram in `jobs/mod.rs`.
//!
//! Plans must not depend on statistics: these tables are empty one moment and hold a million rows the next. Rows are
//! therefore found by `ctid` or by `id = ANY (ARRAY(…))`, and the engine's own connections run with generic plans and
//! without nested loops (see [`settings`]).

use std::{future::Future, time::Duration};

use postgres_types::ToSql;
use tokio_postgres::Row;

use crate::db::{Connector, DbError, Link, Tx};

pub mod acks;
pub mod catalog;
pub mod claims;
pub mod cron;
pub mod doors;
pub mod due;
pub mod erase;
pub mod flows;
pub mod history;
pub mod insert;
mod insert_more;
pub mod limits;
pub mod lists;
pub mod lists_ended;
pub mod lists_look;
pub mod lists_orders;
pub mod rescue;
pub mod samples;
pub mod settings;
pub mod state;
pub mod steering;
pub mod steps;
pub mod workers;

pub use catalog::Catalog;
pub use claims::{Arguments, Claimed, Ties};

/// Separates texts inside one text: arrays of arrays cannot be unnested. The "unit separator" of ASCII.
const SEPARATOR: &str = "\u{1f}";

/// Why a job waits in `job.later`; the numbers of its column `why`.
pub mod why {
    /// It was enqueued for that time.
    pub const SCHEDULED: i16 = 0;
    /// It failed.
    pub const RETRY: i16 = 1;
    /// It asked for it.
    pub const SNOOZE: i16 = 2;
    /// Its process died.
    pub const CRASH: i16 = 3;
}

/// Settings of the engine's own connections: one plan, made once, that is right for any size of the tables.
pub fn settings(connector: &Connector) -> Connector {
    connector
        .setting("jit=off") // costs of what is disabled look like a reason to compile
        .setting("plan_cache_mode=force_generic_plan")
        .setting("enable_nestloop=off")
        .setting("enable_seqscan=off")
}

/// Where a statement may run that is right inside a transaction and alone.
pub trait Ask: Send {
    /// Rows of a statement.
    fn ask(
        &mut self,
        sql: &'static str,
        args: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<Vec<Row>, DbError>> + Send;
}

impl Ask for Tx {
    async fn ask(&mut self, sql: &'static str, args: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, DbError> {
        self.query(sql, args).await
    }
}

impl Ask for &Link {
    async fn ask(&mut self, sql: &'static str, args: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, DbError> {
        self.query(sql, args).await
    }
}

/// A duration as an argument: microseconds.
fn micros(duration: Duration) -> f64 {
    duration.as_micros() as f64
}
