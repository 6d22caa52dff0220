//! Doors: a job with a key, or of a kind with a limit, is parked until there is room, and then let through. Jobs of a
//! paused kind wait at its door, too, once somebody has claimed them.
//!
//! Room is counted from leases (and from what is about to be leased), never kept in a counter that could leak: a rescued
//! job frees its place by itself. One door is opened by one transaction at a time (advisory lock); it counts in a
//! statement of its own, whose snapshot is taken after the lock. A job with both limits passes its key's door first, and
//! holds a place of its key while it waits at its kind's.

use tokio_postgres::Row;

use crate::db::{DbError, Link};

/// Most doors opened by one transaction: it holds their locks.
pub const OPENED_AT_ONCE: usize = 200;
/// Most jobs let through at one door by one transaction: a statement of milliseconds, whatever waited for a kind that
/// was paused.
const LET_THROUGH_AT_ONCE: i64 = 2_000;

/// What was let through.
#[derive(Debug, Default)]
pub struct Opened {
    /// How many jobs.
    pub count: usize,
    /// The numbers of the queues in which something is ready now.
    pub queues: Vec<i16>,
    /// The doors at which something waits now.
    pub doors: Vec<i64>,
}

impl Opened {
    /// From a job's queue, the door that it has passed, and the one to which it has gone on.
    fn of(rows: &[Row]) -> Self {
        let mut opened = Self { count: rows.len(), ..Self::default() };
        for row in rows {
            match row.get(2) {
                Some(door) => opened.doors.push(door),
                None => opened.queues.push(row.get(0)),
            }
        }
        // Where the bound was reached more may wait. The rows of a door come together.
        let crowds = rows.chunk_by(|one, other| one.get::<_, i64>(1) == other.get::<_, i64>(1));
        let crowds = crowds.filter(|rows| rows.len() >= LET_THROUGH_AT_ONCE as usize);
        opened.doors.extend(crowds.map(|rows| rows[0].get::<_, i64>(1)));
        opened.queues.sort_unstable();
        opened.queues.dedup();
        opened.doors.sort_unstable();
        opened.doors.dedup();
        opened
    }
}

/// Lets through what there is room for at these doors, the first in order first.
///
/// A key's limit stands in the body of the job that waits (0: one at a time, and in order, so that one which waits for
/// its retry keeps its place); a kind's in `job.kind`.
pub async fn open(link: &Link, doors: &[i64]) -> Result<Opened, DbError> {
    const LOCK: &str = "-- jobs.doors.lock
        SELECT pg_advisory_xact_lock(door) FROM (SELECT DISTINCT door FROM unnest($1::bigint[]) AS t (door)
            ORDER BY door) AS sorted";
    const OPEN: &str = "-- jobs.doors.open
        WITH door AS MATERIALIZED (
            SELECT d.door,
                CASE WHEN head.door = head.key_hash THEN greatest(b.key_limit, 1) - (
                    (SELECT count(*) FROM job.ready AS r WHERE r.key_hash = d.door)
                    + (SELECT count(*) FROM job.lease AS l WHERE l.key_hash = d.door)
                    + (SELECT count(*) FROM job.parked AS p WHERE p.key_hash = d.door AND p.key_hash <> p.door)
                    + CASE WHEN b.key_limit = 0 THEN (SELECT count(*) FROM job.later AS w
                        WHERE w.key_hash = d.door AND w.why > 0) ELSE 0 END)
                WHEN k.paused_at IS NOT NULL THEN 0
                WHEN k.max_running IS NULL THEN $2
                ELSE k.max_running - (
                    (SELECT count(*) FROM job.ready AS r WHERE r.kind_key = d.door)
                    + (SELECT count(*) FROM job.lease AS l WHERE l.kind_key = d.door))
                END AS room
            FROM (SELECT DISTINCT door FROM unnest($1::bigint[]) AS t (door)) AS d
            CROSS JOIN LATERAL (SELECT door, key_hash, id FROM job.parked AS p WHERE p.door = d.door
                ORDER BY lane, rank, id LIMIT 1) AS head
            JOIN job.body AS b ON b.id = head.id JOIN job.kind AS k ON k.id = b.kind_id
        ), through AS MATERIALIZED (
            SELECT p.* FROM door AS d CROSS JOIN LATERAL (
                SELECT * FROM job.parked AS p WHERE p.door = d.door ORDER BY lane, rank, id
                LIMIT least(greatest(d.room, 0), $2)
            ) AS p
        ), gone AS (
            DELETE FROM job.parked USING through AS t
            WHERE (parked.door, parked.lane, parked.rank, parked.id) = (t.door, t.lane, t.rank, t.id)
              AND (t.kind_key IS NULL OR t.door = t.kind_key)
        ), ready AS (
            INSERT INTO job.ready (queue_id, lane, rank, id, attempt, crashes, key_hash, kind_key)
            SELECT queue_id, lane, rank, id, attempt, crashes, key_hash, kind_key
            FROM through WHERE kind_key IS NULL OR door = kind_key
        ), next AS (
            UPDATE job.parked SET door = t.kind_key FROM through AS t
            WHERE (parked.door, parked.lane, parked.rank, parked.id) = (t.door, t.lane, t.rank, t.id)
              AND t.door <> t.kind_key
        )
        SELECT queue_id, door, CASE WHEN door <> kind_key THEN kind_key END FROM through";
    if doors.is_empty() {
        return Ok(Opened::default());
    }
    link.batch("BEGIN").await?;
    let opened = async {
        link.query(LOCK, &[&doors]).await?;
        link.query(OPEN, &[&doors, &LET_THROUGH_AT_ONCE]).await
    };
    let rows = match opened.await {
        Ok(rows) => rows,
        Err(error) => {
            let _ = link.batch("ROLLBACK").await; // the error that counts is the first
            return Err(error);
        }
    };
    link.batch("COMMIT").await?;
    Ok(Opened::of(&rows))
}

/// Up to `limit` doors behind `after` at which jobs wait: a walk over the distinct doors, whatever waits at each.
pub async fn with_waiting(link: &Link, after: Option<i64>, limit: usize) -> Result<Vec<i64>, DbError> {
    const WALK: &str = "-- jobs.doors.with_waiting
        WITH RECURSIVE walk (door, n) AS (
            (SELECT door, 1 FROM job.parked WHERE $1::bigint IS NULL OR door > $1 ORDER BY door LIMIT 1)
            UNION ALL
            SELECT (SELECT p.door FROM job.parked AS p WHERE p.door > walk.door ORDER BY p.door LIMIT 1), n + 1
            FROM walk WHERE walk.door IS NOT NULL AND n < $2
        )
        SELECT door FROM walk WHERE door IS NOT NULL";
    Ok(link.query(WALK, &[&after, &(limit as i32)]).await?.iter().map(|row| row.get(0)).collect())
}
