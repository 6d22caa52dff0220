//! Batches, and jobs that wait for others.
//!
//! An edge stands for "this has not ended yet": from a job to its batch, from a parent to the job that waits for it, from
//! a batch to the job that waits for all of it. The statement that ends a job takes its edges away (see
//! [`super::acks`]); what has nothing to wait for any more is let go here. Every statement can be repeated: whoever
//! finds a gate without waits opens it, also after a crash.

use jiff::Timestamp;

use super::acks::{settled, summary};
use crate::{
    db::{DbError, Link, Tx},
    jobs::JobId,
};

/// Most gates or batches looked at by one statement.
pub const AT_ONCE: usize = 1000;

/// Most parents whose results are read at once; whoever has more reads them from the history bit by bit.
const PARENTS_MAX: usize = 10_000;

/// Makes a batch; a sealed one gets no members later.
pub async fn open_batch(
    tx: &mut Tx,
    batch: JobId,
    name: Option<&str>,
    owner: Option<uuid::Uuid>,
) -> Result<(), DbError> {
    const OPEN: &str = "-- jobs.flows.open_batch
        INSERT INTO job.batch (id, name, owner_id) VALUES ($1, $2, $3)";
    tx.execute(OPEN, &[&batch, &name, &owner]).await.map(|_| ())
}

/// What a batch says to one who wants to change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchState {
    /// Its members are known.
    pub is_sealed: bool,
    /// All of them have ended.
    pub is_closed: bool,
    /// Members that did not end well.
    pub bad: i32,
}

/// Looks at a batch and keeps it as it is until the transaction ends.
pub async fn lock_batch(tx: &mut Tx, batch: JobId) -> Result<Option<BatchState>, DbError> {
    const LOCK: &str = "-- jobs.flows.lock_batch
        SELECT sealed_at IS NOT NULL, closed_at IS NOT NULL, bad FROM job.batch WHERE id = $1 FOR UPDATE";
    let row = tx.query_opt(LOCK, &[&batch]).await?;
    Ok(row.map(|row| BatchState { is_sealed: row.get(0), is_closed: row.get(1), bad: row.get(2) }))
}

/// Counts new members.
pub async fn add_members(tx: &mut Tx, batch: JobId, members: &[JobId]) -> Result<(), DbError> {
    const ADD: &str = "-- jobs.flows.add_members
        WITH edge AS (
            INSERT INTO job.edge (parent, child) SELECT id, $1 FROM unnest($2::bigint[]) AS t (id)
        )
        UPDATE job.batch SET total = total + cardinality($2::bigint[]) WHERE id = $1";
    tx.execute(ADD, &[&batch, &members]).await.map(|_| ())
}

/// Nothing is added to the batch any more.
pub async fn seal_batch(tx: &mut Tx, batch: JobId) -> Result<(), DbError> {
    const SEAL: &str = "-- jobs.flows.seal_batch
        UPDATE job.batch SET sealed_at = coalesce(sealed_at, clock_timestamp()) WHERE id = $1";
    tx.execute(SEAL, &[&batch]).await.map(|_| ())
}

/// Lets `children` wait for `parents`, pair by pair.
pub async fn add_edges(tx: &mut Tx, edges: &[(JobId, JobId)]) -> Result<(), DbError> {
    const ADD: &str = "-- jobs.flows.add_edges
        INSERT INTO job.edge (parent, child) SELECT * FROM unnest($1::bigint[], $2::bigint[])";
    let (parents, children): (Vec<_>, Vec<_>) = edges.iter().copied().unzip();
    tx.execute(ADD, &[&parents, &children]).await.map(|_| ())
}

/// What was let go.
#[derive(Debug, Default)]
pub struct Released {
    /// Jobs that wait for nothing any more.
    pub opened: usize,
    /// Of them, those cancelled because one they waited for did not end well.
    pub cancelled: usize,
    /// The numbers of the queues in which something is ready now.
    pub queues: Vec<i16>,
    /// The doors at which something waits now.
    pub doors: Vec<i64>,
    /// The earliest time for which one waits now.
    pub due: Option<Timestamp>,
}

/// Lets the jobs go that wait for nobody any more, and cancels those whose parents failed. May have to be repeated:
/// what was cancelled has children of its own.
pub async fn open_gates(link: &Link, now: Timestamp) -> Result<Released, DbError> {
    const OPEN: &str = "-- jobs.flows.open_gates
        WITH c AS MATERIALIZED (
            SELECT * FROM job.gate WHERE waits = 0 AND (on_fail = 1 OR failed = 0)
            ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM job.gate WHERE id = ANY (ARRAY(SELECT id FROM c))
        ), later AS (
            INSERT INTO job.later (run_at, id, queue_id, lane, rank, key_hash, kind_key)
            SELECT run_at, id, queue_id, lane, rank, key_hash, kind_key FROM c WHERE run_at > $1
        ), parked AS (
            INSERT INTO job.parked (door, lane, rank, id, queue_id, key_hash, kind_key)
            SELECT coalesce(key_hash, kind_key), lane, rank, id, queue_id, key_hash, kind_key FROM c
            WHERE run_at <= $1 AND (key_hash IS NOT NULL OR kind_key IS NOT NULL)
        ), ready AS (
            INSERT INTO job.ready (queue_id, lane, rank, id)
            SELECT queue_id, lane, rank, id FROM c WHERE run_at <= $1 AND key_hash IS NULL AND kind_key IS NULL
        )
        SELECT queue_id, coalesce(key_hash, kind_key), CASE WHEN run_at > $1 THEN run_at END FROM c";
    const CANCEL: &str = concat!(
        "-- jobs.flows.cancel_gates
        WITH lease AS MATERIALIZED (
            SELECT id, 0::smallint AS attempt, 0::smallint AS crashes, NULL::timestamptz AS started_at FROM job.gate
            WHERE waits = 0 AND on_fail = 0 AND failed > 0 ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM job.gate WHERE id = ANY (ARRAY(SELECT id FROM lease))
        ), body AS (DELETE FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM lease)) RETURNING *),
        ended AS (SELECT id, 2 AS state FROM lease), ",
        summary!("2", "false", "'a job that it waited for did not end well'", "NULL::bigint", "NULL::jsonb"),
        ", ",
        settled!("gate"),
        " SELECT id FROM lease"
    );
    let cancelled = link.query(CANCEL, &[&(AT_ONCE as i64)]).await?.len();
    let rows = link.query(OPEN, &[&now, &(AT_ONCE as i64)]).await?;
    let mut released = Released { opened: rows.len() + cancelled, cancelled, ..Released::default() };
    for row in rows {
        match (row.get(1), row.get::<_, Option<Timestamp>>(2)) {
            (_, Some(at)) => released.due = Some(released.due.map_or(at, |due| due.min(at))),
            (Some(door), None) => released.doors.push(door),
            (None, None) => released.queues.push(row.get(0)),
        }
    }
    released.queues.sort_unstable();
    released.queues.dedup();
    Ok(released)
}

/// Closes the batches whose members have all ended, and counts them for those who wait; how many.
pub async fn close_batches(link: &Link) -> Result<usize, DbError> {
    const CLOSE: &str = "-- jobs.flows.close_batches
        WITH c AS MATERIALIZED (
            SELECT id, bad FROM job.batch
            WHERE closed_at IS NULL AND sealed_at IS NOT NULL AND ok + bad = total
            ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
        ), closed AS (
            UPDATE job.batch SET closed_at = clock_timestamp() WHERE id = ANY (ARRAY(SELECT id FROM c))
        ), edge AS MATERIALIZED (
            DELETE FROM job.edge WHERE parent = ANY (ARRAY(SELECT id FROM c)) RETURNING parent, child
        ), tally AS MATERIALIZED (
            SELECT child, count(*)::int AS n, (count(*) FILTER (WHERE c.bad > 0))::int AS bad
            FROM edge JOIN c ON c.id = edge.parent GROUP BY child
        ), locked AS MATERIALIZED (
            SELECT id FROM job.gate WHERE id = ANY (ARRAY(SELECT child FROM tally)) ORDER BY id FOR UPDATE
        ), gate AS (
            UPDATE job.gate AS o SET waits = o.waits - t.n, failed = o.failed + t.bad
            FROM tally AS t WHERE o.id = t.child AND o.id = ANY (ARRAY(SELECT id FROM locked))
        )
        SELECT id FROM c";
    Ok(link.query(CLOSE, &[&(AT_ONCE as i64)]).await?.len())
}

/// What a parent came to.
#[derive(Debug, Clone)]
pub struct ParentRow {
    /// The job.
    pub job: JobId,
    /// The number of how it ended.
    pub state: i16,
    /// Its answer, as JSON text.
    pub answer: Option<String>,
    /// Why, if not well.
    pub reason: Option<String>,
}

/// What the parents of a live job came to, in the order in which they were named; a batch stands for its members.
pub async fn parents(tx: &mut Tx, job: JobId) -> Result<Vec<ParentRow>, DbError> {
    const PARENTS: &str = "-- jobs.flows.parents
        SELECT d.id, d.state, d.result::text, d.reason
        FROM job.body AS b CROSS JOIN LATERAL unnest(b.parents) WITH ORDINALITY AS p (id, n)
        CROSS JOIN LATERAL (
            SELECT * FROM job.done AS d WHERE d.id = p.id UNION ALL SELECT * FROM job.done AS d WHERE d.batch_id = p.id
        ) AS d
        WHERE b.id = $1 ORDER BY p.n, d.id LIMIT $2";
    let rows = tx.query(PARENTS, &[&job, &(PARENTS_MAX as i64)]).await?;
    let parent = |row: &tokio_postgres::Row| ParentRow {
        job: row.get(0),
        state: row.get(1),
        answer: row.get(2),
        reason: row.get(3),
    };
    Ok(rows.iter().map(parent).collect())
}

/// A job waits for something that has failed already.
pub async fn refuse(tx: &mut Tx, job: JobId) -> Result<(), DbError> {
    const REFUSE: &str = "-- jobs.flows.refuse\nUPDATE job.gate SET waits = 0, failed = 1 WHERE id = $1";
    tx.execute(REFUSE, &[&job]).await.map(|_| ())
}
