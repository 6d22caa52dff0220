//! Forgetting a subject: see [`crate::jobs::erase`].

use super::acks::{settled, summary};
use crate::{
    db::{DbError, Tx},
    jobs::erase::Erased,
};

/// Which of these tags are those of jobs that wait, run or have ended.
pub async fn known(tx: &mut Tx, tags: &[String]) -> Result<Vec<String>, DbError> {
    const KNOWN: &str = "-- jobs.erase.known
        SELECT DISTINCT t.tag FROM (
            SELECT unnest(b.tags) AS tag FROM job.body AS b WHERE b.tags && $1 AND b.tags <> '{}'
            UNION ALL SELECT unnest(d.tags) FROM job.done AS d WHERE d.tags && $1 AND d.tags <> '{}'
        ) AS t WHERE t.tag = ANY ($1)";
    Ok(tx.query(KNOWN, &[&tags]).await?.iter().map(|row| row.get("tag")).collect())
}

/// Erases what is known under `tag`. Places are left before bodies, so that no claim comes between.
pub async fn erase(tx: &mut Tx, tag: &str) -> Result<Erased, DbError> {
    const RUNNING: &str = "-- jobs.erase.running
        WITH lease AS (
            UPDATE job.lease SET cancel_at = clock_timestamp(), cancel_reason = NULL
            WHERE id IN (SELECT id FROM job.body WHERE tags @> ARRAY[$1::text] AND tags <> '{}') RETURNING id
        ), body AS (
            UPDATE job.body SET args = '{}', sealed = NULL, codec = 0, meta = NULL, key_name = NULL,
                tags = array_remove(tags, $1), keep = least(keep, 1::smallint)
            WHERE id = ANY (ARRAY(SELECT id FROM lease))
        ), step AS (
            DELETE FROM job.step WHERE job_id = ANY (ARRAY(SELECT id FROM lease))
        )
        SELECT count(*) FROM lease";
    const WAITING: &str = concat!(
        "-- jobs.erase.waiting
        WITH about AS MATERIALIZED (SELECT id FROM job.body WHERE tags @> ARRAY[$1::text] AND tags <> '{}'),
        ready AS (DELETE FROM job.ready WHERE id IN (SELECT id FROM about) RETURNING id, attempt, crashes),
        later AS (DELETE FROM job.later WHERE id IN (SELECT id FROM about) RETURNING id, attempt, crashes),
        parked AS (DELETE FROM job.parked WHERE id IN (SELECT id FROM about) RETURNING id, attempt, crashes),
        gate AS (DELETE FROM job.gate WHERE id IN (SELECT id FROM about)
            RETURNING id, 0::smallint AS attempt, 0::smallint AS crashes),
        lease AS MATERIALIZED (
            SELECT *, NULL::timestamptz AS started_at FROM (TABLE ready UNION ALL TABLE later UNION ALL TABLE parked
                UNION ALL TABLE gate) AS place
        ), gone AS (
            DELETE FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM lease)) RETURNING *
        ), body AS MATERIALIZED (
            SELECT id, queue_id, kind_id, enqueued_at, keep, NULL::jsonb AS args, array_remove(tags, $1) AS tags,
                batch_id, owner_id, args_version, unique_hash, unique_hold FROM gone
        ), step AS (
            DELETE FROM job.step WHERE job_id = ANY (ARRAY(SELECT id FROM lease))
        ), edges AS (
            DELETE FROM job.edge WHERE child = ANY (ARRAY(SELECT id FROM gate))
        ), ended AS (SELECT id, 2 AS state FROM lease), ",
        summary!("2", "false", "'erased'", "NULL::bigint", "NULL::jsonb"),
        ", ",
        settled!("settled_gate"),
        " SELECT count(*) FROM lease"
    );
    const HISTORY: &str = "-- jobs.erase.history
        WITH done AS (
            UPDATE job.done SET body = NULL, result = NULL, reason = NULL, tags = array_remove(tags, $1)
            WHERE tags @> ARRAY[$1::text] AND tags <> '{}' RETURNING id
        )
        SELECT coalesce(array_agg(id), '{}') FROM done";
    const ATTEMPTS: &str = "-- jobs.erase.attempts
        UPDATE job.attempt SET error = 'erased', trace = NULL, log = NULL WHERE job_id = ANY ($1::bigint[])";
    // History first: what is cancelled below was cleaned on its way there. Attempts of live jobs, too.
    const LIVE: &str =
        "-- jobs.erase.live\nSELECT id FROM job.body WHERE tags @> ARRAY[$1::text] AND tags <> '{}'";
    let live: Vec<i64> = tx.query(LIVE, &[&tag]).await?.iter().map(|row| row.get(0)).collect();
    let history: Vec<i64> = tx.query_one(HISTORY, &[&tag]).await?.get(0);
    let count = history.len() as i64;
    tx.execute(ATTEMPTS, &[&[history, live].concat()]).await?;
    let cancelled = tx.query_one(WAITING, &[&tag]).await?.get(0);
    let running = tx.query_one(RUNNING, &[&tag]).await?.get(0);
    Ok(Erased { cancelled, running, history: count })
}
