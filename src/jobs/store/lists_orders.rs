//! What an administrator does to jobs that wait or run. Every statement takes any number of jobs, changes those it finds
//! in a place that fits, and says which: one that moves at the same moment is simply not among them.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    Ask,
    acks::{settled, summary},
};
use crate::db::DbError;

fn touched(rows: &[Row]) -> Vec<(i64, i16)> {
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Jobs that wait, wherever, end as cancelled: their keys are released, who waits for them is
/// let go, the history says why, and keeps their arguments, so that they can be run once more.
pub async fn cancel_waiting(
    at: &mut impl Ask,
    ids: &[i64],
    reason: &str,
) -> Result<Vec<(i64, i16)>, DbError> {
    const CANCEL: &str = concat!(
        "-- jobs.orders.cancel_waiting
        WITH ready AS (DELETE FROM job.ready WHERE id = ANY ($1::bigint[]) RETURNING id, attempt, crashes),
        later AS (DELETE FROM job.later WHERE id = ANY ($1) RETURNING id, attempt, crashes),
        parked AS (DELETE FROM job.parked WHERE id = ANY ($1) RETURNING id, attempt, crashes),
        gate AS (DELETE FROM job.gate WHERE id = ANY ($1)
            RETURNING id, 0::smallint AS attempt, 0::smallint AS crashes),
        lease AS MATERIALIZED (
            SELECT *, NULL::timestamptz AS started_at FROM (TABLE ready UNION ALL TABLE later UNION ALL TABLE parked
                UNION ALL TABLE gate) AS place
        ), body AS (
            DELETE FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM lease)) RETURNING *
        ), step AS (
            DELETE FROM job.step WHERE job_id = ANY (ARRAY(SELECT id FROM lease))
        ), progress AS (
            DELETE FROM job.progress WHERE id = ANY (ARRAY(SELECT id FROM lease))
        ), edges AS (
            DELETE FROM job.edge WHERE child = ANY (ARRAY(SELECT id FROM gate))
        ), story AS (
            INSERT INTO job.attempt (job_id, attempt, token, worker_id, started_at, outcome, error_kind, error, kind_id)
            SELECT id, l.attempt, 0, 0, clock_timestamp(), 4, 'reason', $2::text, b.kind_id
            FROM lease AS l JOIN body AS b USING (id)
        ), ended AS (SELECT id, 2 AS state FROM lease), ",
        summary!("2", "true", "$2::text", "NULL::bigint", "NULL::jsonb"),
        ", ",
        settled!("settled_gate"),
        " SELECT id, queue_id FROM body"
    );
    Ok(touched(&at.ask(CANCEL, &[&ids, &reason]).await?))
}

/// Running jobs are asked to end; their attempts see it.
pub async fn cancel_running(
    at: &mut impl Ask,
    ids: &[i64],
    reason: &str,
) -> Result<Vec<(i64, i16)>, DbError> {
    const CANCEL: &str = "-- jobs.orders.cancel_running
        UPDATE job.lease SET cancel_at = coalesce(cancel_at, clock_timestamp()),
            cancel_reason = coalesce(cancel_reason, $2)
        WHERE id = ANY ($1::bigint[])
        RETURNING id, queue_id";
    Ok(touched(&at.ask(CANCEL, &[&ids, &reason]).await?))
}

/// Jobs that wait for their time are due now.
pub async fn hasten(at: &mut impl Ask, ids: &[i64], now: Timestamp) -> Result<Vec<(i64, i16)>, DbError> {
    const HASTEN: &str = "-- jobs.orders.hasten
        UPDATE job.later SET run_at = least(run_at, $2::timestamptz) WHERE id = ANY ($1::bigint[])
        RETURNING id, queue_id";
    Ok(touched(&at.ask(HASTEN, &[&ids, &now]).await?))
}

/// Jobs that wait are not run before `until`.
pub async fn snooze(at: &mut impl Ask, ids: &[i64], until: Timestamp) -> Result<Vec<(i64, i16)>, DbError> {
    const SNOOZE: &str = "-- jobs.orders.snooze
        WITH later AS (
            UPDATE job.later SET run_at = $2::timestamptz, why = 2 WHERE id = ANY ($1::bigint[]) RETURNING id, queue_id
        ), gate AS (
            UPDATE job.gate SET run_at = $2 WHERE id = ANY ($1) RETURNING id, queue_id
        ), ready AS (
            DELETE FROM job.ready WHERE id = ANY ($1)
            RETURNING id, queue_id, lane, rank, attempt, crashes, key_hash, kind_key
        ), parked AS (
            DELETE FROM job.parked WHERE id = ANY ($1)
            RETURNING id, queue_id, lane, rank, attempt, crashes, key_hash, kind_key
        ), put AS (
            INSERT INTO job.later (run_at, id, queue_id, lane, rank, attempt, crashes, key_hash, kind_key, why)
            SELECT $2, id, queue_id, lane, rank, attempt, crashes, key_hash, kind_key, 2
            FROM (SELECT * FROM ready UNION ALL SELECT * FROM parked) AS moved RETURNING id, queue_id
        )
        SELECT * FROM later UNION ALL SELECT * FROM gate UNION ALL SELECT * FROM put";
    Ok(touched(&at.ask(SNOOZE, &[&ids, &until]).await?))
}

/// Live jobs get another priority: another place in a strict queue or one with ageing; in a fair one the tenants' turns
/// stay as they are. The only time that a body is changed.
pub async fn prioritise(at: &mut impl Ask, ids: &[i64], priority: i16) -> Result<Vec<(i64, i16)>, DbError> {
    const PRIORITISE: &str = "-- jobs.orders.prioritise
        WITH n AS MATERIALIZED (
            SELECT b.id, b.queue_id,
                CASE WHEN NOT q.fair AND q.aging_ms IS NULL THEN $2::smallint END AS lane,
                CASE WHEN q.fair THEN 0 ELSE ($2::bigint - b.priority) * coalesce(q.aging_ms, 0) * 1000 END AS shift
            FROM job.body AS b JOIN job.queue AS q ON q.id = b.queue_id
            WHERE b.id = ANY ($1::bigint[]) ORDER BY b.id FOR UPDATE OF b
        ), body AS (
            UPDATE job.body AS b SET priority = $2 FROM n WHERE b.id = n.id
        ), ready AS (
            UPDATE job.ready AS r SET lane = coalesce(n.lane, r.lane), rank = r.rank + n.shift
            FROM n WHERE r.id = n.id AND r.id = ANY ($1) RETURNING r.id, r.queue_id
        ), later AS (
            UPDATE job.later AS r SET lane = coalesce(n.lane, r.lane), rank = r.rank + n.shift
            FROM n WHERE r.id = n.id AND r.id = ANY ($1) RETURNING r.id, r.queue_id
        ), parked AS (
            UPDATE job.parked AS r SET lane = coalesce(n.lane, r.lane), rank = r.rank + n.shift
            FROM n WHERE r.id = n.id AND r.id = ANY ($1) RETURNING r.id, r.queue_id
        ), gate AS (
            UPDATE job.gate AS r SET lane = coalesce(n.lane, r.lane), rank = r.rank + n.shift
            FROM n WHERE r.id = n.id AND r.id = ANY ($1) RETURNING r.id, r.queue_id
        ), lease AS (
            UPDATE job.lease AS r SET lane = coalesce(n.lane, r.lane), rank = r.rank + n.shift
            FROM n WHERE r.id = n.id AND r.id = ANY ($1) RETURNING r.id, r.queue_id
        )
        SELECT * FROM ready UNION ALL SELECT * FROM later UNION ALL SELECT * FROM parked UNION ALL SELECT * FROM gate
        UNION ALL SELECT * FROM lease";
    Ok(touched(&at.ask(PRIORITISE, &[&ids, &priority]).await?))
}

/// What is needed to run ended jobs once more: kind, arguments and their shape, tags, owner, and the job that does it
/// already. Those without arguments come without. They are locked: of two who want this at once, the second sees what the
/// first has done.
pub async fn ended(at: &mut impl Ask, ids: &[i64]) -> Result<Vec<Row>, DbError> {
    const ENDED: &str = "-- jobs.orders.ended
        SELECT d.id, k.name AS kind, d.state, d.body AS args, d.args_version, coalesce(d.tags, '{}') AS tags, d.owner_id,
            d.rerun_id
        FROM job.done AS d JOIN job.kind AS k ON k.id = d.kind_id
        WHERE d.id = ANY ($1::bigint[]) AND d.state > 0 ORDER BY d.id FOR NO KEY UPDATE OF d";
    at.ask(ENDED, &[&ids]).await
}

/// Each of these ended jobs is run once more by the one at its place.
pub async fn reran(at: &mut impl Ask, ended: &[i64], again: &[i64]) -> Result<(), DbError> {
    const RERAN: &str = "-- jobs.orders.reran
        UPDATE job.done AS d SET rerun_id = n.again
        FROM unnest($1::bigint[], $2::bigint[]) AS n (id, again) WHERE d.id = n.id AND d.id = ANY ($1)";
    at.ask(RERAN, &[&ended, &again]).await.map(drop)
}
