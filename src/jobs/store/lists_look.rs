//! Looking at one job, and at queues, kinds, nodes and batches. Everything that could be long is counted up to a limit.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::Ask;
use crate::db::DbError;

/// One live job: its body, its place, its queue, its kind, its progress.
pub async fn live_job(at: &mut impl Ask, id: i64) -> Result<Option<Row>, DbError> {
    // The place in `ready` is found within its queue, in the index: nothing else is known of it for certain.
    const LIVE: &str = "-- jobs.look.live
        SELECT b.id, b.queue_id, q.name AS queue, k.name AS kind, b.priority, b.max_attempts, b.timeout_ms, b.keep,
            b.enqueued_at, b.run_at, coalesce(t.run_at, g.run_at, b.run_at) AS due_at, b.key_name, b.key_hash,
            b.key_limit, b.batch_id, b.owner_id, b.tags, b.parents, b.args, b.sealed IS NOT NULL AS is_sealed,
            b.unique_hash, b.meta, b.tenant,
            coalesce(l.attempt, t.attempt, p.attempt, r.attempt) AS attempt,
            coalesce(l.crashes, t.crashes, p.crashes, r.crashes) AS crashes,
            l.started_at, l.deadline_at, l.cancel_at, l.worker_id, l.token,
            t.why, g.waits, g.on_fail, p.door,
            coalesce(p.lane, r.lane) AS lane, coalesce(p.rank, r.rank) AS rank,
            coalesce(l.kind_key, t.kind_key, g.kind_key, p.kind_key, r.kind_key) AS kind_key,
            CASE WHEN l.id IS NOT NULL THEN 'running' WHEN g.id IS NOT NULL THEN 'waiting'
                WHEN p.id IS NOT NULL THEN 'parked' WHEN t.id IS NULL THEN 'ready'
                WHEN t.why = 0 THEN 'scheduled' WHEN t.why = 2 THEN 'snoozed' ELSE 'retrying' END AS state,
            q.paused_at AS queue_paused_at, job.called(q.paused_by) AS queue_paused_by,
            q.paused_why AS queue_paused_why, q.max_running AS queue_max, q.workers AS queue_workers,
            q.rate_per_s, k.paused_at AS kind_paused_at, job.called(k.paused_by) AS kind_paused_by,
            k.paused_why AS kind_paused_why,
            k.max_running AS kind_max, u.tokens, u.at AS tokens_at,
            s.pct, s.note, s.data, s.at AS progress_at, clock_timestamp() AS seen_at
        FROM job.body AS b JOIN job.queue AS q ON q.id = b.queue_id JOIN job.kind AS k ON k.id = b.kind_id
        LEFT JOIN job.lease AS l ON l.id = b.id
        LEFT JOIN job.later AS t ON t.id = b.id
        LEFT JOIN job.gate AS g ON g.id = b.id
        LEFT JOIN job.parked AS p ON p.id = b.id
        LEFT JOIN job.ready AS r ON r.queue_id = b.queue_id AND r.id = b.id
        LEFT JOIN job.bucket AS u ON u.queue_id = b.queue_id
        LEFT JOIN job.progress AS s ON s.id = b.id
        WHERE b.id = $1";
    Ok(at.ask(LIVE, &[&id]).await?.into_iter().next())
}

/// One job that has ended.
pub async fn ended_job(at: &mut impl Ask, id: i64) -> Result<Option<Row>, DbError> {
    const ENDED: &str = "-- jobs.look.ended
        SELECT d.id, q.name AS queue, k.name AS kind, d.attempts, d.crashes, d.enqueued_at, d.started_at, d.finished_at,
            d.result, d.body, d.batch_id, d.tags, d.owner_id, d.fingerprint, d.reason, d.rerun_id,
            (ARRAY['done', 'discarded', 'cancelled', 'quarantined'])[d.state + 1] AS state
        FROM job.done AS d JOIN job.queue AS q ON q.id = d.queue_id JOIN job.kind AS k ON k.id = d.kind_id
        WHERE d.id = $1";
    Ok(at.ask(ENDED, &[&id]).await?.into_iter().next())
}

/// The attempts of a job that left a story, newest first, at most `limit`. (A waiting job that was cancelled has a story
/// without a token, which is no attempt: the job's own reason says it.)
pub async fn attempts(at: &mut impl Ask, id: i64, limit: i64) -> Result<Vec<Row>, DbError> {
    const ATTEMPTS: &str = "-- jobs.look.attempts
        SELECT a.attempt, a.worker_id, w.node, a.started_at, a.finished_at, a.outcome, a.error_kind, a.error, a.trace,
            a.log, a.fingerprint
        FROM job.attempt AS a LEFT JOIN job.worker AS w ON w.id = a.worker_id
        WHERE a.job_id = $1 AND NOT (a.token = 0 AND a.outcome = 4) ORDER BY a.finished_at DESC, a.token DESC LIMIT $2";
    at.ask(ATTEMPTS, &[&id, &limit]).await
}

/// Who wanted this job cancelled, when and why, as the journal has it.
pub async fn cancel_asked(at: &mut impl Ask, id: i64, since: Timestamp) -> Result<Option<Row>, DbError> {
    // By time: the index reads what was journalled in the job's life. A bulk order names its first hundred jobs.
    const ASKED: &str = "-- jobs.look.cancel_asked
        SELECT at, reason, coalesce(job.called(actor_id::text), 'os:' || (details ->> 'os_user')) AS by FROM journal
        WHERE at >= $2::timestamptz - interval '1 minute' AND action = 'job.cancel'
          AND (target = $1::bigint::text OR details -> 'jobs' ? $1::bigint::text)
        ORDER BY at, id LIMIT 1";
    Ok(at.ask(ASKED, &[&id, &since]).await?.into_iter().next())
}

/// Which of these jobs their processes have taken, and have no worker free for yet: more urgent ones of the same queue have
/// them all. As far as can be told from here.
pub async fn taken_ahead(at: &mut impl Ask, ids: &[i64]) -> Result<Vec<i64>, DbError> {
    const AHEAD: &str = "-- jobs.look.taken_ahead
        SELECT id FROM (
            SELECT l.id, row_number() OVER (PARTITION BY l.worker_id, l.queue_id ORDER BY l.lane, l.rank, l.id) AS place,
                coalesce(nullif(q.workers, 0), (w.info ->> 'workers')::int) AS places
            FROM job.lease AS l JOIN job.queue AS q ON q.id = l.queue_id JOIN job.worker AS w ON w.id = l.worker_id
            WHERE l.worker_id = ANY (ARRAY(SELECT worker_id FROM job.lease WHERE id = ANY ($1::bigint[])))) AS placed
        WHERE place > places AND id = ANY ($1)";
    Ok(at.ask(AHEAD, &[&ids]).await?.iter().map(|row| row.get(0)).collect())
}

/// The fingerprints of the newest errors of these jobs.
pub async fn last_errors(at: &mut impl Ask, ids: &[i64]) -> Result<Vec<(i64, i64)>, DbError> {
    const ERRORS: &str = "-- jobs.look.last_errors
        SELECT DISTINCT ON (job_id) job_id, fingerprint FROM job.attempt
        WHERE job_id = ANY ($1::bigint[]) AND fingerprint IS NOT NULL ORDER BY job_id, finished_at DESC";
    Ok(at.ask(ERRORS, &[&ids]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The jobs at the other ends of a job's edges that have not ended: those it waits for, and those that wait for it.
pub async fn edges(at: &mut impl Ask, id: i64, limit: i64) -> Result<Vec<Row>, DbError> {
    const EDGES: &str = "-- jobs.look.edges
        (SELECT parent AS id, true AS is_parent FROM job.edge WHERE child = $1 ORDER BY parent LIMIT $2)
        UNION ALL
        (SELECT child, false FROM job.edge WHERE parent = $1
           AND NOT EXISTS (SELECT FROM job.batch AS b WHERE b.id = child) ORDER BY child LIMIT $2)";
    at.ask(EDGES, &[&id, &limit]).await
}

/// What stands before a live job, besides itself.
#[derive(Debug)]
pub struct About {
    /// The job.
    pub id: i64,
    /// Its queue.
    pub queue: i16,
    /// What it shares a limit with.
    pub key: Option<i64>,
    /// The same of its kind.
    pub kind_key: Option<i64>,
    /// The door at which it is parked.
    pub door: Option<i64>,
    /// Its place in the order.
    pub place: Option<(i16, i64)>,
}

/// Who holds what the job needs, how many are before it, and how fast its queue goes. One statement, one snapshot.
/// Counts stop at `limit`.
pub async fn before(at: &mut impl Ask, about: &About, limit: i64) -> Result<Row, DbError> {
    // The pace looks at the newest ids of the history (of the newest partitions): nearly what ended last, without an
    // index by time and without reading a whole day.
    const BEFORE: &str = "-- jobs.look.before
        SELECT (SELECT count(*) FROM job.lease WHERE queue_id = $2) AS running,
            (SELECT coalesce(array_agg(id), '{}') FROM (
                SELECT id FROM job.lease WHERE key_hash = $3::bigint AND id <> $1
                UNION ALL (SELECT id FROM job.ready WHERE key_hash = $3 AND id <> $1 LIMIT 20)
                UNION ALL (SELECT id FROM job.parked WHERE key_hash = $3 AND key_hash <> door AND id <> $1 LIMIT 20)
                UNION ALL (SELECT t.id FROM job.later AS t JOIN job.body AS b USING (id)
                    WHERE t.key_hash = $3 AND t.why > 0 AND b.key_limit = 0 AND t.id <> $1 LIMIT 20)
                LIMIT 20) AS k) AS key_held_by,
            (SELECT coalesce(array_agg(id), '{}') FROM (
                SELECT id FROM job.lease WHERE kind_key = $4::bigint AND id <> $1
                UNION ALL (SELECT id FROM job.ready WHERE kind_key = $4 AND id <> $1 LIMIT 20)
                LIMIT 20) AS k) AS kind_held_by,
            (SELECT coalesce(array_agg(parent), '{}') FROM (
                SELECT parent FROM job.edge WHERE child = $1 ORDER BY parent LIMIT 20) AS e) AS parents,
            (SELECT count(*) FROM (SELECT FROM job.ready WHERE queue_id = $2
                AND (lane, rank, id) < ($6::smallint, $7::bigint, $1) LIMIT $8) AS r) AS ready_before,
            (SELECT count(*) FROM (SELECT FROM job.parked WHERE door = $5::bigint
                AND (lane, rank, id) < ($6::smallint, $7::bigint, $1) LIMIT $8) AS r) AS parked_before,
            h.finished, h.over_s
        FROM (SELECT count(*) FILTER (WHERE queue_id = $2) AS finished,
                extract(epoch FROM clock_timestamp() - min(finished_at))::float8 AS over_s
            FROM (SELECT queue_id, finished_at FROM job.done WHERE finished_at > now() - interval '1 day'
                ORDER BY id DESC LIMIT 2000) AS newest WHERE finished_at > now() - interval '5 minutes') AS h";
    let (lane, rank) = about.place.unzip();
    let About { id, queue, key, kind_key, door, .. } = about;
    let rows = at.ask(BEFORE, &[id, queue, key, kind_key, door, &lane, &rank, &limit]).await?;
    Ok(rows.into_iter().next().expect("a SELECT over one row of aggregates"))
}

/// The newest processes, at most `limit`, with what they run. Those that left are among them for a while.
pub async fn nodes(at: &mut impl Ask, id: Option<i64>, limit: i64) -> Result<Vec<Row>, DbError> {
    // Every lease is looked at: there are as many as workers, and what is claimed ahead of them. What is wanted of a node
    // stands in its row at once (`drain_at`); that it does so, with its next beat.
    const NODES: &str = "-- jobs.look.nodes
        SELECT w.id, w.boot, w.node, w.started_at, CASE WHEN isfinite(w.beat_at) THEN w.beat_at END AS beat_at,
            CASE WHEN isfinite(w.beat_at)
                THEN extract(epoch FROM clock_timestamp() - w.beat_at)::float8 END AS beat_age_s,
            w.drain_at IS NOT NULL OR w.left_at IS NOT NULL AS draining, job.called(w.drain_by) AS drain_by, w.left_at,
            w.info, coalesce(l.running, '{}') AS running, coalesce(l.taken, '{}') AS taken
        FROM (SELECT * FROM job.worker WHERE $1::bigint IS NULL OR id = $1
            ORDER BY isfinite(beat_at) DESC, id DESC LIMIT $2) AS w
        LEFT JOIN (SELECT worker_id, jsonb_object_agg(name, least(n, places)) AS running,
                jsonb_object_agg(name, n) AS taken FROM (
                SELECT worker_id, q.name, count(*) AS n, coalesce(nullif(q.workers, 0), (v.info ->> 'workers')::int) AS places
                FROM job.lease JOIN job.queue AS q ON q.id = queue_id LEFT JOIN job.worker AS v ON v.id = worker_id
                GROUP BY worker_id, q.name, q.workers, v.info ->> 'workers') AS each
            GROUP BY worker_id) AS l ON l.worker_id = w.id
        ORDER BY isfinite(w.beat_at) DESC, w.id DESC";
    at.ask(NODES, &[&id, &limit]).await
}

/// Queues with what is in them, counted up to `limit` each.
pub async fn queues(at: &mut impl Ask, name: Option<&str>, limit: i64) -> Result<Vec<Row>, DbError> {
    const QUEUES: &str = "-- jobs.look.queues
        WITH later AS MATERIALIZED (
            SELECT queue_id, why, count(*) AS n FROM (SELECT queue_id, why FROM job.later LIMIT $2) AS part GROUP BY 1, 2
        ), parked AS MATERIALIZED (
            SELECT queue_id, count(*) AS n FROM (SELECT queue_id FROM job.parked LIMIT $2) AS part GROUP BY 1
        ), gate AS MATERIALIZED (
            SELECT queue_id, count(*) AS n FROM (SELECT queue_id FROM job.gate LIMIT $2) AS part GROUP BY 1
        ), lease AS MATERIALIZED (
            SELECT queue_id, sum(n)::bigint AS n, sum(least(n, places))::bigint AS running FROM (
                SELECT l.queue_id, count(*) AS n, coalesce(nullif(q.workers, 0), (w.info ->> 'workers')::int) AS places
                FROM job.lease AS l JOIN job.queue AS q ON q.id = l.queue_id
                LEFT JOIN job.worker AS w ON w.id = l.worker_id
                GROUP BY l.worker_id, l.queue_id, q.workers, w.info ->> 'workers') AS each GROUP BY 1
        ), recent AS MATERIALIZED (
            SELECT queue_id, finished_at FROM (
                SELECT queue_id, finished_at FROM job.done WHERE finished_at > now() - interval '1 day'
                ORDER BY id DESC LIMIT 2000) AS newest
            WHERE finished_at > now() - interval '5 minutes'
        ), pace AS MATERIALIZED (
            SELECT queue_id, count(*) AS finished,
                (SELECT extract(epoch FROM clock_timestamp() - min(finished_at))::float8 FROM recent) AS over_s
            FROM recent GROUP BY 1
        )
        SELECT q.id, q.name, q.paused_at, job.called(q.paused_by) AS paused_by, q.paused_why, q.max_running, q.rate_per_s, q.rate_burst, q.aging_ms, q.fair,
            q.workers, q.revision,
            u.tokens, u.at AS tokens_at, clock_timestamp() AS seen_at,
            (SELECT count(*) FROM (SELECT FROM job.ready WHERE queue_id = q.id LIMIT $2) AS part) AS ready,
            coalesce((SELECT n FROM later WHERE queue_id = q.id AND why = 0), 0) AS scheduled,
            coalesce((SELECT sum(n) FROM later WHERE queue_id = q.id AND why IN (1, 3)), 0)::bigint AS retrying,
            coalesce((SELECT n FROM later WHERE queue_id = q.id AND why = 2), 0) AS snoozed,
            coalesce((SELECT n FROM parked WHERE queue_id = q.id), 0) AS parked,
            coalesce((SELECT n FROM gate WHERE queue_id = q.id), 0) AS waiting,
            coalesce((SELECT running FROM lease WHERE queue_id = q.id), 0) AS running,
            coalesce((SELECT n FROM lease WHERE queue_id = q.id), 0) AS taken,
            (SELECT coalesce(sum(n), 0) >= $2 FROM later) AS later_is_cut,
            (SELECT coalesce(sum(n), 0) >= $2 FROM parked) AS parked_is_cut,
            (SELECT coalesce(sum(n), 0) >= $2 FROM gate) AS gate_is_cut,
            (WITH RECURSIVE heads AS (
                (SELECT lane, id FROM job.ready WHERE queue_id = q.id ORDER BY lane, rank, id LIMIT 1)
                UNION ALL
                SELECT n.lane, n.id FROM heads AS h CROSS JOIN LATERAL (
                    SELECT lane, id FROM job.ready WHERE queue_id = q.id AND lane > h.lane
                    ORDER BY lane, rank, id LIMIT 1) AS n)
             SELECT min(b.run_at) FROM heads JOIN job.body AS b USING (id)) AS oldest_due_at,
            coalesce(p.finished, 0) AS finished, coalesce(p.over_s, 0) AS over_s
        FROM job.queue AS q LEFT JOIN job.bucket AS u ON u.queue_id = q.id LEFT JOIN pace AS p ON p.queue_id = q.id
        WHERE $1::text IS NULL OR q.name = $1 ORDER BY q.name";
    at.ask(QUEUES, &[&name, &limit]).await
}

/// Every kind, with how many of its jobs run: of at most `limit` that do.
pub async fn kinds(at: &mut impl Ask, limit: i64) -> Result<Vec<Row>, DbError> {
    const KINDS: &str = "-- jobs.look.kinds
        WITH l AS MATERIALIZED (SELECT id FROM job.lease LIMIT $1),
        running AS MATERIALIZED (
            SELECT b.kind_id, count(*) AS n FROM job.body AS b WHERE b.id = ANY (ARRAY(SELECT id FROM l)) GROUP BY 1
        )
        SELECT k.name, k.max_running, k.paused_at, job.called(k.paused_by) AS paused_by, k.paused_why,
            coalesce(r.n, 0) AS running, (SELECT count(*) >= $1 FROM l) AS is_cut
        FROM job.kind AS k LEFT JOIN running AS r ON r.kind_id = k.id ORDER BY k.name";
    at.ask(KINDS, &[&limit]).await
}

/// The names of all queues.
pub async fn queue_names(at: &mut impl Ask) -> Result<Vec<String>, DbError> {
    const NAMES: &str = "-- jobs.look.queue_names\nSELECT name FROM job.queue";
    Ok(at.ask(NAMES, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// The names of all kinds that any server has ever known.
pub async fn kind_names(at: &mut impl Ask) -> Result<Vec<String>, DbError> {
    const NAMES: &str = "-- jobs.look.kind_names\nSELECT name FROM job.kind";
    Ok(at.ask(NAMES, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// Batches below `before`, newest first.
pub async fn batches(
    at: &mut impl Ask,
    before: i64,
    is_open: Option<bool>,
    limit: i64,
) -> Result<Vec<Row>, DbError> {
    const BATCHES: &str = "-- jobs.look.batches
        SELECT id, name, owner_id, opened_at, sealed_at, closed_at, total, ok, bad FROM job.batch
        WHERE id < $1 AND closed_at IS NULL AND $2::boolean IS NOT FALSE
        UNION ALL
        SELECT id, name, owner_id, opened_at, sealed_at, closed_at, total, ok, bad FROM job.batch
        WHERE id < $1 AND closed_at IS NOT NULL AND $2::boolean IS NOT TRUE
        ORDER BY id DESC LIMIT $3";
    at.ask(BATCHES, &[&before, &is_open, &limit]).await
}

/// One batch.
pub async fn batch(at: &mut impl Ask, id: i64) -> Result<Option<Row>, DbError> {
    const BATCH: &str = "-- jobs.look.batch
        SELECT id, name, owner_id, opened_at, sealed_at, closed_at, total, ok, bad FROM job.batch WHERE id = $1";
    Ok(at.ask(BATCH, &[&id]).await?.into_iter().next())
}

/// Where these jobs are. Those that are nowhere are not in the answer.
pub async fn states(at: &mut impl Ask, ids: &[i64]) -> Result<Vec<(i64, String)>, DbError> {
    const STATES: &str = "-- jobs.look.states
        SELECT id, 'running' FROM job.lease WHERE id = ANY ($1::bigint[])
        UNION ALL SELECT id, 'waiting' FROM job.gate WHERE id = ANY ($1)
        UNION ALL SELECT id, 'parked' FROM job.parked WHERE id = ANY ($1)
        UNION ALL SELECT id, CASE why WHEN 0 THEN 'scheduled' WHEN 2 THEN 'snoozed' ELSE 'retrying' END
            FROM job.later WHERE id = ANY ($1)
        UNION ALL SELECT id, 'ready' FROM job.body AS b WHERE id = ANY ($1)
            AND NOT EXISTS (SELECT FROM job.lease AS o WHERE o.id = b.id)
            AND NOT EXISTS (SELECT FROM job.gate AS o WHERE o.id = b.id)
            AND NOT EXISTS (SELECT FROM job.parked AS o WHERE o.id = b.id)
            AND NOT EXISTS (SELECT FROM job.later AS o WHERE o.id = b.id)
        UNION ALL SELECT id, (ARRAY['done', 'discarded', 'cancelled', 'quarantined'])[state + 1]
            FROM job.done WHERE id = ANY ($1)";
    let rows = at.ask(STATES, &[&ids]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// A person's own job, live or ended; nobody else's.
pub const TASK: &str = "-- jobs.look.task
    SELECT b.id, k.name AS kind, coalesce(t.run_at, g.run_at, b.run_at) AS due_at, b.enqueued_at,
        l.started_at, NULL::timestamptz AS finished_at, NULL::jsonb AS result, NULL AS reason, s.pct, s.note, s.data, s.at,
        CASE WHEN l.id IS NOT NULL THEN 'running' WHEN g.id IS NOT NULL THEN 'waiting'
            WHEN p.id IS NOT NULL THEN 'parked' WHEN t.id IS NULL THEN 'ready'
            WHEN t.why = 0 THEN 'scheduled' WHEN t.why = 2 THEN 'snoozed' ELSE 'retrying' END AS state
    FROM job.body AS b JOIN job.kind AS k ON k.id = b.kind_id
    LEFT JOIN job.lease AS l ON l.id = b.id LEFT JOIN job.later AS t ON t.id = b.id
    LEFT JOIN job.gate AS g ON g.id = b.id LEFT JOIN job.parked AS p ON p.id = b.id
    LEFT JOIN job.progress AS s ON s.id = b.id
    WHERE b.id = $1 AND b.owner_id = $2
    UNION ALL
    SELECT d.id, k.name, NULL, d.enqueued_at, d.started_at, d.finished_at, d.result, d.reason, NULL, NULL, NULL, NULL,
        (ARRAY['done', 'discarded', 'cancelled', 'quarantined'])[d.state + 1]
    FROM job.done AS d JOIN job.kind AS k ON k.id = d.kind_id
    WHERE d.id = $1 AND d.owner_id = $2
    LIMIT 1";

/// A person's own job.
pub async fn task(db: &crate::db::Db, id: i64, owner: Uuid) -> Result<crate::db::Rows, DbError> {
    db.read(TASK, crate::args![id, owner]).await
}
