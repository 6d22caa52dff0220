//! Enqueueing: any number of jobs, one statement.

use std::time::Duration;

use ahash::{AHashMap, AHashSet};
use jiff::Timestamp;
use postgres_types::ToSql;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Catalog, Claimed};
use crate::{
    db::{DbError, Tx},
    jobs::{Hold, JobId, NewJob, QueueName},
    scope,
};

/// Separates tags inside one text: arrays of arrays cannot be unnested. The "unit separator" of ASCII.
const TAG_SEPARATOR: &str = "\u{1f}";

macro_rules! insert {
    ($label:literal, $source:literal) => {
        concat!("-- ", $label, "\nWITH x AS MATERIALIZED (", $source, "
            FROM unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::smallint[], $5::smallint[], $6::int[],
                $7::smallint[], $8::timestamptz[], $9::bigint[], $10::text[], $11::text[], $12::text[],
                $13::uuid[], $14::smallint[], $15::timestamptz[])
            AS t (id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at, rank, args, tags, meta,
                hash, hold, until)")
    };
}

macro_rules! place {
    ($from:literal) => {
        concat!(
            ", body AS (
                INSERT INTO job.body (id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at,
                    unique_hash, unique_hold, args, tags, meta)
                SELECT id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at, hash, hold,
                    args::jsonb, coalesce(string_to_array(tags, E'\\x1f'), '{}'), meta::jsonb FROM ", $from, "
            ), later AS (
                INSERT INTO job.later (run_at, id, queue_id, lane, rank)
                SELECT run_at, id, queue_id, priority, rank FROM ", $from, " WHERE run_at > $16
            ), ready AS (
                INSERT INTO job.ready (queue_id, lane, rank, id)
                SELECT queue_id, priority, rank, id FROM ", $from, " WHERE run_at <= $16
            )
            SELECT id FROM ", $from
        )
    };
}

/// No job of the batch is unique: nothing to lock, nothing to sort.
const PLAIN: &str = concat!(insert!("jobs.insert", "SELECT *"), ")", place!("x"));

/// Keys are locked in their order, so that two batches cannot deadlock. An equal key in an open transaction is waited
/// for: if that one rolls back, ours goes in. Equal keys within the batch: the first wins.
const UNIQUE: &str = concat!(
    insert!("jobs.insert_unique", "SELECT DISTINCT ON (coalesce(hash::text, id::text)) *"),
    " ORDER BY coalesce(hash::text, id::text), id
    ), taken AS (
        INSERT INTO job.uniq (hash, job_id, until)
        SELECT hash, id, coalesce(until, 'infinity') FROM x WHERE hash IS NOT NULL ORDER BY hash
        ON CONFLICT (hash) DO UPDATE SET job_id = EXCLUDED.job_id, until = EXCLUDED.until
            WHERE job.uniq.until <= $16
        RETURNING job_id
    ), ok AS MATERIALIZED (
        SELECT * FROM x WHERE hash IS NULL OR id IN (SELECT job_id FROM taken)
    )",
    place!("ok")
);

/// Jobs that are due and for which a worker is idle are leased to it on the way: with the commit they are in its hands.
/// Not if that worker was declared dead meanwhile, or the queue is paused: those go where all others go.
const LEASED: &str = concat!(
    insert!("jobs.insert_leased", "SELECT *"),
    "), mine AS MATERIALIZED (
        SELECT id FROM x WHERE id = ANY ($17::bigint[]) AND run_at <= $16
          AND EXISTS (SELECT FROM job.worker WHERE id = $18
              AND beat_at > clock_timestamp() - $19 * interval '1 microsecond')
          AND NOT EXISTS (SELECT FROM job.queue WHERE id = $20 AND paused_at IS NOT NULL)
    ), body AS (
        INSERT INTO job.body (id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at, args, tags, meta)
        SELECT id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at, args::jsonb,
            coalesce(string_to_array(tags, E'\\x1f'), '{}'), meta::jsonb FROM x
    ), later AS (
        INSERT INTO job.later (run_at, id, queue_id, lane, rank)
        SELECT run_at, id, queue_id, priority, rank FROM x WHERE run_at > $16
    ), ready AS (
        INSERT INTO job.ready (queue_id, lane, rank, id)
        SELECT queue_id, priority, rank, id FROM x WHERE run_at <= $16 AND id NOT IN (SELECT id FROM mine)
    )
    INSERT INTO job.lease (id, token, worker_id, queue_id, lane, rank, attempt, crashes, deadline_at)
    SELECT id, nextval('job.token'), $18, queue_id, priority, rank, 1, 0,
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

/// Inserts `jobs` under `ids`. Places are for jobs without unique keys only.
pub async fn insert(
    tx: &mut Tx,
    catalog: &Catalog,
    jobs: &[NewJob],
    ids: &[JobId],
    now: Timestamp,
    places: Option<Places>,
) -> Result<Inserted, DbError> {
    let columns = Columns::of(catalog, jobs, ids, now);
    if let Some(places) = places {
        return leased(tx, catalog, (jobs, ids, &columns), now, places).await;
    }
    let is_unique = jobs.iter().any(|job| job.unique.is_some());
    let rows = tx.query(if is_unique { UNIQUE } else { PLAIN }, &columns.args(&now)).await?;
    let inserted: AHashSet<JobId> = rows.iter().map(|row| row.get(0)).collect();
    let ids = ids.iter().map(|id| inserted.contains(id).then_some(*id)).collect();
    Ok(Inserted { ids, leased: Vec::new() })
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
            args: RawValue::from_string(job.args.clone()).expect("arguments are JSON"),
        })
    });
    Ok(Inserted { leased: leased.collect(), ids: ids.iter().copied().map(Some).collect() })
}

/// One array per column.
#[derive(Default)]
struct Columns {
    ids: Vec<i64>,
    queues: Vec<i16>,
    kinds: Vec<i16>,
    priorities: Vec<i16>,
    max_attempts: Vec<i16>,
    timeouts_ms: Vec<i32>,
    keeps: Vec<i16>,
    run_ats: Vec<Timestamp>,
    ranks: Vec<i64>,
    args: Vec<String>,
    tags: Vec<String>,
    metas: Vec<Option<String>>,
    hashes: Vec<Option<Uuid>>,
    holds: Vec<Option<i16>>,
    untils: Vec<Option<Timestamp>>,
}

impl Columns {
    fn of(catalog: &Catalog, jobs: &[NewJob], ids: &[JobId], now: Timestamp) -> Self {
        let mut columns = Self::default();
        let meta =
            scope::current().map(|scope| serde_json::json!({ "request_id": scope.request_id() }).to_string());
        for (job, id) in jobs.iter().zip(ids) {
            // A past time keeps its rank: what was due earlier runs earlier.
            let run_at = job.run_at.unwrap_or(now);
            columns.ids.push(id.0);
            columns.queues.push(catalog.queue(job.queue));
            columns.kinds.push(catalog.kind(job.kind));
            columns.priorities.push(job.priority);
            columns.max_attempts.push(job.max_attempts);
            columns.timeouts_ms.push(job.timeout.as_millis().min(i32::MAX as u128) as i32);
            columns.keeps.push(job.keep as i16);
            columns.run_ats.push(run_at);
            columns.ranks.push(run_at.as_microsecond());
            columns.args.push(job.args.clone());
            columns.tags.push(job.tags.join(TAG_SEPARATOR));
            columns.metas.push(meta.clone());
            columns.hashes.push(job.unique.map(|unique| unique.hash));
            columns.holds.push(job.unique.map(|unique| unique.hold.code()));
            columns.untils.push(job.unique.and_then(|unique| match unique.hold {
                Hold::Until(until) => Some(until),
                Hold::Start | Hold::End => None,
            }));
        }
        columns
    }

    fn args<'a>(&'a self, now: &'a Timestamp) -> [&'a (dyn ToSql + Sync); 16] {
        [
            &self.ids,
            &self.queues,
            &self.kinds,
            &self.priorities,
            &self.max_attempts,
            &self.timeouts_ms,
            &self.keeps,
            &self.run_ats,
            &self.ranks,
            &self.args,
            &self.tags,
            &self.metas,
            &self.hashes,
            &self.holds,
            &self.untils,
            now,
        ]
    }
}
