//! Lists of jobs that have ended: the same as [`super::lists`], over the history.

use super::{
    Ask,
    lists::{Arguments, Window, by_edge, by_rows},
};
use crate::db::DbError;

/// Which index gives the window of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Every row, by id.
    Id,
    /// One or all kinds, in one or all states: each pair has its place in the index.
    List,
    /// Those with a tag that few have.
    Tag,
    /// Those of an owner.
    Owner,
    /// Those of a batch.
    Batch,
    /// Those that ended with this error.
    Fingerprint,
}

macro_rules! done_columns {
    () => {
        "d.id, d.queue_id, d.kind_id, d.state AS ending, d.attempts, d.crashes, d.enqueued_at, d.started_at,
         d.finished_at, d.batch_id, d.tags, d.owner_id, d.fingerprint, d.reason, d.rerun_id, d.body IS NOT NULL AS has_arguments"
    };
}

/// Ids, and the days that may hold them.
macro_rules! done_within {
    () => {
        "d.id < $1 AND d.id >= $2 AND d.finished_at >= coalesce($14::timestamptz, '-infinity')
         AND d.finished_at < coalesce($15::timestamptz, 'infinity')"
    };
}

macro_rules! history {
    ($label:literal, $edge:literal, $from:literal, $order:literal, $looked:expr) => {
        concat!(
            "-- ", $label, "\nWITH ", $edge,
            "w AS MATERIALIZED (SELECT ", done_columns!(), $from, done_within!(), $order, "), f AS (
                SELECT w.*, q.name AS queue, k.name AS kind,
                    (ARRAY['done', 'discarded', 'cancelled', 'quarantined'])[ending + 1] AS state
                FROM w JOIN job.queue AS q ON q.id = w.queue_id JOIN job.kind AS k ON k.id = w.kind_id
                WHERE ($5::text IS NULL
                        OR ending = array_position(ARRAY['done', 'discarded', 'cancelled', 'quarantined'], $5) - 1)
                  AND ($6::text IS NULL OR q.name = $6) AND ($7::text IS NULL OR k.name = $7)
                  AND coalesce(tags, '{}') @> $8::text[]
                  AND ($9::uuid IS NULL OR owner_id = $9) AND ($10::bigint IS NULL OR batch_id = $10)
                  AND enqueued_at >= coalesce($11::timestamptz, '-infinity')
                  AND enqueued_at < coalesce($12::timestamptz, 'infinity')
                  AND ($13::bigint IS NULL OR fingerprint = $13)
                  AND ($16::boolean IS NULL OR (rerun_id IS NOT NULL) = $16)
                ORDER BY w.id DESC LIMIT $4
            )
            SELECT s.looked, s.reached, f.* FROM (", $looked, ") AS s
            LEFT JOIN f ON true ORDER BY f.id DESC"
        )
    };
}

const ID: &str = history!(
    "jobs.lists.ended",
    "e AS MATERIALIZED (SELECT (
         SELECT d.id FROM job.done AS d
         WHERE d.id < $1 AND d.id >= $2 AND d.finished_at >= coalesce($14::timestamptz, '-infinity')
           AND d.finished_at < coalesce($15::timestamptz, 'infinity')
         ORDER BY d.id DESC OFFSET $3::bigint - 1 LIMIT 1) AS edge), ",
    " FROM job.done AS d
      WHERE d.id >= coalesce((SELECT edge FROM e), $2)
        AND ($5::text IS NULL
            OR d.state = array_position(ARRAY['done', 'discarded', 'cancelled', 'quarantined'], $5) - 1)
        AND ($6::text IS NULL OR d.queue_id = (SELECT id FROM job.queue WHERE name = $6))
        AND ($8::text[] = '{}' OR d.tags @> $8)
        AND d.enqueued_at >= coalesce($11::timestamptz, '-infinity')
        AND d.enqueued_at < coalesce($12::timestamptz, 'infinity') AND ",
    " ORDER BY d.id DESC LIMIT $4",
    by_edge!()
);
const LIST: &str = history!(
    "jobs.lists.ended_by_state",
    "",
    " FROM job.kind AS k
      CROSS JOIN (SELECT n::smallint, name FROM unnest(ARRAY['done', 'discarded', 'cancelled', 'quarantined'])
          WITH ORDINALITY AS e (name, n)) AS s
      CROSS JOIN LATERAL (SELECT * FROM job.done AS d WHERE d.state = s.n - 1 AND d.kind_id = k.id AND
          d.id < $1 AND d.id >= $2 AND d.finished_at >= coalesce($14::timestamptz, '-infinity')
          AND d.finished_at < coalesce($15::timestamptz, 'infinity') ORDER BY d.id DESC LIMIT $3) AS d
      WHERE ($7::text IS NULL OR k.name = $7) AND ($5::text IS NULL OR s.name = $5) AND ",
    " ORDER BY d.id DESC LIMIT $3",
    by_rows!()
);
const TAG: &str = history!(
    "jobs.lists.ended_by_tag",
    "",
    " FROM (SELECT * FROM job.done WHERE tags @> $8::text[] AND tags <> '{}' OFFSET 0) AS d WHERE ",
    " ORDER BY d.id DESC LIMIT $3",
    by_rows!()
);
const OWNER: &str = history!(
    "jobs.lists.ended_by_owner",
    "",
    " FROM job.done AS d WHERE d.owner_id = $9::uuid AND ",
    " ORDER BY d.owner_id, d.id DESC LIMIT $3",
    by_rows!()
);
const BATCH: &str = history!(
    "jobs.lists.ended_by_batch",
    "",
    " FROM job.done AS d WHERE d.batch_id = $10::bigint AND ",
    " ORDER BY d.batch_id, d.id DESC LIMIT $3",
    by_rows!()
);
const FINGERPRINT: &str = history!(
    "jobs.lists.ended_by_fingerprint",
    "",
    " FROM job.done AS d WHERE d.fingerprint = $13::bigint AND ",
    " ORDER BY d.fingerprint, d.id DESC LIMIT $3",
    by_rows!()
);

/// A window of the history.
pub async fn ended(at: &mut impl Ask, by: By, arguments: &Arguments) -> Result<Window, DbError> {
    let sql = match by {
        By::Id => ID,
        By::List => LIST,
        By::Tag => TAG,
        By::Owner => OWNER,
        By::Batch => BATCH,
        By::Fingerprint => FINGERPRINT,
    };
    Ok(Window::of(at.ask(sql, &arguments.values()).await?, arguments.window))
}

/// Whether at most `limit` ended jobs have all of these tags.
pub async fn few_ended_have(at: &mut impl Ask, tags: &[String], limit: i64) -> Result<bool, DbError> {
    const FEW: &str = "-- jobs.lists.few_ended_have
        SELECT count(*) <= $2 FROM (
            SELECT FROM job.done WHERE tags @> $1::text[] AND tags <> '{}' LIMIT $2::bigint + 1) AS part";
    Ok(at.ask(FEW, &[&tags, &limit]).await?[0].get(0))
}
