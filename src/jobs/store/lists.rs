//! Lists of live jobs: newest first, by id.
//!
//! A list looks at a *window*: the next ids of one index (whichever filter leaves least), at most so many. Only what is in
//! the window is compared with the other filters, so that no list scans a table; a page may be shorter than asked, or
//! empty, and still say where to go on. Where no index leaves less than all ids, the window is a range of them, read with
//! the filters and only as far as is needed: it may be wide. A job is `ready` when
//! it is in no other place: `job.ready` has no index by id.

use jiff::Timestamp;
use postgres_types::ToSql;
use tokio_postgres::Row;
use uuid::Uuid;

use super::Ask;
use crate::db::DbError;

/// The arguments of every list.
#[derive(Debug, Default)]
pub struct Arguments {
    /// Ids below this one.
    pub before: i64,
    /// And not below this one.
    pub from: i64,
    /// How many ids are looked at.
    pub window: i64,
    /// How many jobs are wanted.
    pub limit: i64,
    /// Their state.
    pub state: Option<&'static str>,
    /// Their queue.
    pub queue: Option<String>,
    /// Their kind.
    pub kind: Option<String>,
    /// All of these tags.
    pub tags: Vec<String>,
    /// Whose they are.
    pub owner: Option<Uuid>,
    /// Their batch.
    pub batch: Option<i64>,
    /// Enqueued from then on.
    pub enqueued_from: Option<Timestamp>,
    /// Enqueued before.
    pub enqueued_to: Option<Timestamp>,
    /// The error they had.
    pub fingerprint: Option<i64>,
    /// Finished from then on.
    pub finished_from: Option<Timestamp>,
    /// Finished before.
    pub finished_to: Option<Timestamp>,
    /// Whether they were run once more.
    pub rerun: Option<bool>,
}

impl Arguments {
    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 16] {
        [
            &self.before,
            &self.from,
            &self.window,
            &self.limit,
            &self.state,
            &self.queue,
            &self.kind,
            &self.tags,
            &self.owner,
            &self.batch,
            &self.enqueued_from,
            &self.enqueued_to,
            &self.fingerprint,
            &self.finished_from,
            &self.finished_to,
            &self.rerun,
        ]
    }
}

/// Rows, and how far the window went.
#[derive(Debug)]
pub struct Window {
    /// What was found.
    pub rows: Vec<Row>,
    /// The lowest id that was looked at, when more may lie below.
    pub reached: Option<i64>,
}

impl Window {
    /// The first columns of every list: how many ids were looked at, the lowest of them, and the job's id, null when
    /// none fits.
    pub(super) fn of(rows: Vec<Row>, window: i64) -> Self {
        let looked: i64 = rows[0].get("looked");
        let reached = if looked >= window { rows[0].get("reached") } else { None };
        let rows = rows.into_iter().filter(|row| row.get::<_, Option<i64>>("id").is_some()).collect();
        Self { rows, reached }
    }
}

/// Which index gives the window of live jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// All bodies.
    Body,
    /// Those with a tag that few have.
    Tag,
    /// Those of an owner.
    Owner,
    /// Those of a batch.
    Batch,
    /// Those of which an attempt had this error: of its newest twenty thousand attempts.
    Fingerprint,
    /// What runs.
    Lease,
    /// What waits for other jobs.
    Gate,
    /// What waits for a limit.
    Parked,
    /// What was enqueued for a later time.
    Scheduled,
    /// What is tried again.
    Retrying,
    /// What is to be run later.
    Snoozed,
    /// What is ready, where that is little: all of it is sorted.
    FewReady,
    /// What is ready among much that waits: what is in no other place, by a walk along four indexes side by side.
    Ready,
}

/// How far a window went: as far as its rows…
macro_rules! by_rows {
    () => {
        "SELECT count(*) AS looked, min(id) AS reached FROM w"
    };
}
/// …or to the edge `e`, which was looked for beforehand; null: to the end.
macro_rules! by_edge {
    () => {
        "SELECT CASE WHEN edge IS NULL THEN 0 ELSE $3 END AS looked, edge AS reached FROM e"
    };
}
pub(super) use {by_edge, by_rows};

macro_rules! live_jobs {
    ($label:literal, $edge:literal, $window:literal, $looked:expr) => {
        concat!(
            "-- ", $label, "\nWITH ", $edge, "w AS MATERIALIZED (", $window, "), b AS MATERIALIZED (
                SELECT id, queue_id, kind_id, priority, max_attempts, enqueued_at, run_at, key_name, batch_id, owner_id,
                    tags
                FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM w WHERE fits))
                  AND ($6::text IS NULL OR queue_id = (SELECT id FROM job.queue WHERE name = $6))
                  AND ($7::text IS NULL OR kind_id = (SELECT id FROM job.kind WHERE name = $7))
                  AND tags @> $8::text[]
                  AND ($9::uuid IS NULL OR owner_id = $9) AND ($10::bigint IS NULL OR batch_id = $10)
                  AND enqueued_at >= coalesce($11::timestamptz, '-infinity')
                  AND enqueued_at < coalesce($12::timestamptz, 'infinity')
            ), l AS MATERIALIZED (
                SELECT id, attempt, crashes, started_at, deadline_at, cancel_at, worker_id FROM job.lease
                WHERE id = ANY (ARRAY(SELECT id FROM b))
            ), t AS MATERIALIZED (
                SELECT id, attempt, crashes, run_at, why FROM job.later WHERE id = ANY (ARRAY(SELECT id FROM b))
            ), g AS MATERIALIZED (
                SELECT id, run_at FROM job.gate WHERE id = ANY (ARRAY(SELECT id FROM b))
            ), p AS MATERIALIZED (
                SELECT id, attempt, crashes FROM job.parked WHERE id = ANY (ARRAY(SELECT id FROM b))
            ), j AS (
                SELECT b.*, coalesce(t.run_at, g.run_at, b.run_at) AS due_at,
                    coalesce(l.attempt, t.attempt, p.attempt) AS attempt,
                    coalesce(l.crashes, t.crashes, p.crashes) AS crashes,
                    l.started_at, l.deadline_at, l.cancel_at, l.worker_id,
                    CASE WHEN l.id IS NOT NULL THEN 'running' WHEN g.id IS NOT NULL THEN 'waiting'
                        WHEN p.id IS NOT NULL THEN 'parked' WHEN t.id IS NULL THEN 'ready'
                        WHEN t.why = 0 THEN 'scheduled' WHEN t.why = 2 THEN 'snoozed' ELSE 'retrying' END AS state
                FROM b LEFT JOIN l USING (id) LEFT JOIN t USING (id) LEFT JOIN g USING (id) LEFT JOIN p USING (id)
            ), f AS (
                SELECT j.*, q.name AS queue, k.name AS kind
                FROM j JOIN job.queue AS q ON q.id = j.queue_id JOIN job.kind AS k ON k.id = j.kind_id
                WHERE $5::text IS NULL OR j.state = $5 ORDER BY j.id DESC LIMIT $4
            )
            SELECT s.looked, s.reached, f.* FROM (", $looked, ") AS s
            LEFT JOIN f ON true ORDER BY f.id DESC"
        )
    };
}

const BODY: &str = live_jobs!(
    "jobs.lists.live",
    "e AS MATERIALIZED (SELECT (
         SELECT id FROM job.body WHERE id < $1 AND id >= $2 ORDER BY id DESC OFFSET $3::bigint - 1 LIMIT 1) AS edge), ",
    "SELECT id, true AS fits FROM job.body
     WHERE id < $1 AND id >= coalesce((SELECT edge FROM e), $2)
       AND ($6::text IS NULL OR queue_id = (SELECT id FROM job.queue WHERE name = $6))
       AND ($7::text IS NULL OR kind_id = (SELECT id FROM job.kind WHERE name = $7))
       AND ($8::text[] = '{}' OR tags @> $8)
       AND enqueued_at >= coalesce($11::timestamptz, '-infinity')
       AND enqueued_at < coalesce($12::timestamptz, 'infinity')
     ORDER BY id DESC LIMIT $4",
    by_edge!()
);
const TAG: &str = live_jobs!(
    "jobs.lists.live_by_tag",
    "",
    "SELECT id, true AS fits FROM (SELECT id FROM job.body WHERE tags @> $8::text[] AND tags <> '{}' OFFSET 0) AS few
     WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3",
    by_rows!()
);
const OWNER: &str = live_jobs!(
    "jobs.lists.live_by_owner",
    "",
    "SELECT id, true AS fits FROM job.body WHERE owner_id = $9::uuid AND id < $1 AND id >= $2 ORDER BY owner_id, id DESC LIMIT $3",
    by_rows!()
);
const BATCH: &str = live_jobs!(
    "jobs.lists.live_by_batch",
    "",
    "SELECT id, true AS fits FROM job.body WHERE batch_id = $10::bigint AND id < $1 AND id >= $2 ORDER BY batch_id, id DESC LIMIT $3",
    by_rows!()
);
const FINGERPRINT: &str = live_jobs!(
    "jobs.lists.live_by_fingerprint",
    "",
    "SELECT DISTINCT job_id AS id, true AS fits FROM (
         SELECT job_id FROM job.attempt WHERE fingerprint = $13::bigint ORDER BY finished_at DESC LIMIT 20000) AS newest
     WHERE job_id < $1 AND job_id >= $2 ORDER BY job_id DESC LIMIT $3",
    by_rows!()
);
const LEASE: &str = live_jobs!(
    "jobs.lists.running",
    "",
    "SELECT id, true AS fits FROM job.lease WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3",
    by_rows!()
);
const GATE: &str = live_jobs!(
    "jobs.lists.waiting",
    "",
    "SELECT id, true AS fits FROM job.gate WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3",
    by_rows!()
);
const PARKED: &str = live_jobs!(
    "jobs.lists.parked",
    "",
    "SELECT id, true AS fits FROM job.parked WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3",
    by_rows!()
);
const SCHEDULED: &str = live_jobs!(
    "jobs.lists.scheduled",
    "e AS MATERIALIZED (SELECT (
         SELECT id FROM job.later WHERE id < $1 AND id >= $2 ORDER BY id DESC OFFSET $3::bigint - 1 LIMIT 1) AS edge), ",
    // Only what nobody else filters ends with the page.
    "SELECT id, true AS fits FROM job.later
     WHERE why = 0 AND id < $1 AND id >= coalesce((SELECT edge FROM e), $2)
     ORDER BY id DESC LIMIT CASE WHEN $6::text IS NULL AND $7::text IS NULL AND $8::text[] = '{}' AND $9::uuid IS NULL
         AND $10::bigint IS NULL AND $11::timestamptz IS NULL AND $12::timestamptz IS NULL THEN $4::bigint END",
    by_edge!()
);
const RETRYING: &str = live_jobs!(
    "jobs.lists.retrying",
    "",
    "SELECT id, true AS fits FROM (
         (SELECT id FROM job.later WHERE why = 1 AND id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3)
         UNION ALL (SELECT id FROM job.later WHERE why = 3 AND id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3)) AS again
     ORDER BY id DESC LIMIT $3",
    by_rows!()
);
const SNOOZED: &str = live_jobs!(
    "jobs.lists.snoozed",
    "",
    "SELECT id, true AS fits FROM job.later WHERE why = 2 AND id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3",
    by_rows!()
);
const FEW_READY: &str = live_jobs!(
    "jobs.lists.few_that_are_ready",
    "",
    "SELECT id, true AS fits FROM job.ready WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3",
    by_rows!()
);
const READY: &str = live_jobs!(
    "jobs.lists.ready",
    "e AS MATERIALIZED (SELECT (
         SELECT id FROM job.body WHERE id < $1 AND id >= $2 ORDER BY id DESC OFFSET $3::bigint - 1 LIMIT 1) AS edge), ",
    "SELECT id, true AS fits FROM job.body AS b
     WHERE id < $1 AND id >= coalesce((SELECT edge FROM e), $2)
       AND NOT EXISTS (SELECT FROM job.later AS o
           WHERE o.id = b.id AND o.id < $1 AND o.id >= coalesce((SELECT edge FROM e), $2))
       AND NOT EXISTS (SELECT FROM job.lease AS o
           WHERE o.id = b.id AND o.id < $1 AND o.id >= coalesce((SELECT edge FROM e), $2))
       AND NOT EXISTS (SELECT FROM job.gate AS o
           WHERE o.id = b.id AND o.id < $1 AND o.id >= coalesce((SELECT edge FROM e), $2))
       AND NOT EXISTS (SELECT FROM job.parked AS o
           WHERE o.id = b.id AND o.id < $1 AND o.id >= coalesce((SELECT edge FROM e), $2))
       AND ($6::text IS NULL OR queue_id = (SELECT id FROM job.queue WHERE name = $6))
       AND ($7::text IS NULL OR kind_id = (SELECT id FROM job.kind WHERE name = $7))
       AND ($8::text[] = '{}' OR tags @> $8)
       AND enqueued_at >= coalesce($11::timestamptz, '-infinity')
       AND enqueued_at < coalesce($12::timestamptz, 'infinity')
     ORDER BY id DESC LIMIT $4",
    by_edge!()
);

/// A window of live jobs.
pub async fn live(at: &mut impl Ask, by: By, arguments: &Arguments) -> Result<Window, DbError> {
    let sql = match by {
        By::Body => BODY,
        By::Tag => TAG,
        By::Owner => OWNER,
        By::Batch => BATCH,
        By::Fingerprint => FINGERPRINT,
        By::Lease => LEASE,
        By::Gate => GATE,
        By::Parked => PARKED,
        By::Scheduled => SCHEDULED,
        By::Retrying => RETRYING,
        By::Snoozed => SNOOZED,
        By::FewReady => FEW_READY,
        By::Ready => READY,
    };
    let values = arguments.values();
    let used = if by == By::Fingerprint { 13 } else { 12 };
    Ok(Window::of(at.ask(sql, &values[..used]).await?, arguments.window))
}

/// Whether at most `limit` live jobs have all of these tags.
pub async fn few_live_have(at: &mut impl Ask, tags: &[String], limit: i64) -> Result<bool, DbError> {
    const FEW: &str = "-- jobs.lists.few_live_have
        SELECT count(*) <= $2 FROM (
            SELECT FROM job.body WHERE tags @> $1::text[] AND tags <> '{}' LIMIT $2::bigint + 1) AS part";
    Ok(at.ask(FEW, &[&tags, &limit]).await?[0].get(0))
}

/// Whether at most `limit` jobs are ready.
pub async fn few_are_ready(at: &mut impl Ask, limit: i64) -> Result<bool, DbError> {
    const FEW: &str = "-- jobs.lists.few_are_ready
        SELECT count(*) <= $1 FROM (SELECT FROM job.ready LIMIT $1::bigint + 1) AS part";
    Ok(at.ask(FEW, &[&limit]).await?[0].get(0))
}
