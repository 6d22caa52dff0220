//! Enqueueing jobs that have what few jobs have: unique keys, limits, sealed arguments, owners, batches, parents.

use ahash::AHashSet;
use jiff::Timestamp;
use postgres_types::ToSql;
use uuid::Uuid;

use super::{
    Catalog,
    insert::{Columns, Inserted},
};
use crate::{
    db::{DbError, Tx},
    jobs::{Hold, JobId, NewJob, seal::KeyRing},
};

/// Inserts `jobs` under `ids`.
///
/// Keys are locked in their order, so that two batches cannot deadlock. An equal key in an open transaction is waited
/// for: if that one rolls back, ours goes in. Equal keys within the batch: the first wins.
pub(super) async fn insert(
    tx: &mut Tx,
    catalog: &Catalog,
    (jobs, ids): (&[NewJob], &[JobId]),
    now: Timestamp,
    seal: &KeyRing,
) -> Result<Inserted, DbError> {
    const MORE: &str = "-- jobs.insert_more
        WITH x AS MATERIALIZED (
            SELECT DISTINCT ON (coalesce(hash::text, id::text)) *
            FROM unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::smallint[], $5::smallint[], $6::int[],
                $7::smallint[], $8::timestamptz[], $9::smallint[], $10::bigint[], $11::text[], $12::text[], $13::text[],
                $15::uuid[], $16::smallint[], $17::timestamptz[], $18::smallint[], $19::bytea[], $20::bigint[],
                $21::smallint[], $22::text[], $23::bigint[], $24::text[], $25::uuid[], $26::bigint[], $27::text[],
                $28::int[], $29::smallint[])
            AS t (id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at, lane, rank, args, tags, meta,
                hash, hold, until, args_version, sealed, key_hash, key_limit, key_name, kind_key, tenant, owner_id,
                batch_id, parents, waits, on_fail)
            ORDER BY coalesce(hash::text, id::text), id
        ), taken AS (
            INSERT INTO job.uniq (hash, job_id, until)
            SELECT hash, id, coalesce(until, 'infinity') FROM x WHERE hash IS NOT NULL ORDER BY hash
            ON CONFLICT (hash) DO UPDATE SET job_id = EXCLUDED.job_id, until = EXCLUDED.until
                WHERE job.uniq.until <= $14
            RETURNING job_id
        ), ok AS MATERIALIZED (
            SELECT * FROM x WHERE hash IS NULL OR id IN (SELECT job_id FROM taken)
        ), body AS (
            INSERT INTO job.body (id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at, unique_hash,
                unique_hold, codec, args, sealed, args_version, tags, meta, key_hash, key_limit, key_name, tenant,
                owner_id, batch_id, parents)
            SELECT id, queue_id, kind_id, priority, max_attempts, timeout_ms, keep, run_at, hash, hold,
                (sealed IS NOT NULL)::int, CASE WHEN sealed IS NULL THEN args::jsonb END, sealed, args_version,
                coalesce(string_to_array(tags, E'\\x1f'), '{}'), meta::jsonb, key_hash, key_limit, key_name, tenant,
                owner_id, batch_id, parents::bigint[] FROM ok
        ), gate AS (
            INSERT INTO job.gate (id, waits, on_fail, run_at, queue_id, lane, rank, key_hash, kind_key)
            SELECT id, waits, on_fail, run_at, queue_id, lane, rank, key_hash, kind_key FROM ok WHERE waits > 0
        ), later AS (
            INSERT INTO job.later (run_at, id, queue_id, lane, rank, key_hash, kind_key)
            SELECT run_at, id, queue_id, lane, rank, key_hash, kind_key FROM ok WHERE waits = 0 AND run_at > $14
        ), parked AS (
            INSERT INTO job.parked (door, lane, rank, id, queue_id, key_hash, kind_key)
            SELECT coalesce(key_hash, kind_key), lane, rank, id, queue_id, key_hash, kind_key FROM ok
            WHERE waits = 0 AND run_at <= $14 AND (key_hash IS NOT NULL OR kind_key IS NOT NULL)
        ), ready AS (
            INSERT INTO job.ready (queue_id, lane, rank, id)
            SELECT queue_id, lane, rank, id FROM ok
            WHERE waits = 0 AND run_at <= $14 AND key_hash IS NULL AND kind_key IS NULL
        )
        SELECT id FROM ok";
    let columns = Columns::of(catalog, jobs, ids, now);
    let more = More::of(jobs, ids, seal);
    let mut args = columns.args(&now).to_vec();
    args.extend(more.args());
    let rows = tx.query(MORE, &args).await?;
    let inserted: AHashSet<JobId> = rows.iter().map(|row| row.get(0)).collect();
    Ok(Inserted {
        ids: ids.iter().map(|id| inserted.contains(id).then_some(*id)).collect(),
        leased: Vec::new(),
    })
}

/// An id may be made a second time after a backup was restored: its nonce must still be another.
fn salt() -> u32 {
    getrandom::u32().expect("the operating system gives randomness")
}

/// One array per column.
#[derive(Default)]
struct More {
    hashes: Vec<Option<Uuid>>,
    holds: Vec<Option<i16>>,
    untils: Vec<Option<Timestamp>>,
    versions: Vec<i16>,
    sealed: Vec<Option<Vec<u8>>>,
    key_hashes: Vec<Option<i64>>,
    key_limits: Vec<Option<i16>>,
    key_names: Vec<Option<String>>,
    kind_keys: Vec<Option<i64>>,
    tenants: Vec<Option<String>>,
    owners: Vec<Option<Uuid>>,
    batches: Vec<Option<i64>>,
    parents: Vec<Option<String>>,
    waits: Vec<i32>,
    on_fails: Vec<i16>,
}

impl More {
    fn of(jobs: &[NewJob], ids: &[JobId], seal: &KeyRing) -> Self {
        let mut columns = Self::default();
        let none = crate::jobs::new_job::More::default();
        for (job, id) in jobs.iter().zip(ids) {
            let more = job.more.as_deref().unwrap_or(&none);
            columns.hashes.push(job.unique.map(|unique| unique.hash));
            columns.holds.push(job.unique.map(|unique| unique.hold.code()));
            columns.untils.push(job.unique.and_then(|unique| match unique.hold {
                Hold::Until(until) => Some(until),
                Hold::Start | Hold::End => None,
            }));
            columns.versions.push(job.version);
            let sealed = more.sealed.then(|| seal.seal(*id, job.kind, &job.args, salt()));
            columns.sealed.push(sealed.map(|sealed| sealed.expect("a server with sealed kinds has a key")));
            columns.key_hashes.push(more.key.as_ref().map(|key| key.hash));
            columns.key_limits.push(more.key.as_ref().map(|key| key.limit));
            columns.key_names.push(more.key.as_ref().map(|key| key.name.clone()));
            columns.kind_keys.push(more.kind_key);
            columns.tenants.push(more.tenant.as_ref().map(|(name, _)| name.clone()));
            columns.owners.push(more.owner);
            columns.batches.push(more.batch.map(|batch| batch.0));
            columns.parents.push((!more.parents.is_empty()).then(|| {
                let ids: Vec<_> = more.parents.iter().map(ToString::to_string).collect();
                format!("{{{}}}", ids.join(","))
            }));
            columns.waits.push(more.waits);
            columns.on_fails.push(more.on_fail as i16);
        }
        columns
    }

    fn args(&self) -> [&(dyn ToSql + Sync); 15] {
        [
            &self.hashes,
            &self.holds,
            &self.untils,
            &self.versions,
            &self.sealed,
            &self.key_hashes,
            &self.key_limits,
            &self.key_names,
            &self.kind_keys,
            &self.tenants,
            &self.owners,
            &self.batches,
            &self.parents,
            &self.waits,
            &self.on_fails,
        ]
    }
}
