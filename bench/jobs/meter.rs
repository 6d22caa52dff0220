//! What jobs cost: processor time, WAL, commits and dead tuples.
//!
//! WAL and commits are read from PostgreSQL's own positions, which are exact at any moment: a commit is a transaction that
//! wrote (those that only read flush nothing). `pg_stat_database` and `pg_stat_user_tables` are told by each backend only
//! now and then; dead tuples, which are only known there, are read while no server runs.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::Figures;
use crate::support::cpu::Cpu;

/// Backends say what they did when they end.
const GONE_LIMIT: Duration = Duration::from_secs(10);

/// The positions at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    at: Instant,
    cpu: Cpu,
    wal: i64,
    transactions: i64,
}

impl Meter {
    /// Reads everything.
    pub(super) async fn read(client: &Client) -> anyhow::Result<Self> {
        const POSITIONS: &str = "-- bench.jobs.positions
            SELECT (pg_current_wal_lsn() - '0/0')::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
        let (at, cpu) = (Instant::now(), Cpu::read(client).await?);
        let row = client.query_one(POSITIONS, &[]).await?;
        Ok(Self { at, cpu, wal: row.get(0), transactions: row.get(1) })
    }

    /// Rate and costs of `jobs` since `self`.
    pub(super) async fn figures(self, client: &Client, jobs: u64) -> anyhow::Result<Figures> {
        let took = self.at.elapsed();
        let now = Self::read(client).await?;
        let per_job = |now: i64, then: i64| Some((now - then) as f64 / jobs.max(1) as f64);
        let (server_us, postgres_us) = now.cpu.per_request(self.cpu, jobs);
        Ok(Figures {
            rate: Some(jobs as f64 / took.as_secs_f64()),
            server_us,
            postgres_us,
            wal_bytes: per_job(now.wal, self.wal),
            commits: per_job(now.transactions, self.transactions),
            ..Figures::default()
        })
    }
}

/// Rows of the job tables updated or deleted so far. No server runs: connections that one has left behind are ended, so
/// that all have told.
pub(super) async fn dead_tuples(client: &Client) -> anyhow::Result<i64> {
    const END: &str = "-- bench.jobs.end_connections
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name LIKE 'sportello%' OR application_name = 'pgbench'";
    const DEAD: &str = "-- bench.jobs.dead
        SELECT coalesce(sum(n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables WHERE schemaname = 'job'";
    let began = Instant::now();
    while client.query_one(END, &[]).await?.get::<_, i64>(0) > 0 {
        anyhow::ensure!(began.elapsed() < GONE_LIMIT, "connections of a stopped server do not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(client.query_one(DEAD, &[]).await?.get(0))
}
