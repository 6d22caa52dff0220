//! Numbers of kinds and queues: registered once, never changed, kept in memory.

use ahash::AHashMap;
use tokio_postgres::Row;

use super::Ask;
use crate::{
    db::DbError,
    jobs::{QueueName, key, registry::Registry},
};

/// Numbers instead of names in the narrow rows.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    queues: [i16; QueueName::ALL.len()],
    kinds: AHashMap<&'static str, i16>,
    names: AHashMap<i16, &'static str>,
}

impl Catalog {
    /// The number of a queue.
    pub fn queue(&self, queue: QueueName) -> i16 {
        self.queues[queue.index()]
    }

    /// The queue with a number; `None` for queues of a newer binary.
    pub fn queue_name(&self, number: i16) -> Option<QueueName> {
        QueueName::ALL.into_iter().find(|queue| self.queues[queue.index()] == number)
    }

    /// The number of a kind.
    ///
    /// # Panics
    /// When the kind is missing in `registry.rs`: the first test that enqueues it finds out.
    pub fn kind(&self, name: &str) -> i16 {
        *self.kinds.get(name).unwrap_or_else(|| panic!("job kind {name:?} is missing in jobs/registry.rs"))
    }

    /// The kind with a number; `None` for kinds of a newer binary.
    pub fn kind_name(&self, number: i16) -> Option<&'static str> {
        self.names.get(&number).copied()
    }

    fn of(registry: &Registry, queues: &[Row], kinds: &[Row]) -> Self {
        let mut catalog = Self::default();
        for row in queues {
            let name: &str = row.get(0);
            if let Some(queue) = QueueName::ALL.into_iter().find(|queue| queue.as_str() == name) {
                catalog.queues[queue.index()] = row.get(1);
            }
        }
        for row in kinds {
            if let Some(kind) = registry.get(row.get(0)) {
                catalog.kinds.insert(kind.name, row.get(1));
                catalog.names.insert(row.get(1), kind.name);
            }
        }
        catalog
    }
}

/// Reads the numbers, giving new ones to what is new.
pub async fn register(at: &mut impl Ask, registry: &Registry) -> Result<Catalog, DbError> {
    // The insert happens only for what is missing, so that a boot burns no numbers and locks nothing.
    const QUEUES: &str = "-- jobs.catalog.add_queues
        INSERT INTO job.queue (name) SELECT name FROM unnest($1::text[]) AS t (name)
        WHERE name NOT IN (SELECT name FROM job.queue) ORDER BY name
        ON CONFLICT (name) DO NOTHING";
    const KINDS: &str = "-- jobs.catalog.add_kinds
        INSERT INTO job.kind (name) SELECT name FROM unnest($1::text[]) AS t (name)
        WHERE name NOT IN (SELECT name FROM job.kind) ORDER BY name
        ON CONFLICT (name) DO NOTHING";
    const READ_QUEUES: &str = "-- jobs.catalog.queues\nSELECT name, id FROM job.queue";
    const READ_KINDS: &str = "-- jobs.catalog.kinds\nSELECT name, id FROM job.kind";
    let queues = QueueName::ALL.map(QueueName::as_str).to_vec();
    let kinds: Vec<_> = registry.kinds().map(|kind| kind.name).collect();
    at.ask(QUEUES, &[&queues]).await?;
    at.ask(KINDS, &[&kinds]).await?;
    limit(at, registry).await?;
    let queues = at.ask(READ_QUEUES, &[]).await?;
    let kinds = at.ask(READ_KINDS, &[]).await?;
    Ok(Catalog::of(registry, &queues, &kinds))
}

/// Writes down the limits of kinds that have changed with this binary. Jobs that were enqueued without the limit get
/// in line: those that are ready go to the door, those that run are counted.
async fn limit(at: &mut impl Ask, registry: &Registry) -> Result<(), DbError> {
    const LIMIT: &str = "-- jobs.catalog.limit
        UPDATE job.kind AS k SET max_running = t.max_running
        FROM unnest($1::text[], $2::int[]) AS t (name, max_running)
        WHERE k.name = t.name AND k.max_running IS DISTINCT FROM t.max_running
        RETURNING k.name, k.id";
    const LINE_UP: &str = "-- jobs.catalog.line_up
        WITH about AS MATERIALIZED (SELECT id FROM job.body WHERE kind_id = $1),
        ready AS (
            DELETE FROM job.ready WHERE kind_key IS NULL AND id IN (SELECT id FROM about) RETURNING *
        ), parked AS (
            INSERT INTO job.parked (door, lane, rank, id, queue_id, attempt, crashes, key_hash, kind_key)
            SELECT $2, lane, rank, id, queue_id, attempt, crashes, key_hash, $2 FROM ready
        ), waiting AS (
            UPDATE job.parked SET kind_key = $2 WHERE kind_key IS NULL AND id IN (SELECT id FROM about)
        ), later AS (
            UPDATE job.later SET kind_key = $2 WHERE kind_key IS NULL AND id IN (SELECT id FROM about)
        ), gate AS (
            UPDATE job.gate SET kind_key = $2 WHERE kind_key IS NULL AND id IN (SELECT id FROM about)
        )
        UPDATE job.lease SET kind_key = $2 WHERE kind_key IS NULL AND id IN (SELECT id FROM about)";
    let names: Vec<_> = registry.kinds().map(|kind| kind.name).collect();
    let limits: Vec<_> = registry.kinds().map(|kind| kind.max_running.map(i32::from)).collect();
    for row in at.ask(LIMIT, &[&names, &limits]).await? {
        let (name, number): (&str, i16) = (row.get(0), row.get(1));
        if registry.get(name).is_some_and(|kind| kind.max_running.is_some()) {
            at.ask(LINE_UP, &[&number, &key::of_kind(name)]).await?;
        }
    }
    Ok(())
}
