//! How full the job tables are, for figures: counted up to a bound, so that a long queue costs no more than a short one.

use jiff::Timestamp;

use crate::db::{DbError, Link};

/// Counting stops here. Above it the planner's estimate of the whole table stands for the count.
pub const COUNTED: i64 = 10_000;

/// One queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSample {
    /// Its number.
    pub queue: i16,
    /// Jobs that may run. Above [`COUNTED`] an estimate.
    pub ready: i64,
    /// Jobs that run.
    pub leased: i64,
    /// When the oldest of the first jobs of each priority was due. With ageing or fairness: of those to be claimed next.
    pub oldest: Option<Timestamp>,
    /// It is paused.
    pub paused: bool,
}

/// All tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// By queue.
    pub queues: Vec<QueueSample>,
    /// The numbers of paused kinds.
    pub paused_kinds: Vec<i16>,
    /// Jobs that wait for their time, for a limit, for other jobs. Above [`COUNTED`] estimates.
    pub waiting: [(&'static str, i64); 3],
}

/// Takes a sample.
pub async fn take(link: &Link) -> Result<Sample, DbError> {
    // Counted from the young end: at the other one a busy queue is full of rows that died a moment ago, and a statement that
    // wades through them keeps them from being cleaned, so that the next one has more.
    // The first of each lane by a walk over the lanes: one descent of the index per priority in use, at most a thousand.
    const QUEUES: &str = "-- jobs.samples.queues
        WITH estimate AS (
            SELECT greatest(reltuples::bigint, $1::bigint + 1) AS n FROM pg_class WHERE oid = 'job.ready'::regclass
        ), counted AS (
            SELECT q.id, q.paused_at IS NOT NULL AS paused, (SELECT count(*) FROM (
                SELECT FROM job.ready AS r WHERE r.queue_id = q.id
                ORDER BY lane DESC, rank DESC, id DESC LIMIT $1 + 1) AS x) AS ready
            FROM job.queue AS q
        )
        SELECT q.id, CASE WHEN q.ready > $1 THEN (SELECT n FROM estimate) ELSE q.ready END,
            (SELECT count(*) FROM job.lease AS l WHERE l.queue_id = q.id),
            (WITH RECURSIVE first AS (
                (SELECT lane, id FROM job.ready AS r WHERE r.queue_id = q.id ORDER BY lane, rank, id LIMIT 1)
                UNION ALL
                SELECT n.lane, n.id FROM first AS f, LATERAL (
                    SELECT lane, id FROM job.ready AS r WHERE r.queue_id = q.id AND r.lane > f.lane
                    ORDER BY lane, rank, id LIMIT 1) AS n
            )
            SELECT min(run_at) FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM first LIMIT 1000))),
            q.paused
        FROM counted AS q";
    const WAITING: &str = "-- jobs.samples.waiting
        WITH counted AS (
            SELECT 'job.later'::regclass AS place, (SELECT count(*) FROM (
                SELECT FROM job.later ORDER BY run_at DESC, id DESC LIMIT $1::bigint + 1) AS x) AS n
            UNION ALL
            SELECT 'job.parked'::regclass, (SELECT count(*) FROM (SELECT FROM job.parked LIMIT $1 + 1) AS x)
            UNION ALL
            SELECT 'job.gate'::regclass, (SELECT count(*) FROM (SELECT FROM job.gate LIMIT $1 + 1) AS x)
        )
        SELECT place::text, CASE WHEN n > $1 THEN greatest(reltuples::bigint, n) ELSE n END
        FROM counted JOIN pg_class ON pg_class.oid = place";
    const PAUSED: &str = "-- jobs.samples.paused_kinds\nSELECT id FROM job.kind WHERE paused_at IS NOT NULL";
    let paused = link.query(PAUSED, &[]).await?;
    let queues = link.query(QUEUES, &[&COUNTED]).await?;
    let waiting = link.query(WAITING, &[&COUNTED]).await?;
    let of =
        |place: &str| waiting.iter().find(|row| row.get::<_, &str>(0) == place).map_or(0, |row| row.get(1));
    Ok(Sample {
        queues: queues
            .iter()
            .map(|row| QueueSample {
                queue: row.get(0),
                ready: row.get(1),
                leased: row.get(2),
                oldest: row.get(3),
                paused: row.get(4),
            })
            .collect(),
        paused_kinds: paused.iter().map(|row| row.get(0)).collect(),
        waiting: [("later", of("job.later")), ("parked", of("job.parked")), ("gate", of("job.gate"))],
    })
}
