//! Enqueueing: any number of jobs, one statement.

use std::time::Duration;

use ahash::AHashMap;
use jiff::Timestamp;
use postgres_types::ToSql;
use serde_json::value::RawValue;

use super::{Arguments, Catalog, Claimed, SEPARATOR, insert_more};
use crate::{
    db::{DbError, Tx},
    jobs::{JobId, NewJob, QueueName, seal::KeyRing},
    scope,
};

macro_rules! insert {
    ($label:literal) => {
        concat!("-- ", $label, "
        WITH x AS MATERIALIZED (
            SELECT *
            FROM unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::smallint[], $5::smallint[], $6::int[],
                $7::smallint[], $8::timestamptz[], $9::smallint[], $10::bigint[], $11::text[], $12::text[], $13::text[])
            AS t (id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at, lane, rank, args, tags, meta)
        ), body AS (
            INSERT INTO job.body (id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at, args, tags,
                meta)
            SELECT id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at, args::jsonb,
                coalesce(string_to_array(tags, E'\\x1f'), '{}'), meta::jsonb FROM x
        ), later AS (
            INSERT INTO job.later (run_at, id, queue_id, lane, rank)
            SELECT run_at, id, queue_id, lane, rank FROM x WHERE run_at > $14
        )")
    };
}

/// Jobs with nothing special: nothing to lock, nothing to sort.
const PLAIN: &str = concat!(
    insert!("jobs.insert"),
    ", ready AS (
        INSERT INTO job.ready (queue_id, lane, rank, id)
        SELECT queue_id, lane, rank, id FROM x WHERE run_at <= $14
    )
    SELECT id FROM x"
);

/// Jobs that are due and for which a worker is idle are leased to it on the way: with the commit they are in its hands.
/// Not if that worker was declared dead meanwhile, or the queue is paused or has limits: those go where all others go.
const LEASED: &str = concat!(
    insert!("jobs.insert_leased"),
    ", mine AS MATERIALIZED (
        SELECT id FROM x WHERE id = ANY ($15::bigint[]) AND run_at <= $14
          AND EXISTS (SELECT FROM job.worker WHERE id = $16
              AND beat_at > clock_timestamp() - $17 * interval '1 microsecond')
          AND NOT EXISTS (SELECT FROM job.queue WHERE id = $18
              AND (paused_at IS NOT NULL OR max_running IS NOT NULL OR rate_per_s IS NOT NULL))
    ), ready AS (
        INSERT INTO job.ready (queue_id, lane, rank, id)
        SELECT queue_id, lane, rank, id FROM x WHERE run_at <= $14 AND id NOT IN (SELECT id FROM mine)
    )
    INSERT INTO job.lease (id, token, worker_id, queue_id, lane, rank, attempt, crashes, started_at, deadline_at)
    SELECT id, nextval('job.token'), $16, queue_id, lane, rank, 1, 0, greatest(clock_timestamp(), $14),
        clock_timestamp() + timeout_ms * interval '1 ms'
    FROM x WHERE id IN (SELECT id FROM mine)
    RETURNING id, token"
);

/// Workers of this process that have nothing to do.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// Of this queue.
    pub queue: QueueName,
    /// The number of this boot.
    pub worker: i64,
    /// A worker whose beat is older may have been declared dead.
    pub rescue: Duration,
    /// How many.
    pub count: usize,
}

/// What was inserted.
#[derive(Debug)]
pub struct Inserted {
    /// For each job its id; `None` where an equal unique job is live.
    pub ids: Vec<Option<JobId>>,
    /// What was leased to [`Places`]. To be run once the transaction has committed.
    pub leased: Vec<Claimed>,
}

/// Inserts `jobs` under `ids`. Places are for jobs with nothing special only.
pub async fn insert(
    tx: &mut Tx,
    catalog: &Catalog,
    (jobs, ids): (&[NewJob], &[JobId]),
    now: Timestamp,
    seal: &KeyRing,
    places: Option<Places>,
) -> Result<Inserted, DbError> {
    if jobs.iter().any(NewJob::is_special) {
        return insert_more::insert(tx, catalog, (jobs, ids), now, seal).await;
    }
    let columns = Columns::of(catalog, jobs, ids, now);
    if let Some(places) = places {
        return leased(tx, catalog, (jobs, ids, &columns), now, places).await;
    }
    tx.query(PLAIN, &columns.args(&now)).await?;
    Ok(Inserted { ids: ids.iter().copied().map(Some).collect(), leased: Vec::new() })
}

async fn leased(
    tx: &mut Tx,
    catalog: &Catalog,
    (jobs, ids, columns): (&[NewJob], &[JobId], &Columns),
    now: Timestamp,
    places: Places,
) -> Result<Inserted, DbError> {
    let is_wanted = |job: &NewJob| job.queue == places.queue && job.run_at.is_none_or(|at| at <= now);
    let wanted: Vec<i64> = jobs
        .iter()
        .zip(ids)
        .filter(|(job, _)| is_wanted(job))
        .take(places.count)
        .map(|(_, id)| id.0)
        .collect();
    let (rescue, queue) = (super::micros(places.rescue), catalog.queue(places.queue));
    let mut args = columns.args(&now).to_vec();
    args.extend([&wanted as &(dyn ToSql + Sync), &places.worker, &rescue, &queue]);
    let rows = tx.query(LEASED, &args).await?;
    let tokens: AHashMap<JobId, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let leased = jobs.iter().zip(ids).filter_map(|(job, id)| {
        Some(Claimed {
            job: *id,
            token: *tokens.get(id)?,
            attempt: 1,
            crashes: 0,
            kind: catalog.kind(job.kind),
            max_attempts: job.max_attempts,
            timeout: job.timeout,
            rank: job.rank(now),
            version: job.version,
            args: Arguments::Plain(RawValue::from_string(job.args.clone()).expect("arguments are JSON")),
            meta: meta().map(|meta| RawValue::from_string(meta).expect("it was just written as JSON")),
            ties: None,
        })
    });
    Ok(Inserted { leased: leased.collect(), ids: ids.iter().copied().map(Some).collect() })
}

/// One array per column, of what every job has.
#[derive(Default)]
pub(super) struct Columns {
    ids: Vec<i64>,
    queues: Vec<i16>,
    kinds: Vec<i16>,
    priorities: Vec<i16>,
    max_attempts: Vec<i16>,
    timeouts_ms: Vec<i32>,
    keeps: Vec<i16>,
    run_ats: Vec<Timestamp>,
    lanes: Vec<i16>,
    ranks: Vec<i64>,
    args: Vec<String>,
    tags: Vec<String>,
    metas: Vec<Option<String>>,
}

impl Columns {
    pub(super) fn of(catalog: &Catalog, jobs: &[NewJob], ids: &[JobId], now: Timestamp) -> Self {
        let mut columns = Self::default();
        let meta = meta();
        for (job, id) in jobs.iter().zip(ids) {
            columns.ids.push(id.0);
            columns.queues.push(catalog.queue(job.queue));
            columns.kinds.push(catalog.kind(job.kind));
            columns.priorities.push(job.priority);
            columns.max_attempts.push(job.max_attempts);
            columns.timeouts_ms.push(job.timeout.as_millis().min(i32::MAX as u128) as i32);
            columns.keeps.push(job.keep as i16);
            columns.run_ats.push(job.run_at.unwrap_or(now));
            columns.lanes.push(job.lane());
            columns.ranks.push(job.rank(now));
            columns.args.push(job.args.clone());
            columns.tags.push(job.tags.join(SEPARATOR));
            columns.metas.push(meta.clone());
        }
        columns
    }

    pub(super) fn args<'a>(&'a self, now: &'a Timestamp) -> [&'a (dyn ToSql + Sync); 14] {
        [
            &self.ids,
            &self.queues,
            &self.kinds,
            &self.priorities,
            &self.max_attempts,
            &self.timeouts_ms,
            &self.keeps,
            &self.run_ats,
            &self.lanes,
            &self.ranks,
            &self.args,
            &self.tags,
            &self.metas,
            now,
        ]
    }
}

/// The request or job that enqueues: its id, and its place in a distributed trace.
fn meta() -> Option<String> {
    let scope = scope::current()?;
    let mut meta = serde_json::json!({ "request_id": scope.request_id() });
    if let Some(parent) = scope.traceparent() {
        meta["traceparent"] = parent.into();
    }
    Some(meta.to_string())
}
