//! Enqueueing: any number of jobs, one statement.

use ahash::AHashSet;
use jiff::Timestamp;
use postgres_types::ToSql;
use uuid::Uuid;

use super::Catalog;
use crate::{
    db::{DbError, Tx},
    jobs::{Hold, JobId, NewJob},
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

/// Inserts `jobs` under `ids`; `None` where an equal unique job is live.
pub async fn insert(
    tx: &mut Tx,
    catalog: &Catalog,
    jobs: &[NewJob],
    ids: &[JobId],
    now: Timestamp,
) -> Result<Vec<Option<JobId>>, DbError> {
    let columns = Columns::of(catalog, jobs, ids, now);
    let is_unique = jobs.iter().any(|job| job.unique.is_some());
    let rows = tx.query(if is_unique { UNIQUE } else { PLAIN }, &columns.args(&now)).await?;
    let inserted: AHashSet<JobId> = rows.iter().map(|row| row.get(0)).collect();
    Ok(ids.iter().map(|id| inserted.contains(id).then_some(*id)).collect())
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
