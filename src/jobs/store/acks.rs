//! Acknowledging: lease → done, later or ready. Every statement is fenced: a lease whose token has changed is not
//! touched, and its report is stale.

use jiff::Timestamp;

use crate::{
    db::{DbError, Link, Tx},
    jobs::{JobId, Report, Verdict},
};

/// A body ends: it and its unique key go, a summary stays if the kind says so. The arguments stay of what did not work, and
/// of what somebody cancelled, so that it can be looked at and run again: `kept` says when. `body` and `lease` are defined.
macro_rules! summary {
    ($state:literal, $kept:literal, $reason:literal, $fingerprint:literal, $result:literal) => {
        concat!(
            "released AS (
                DELETE FROM job.uniq
                WHERE hash = ANY (ARRAY(SELECT unique_hash FROM body WHERE unique_hold <= 1))
                  AND job_id = ANY (ARRAY(SELECT id FROM body WHERE unique_hold <= 1))
            ), done AS (
                INSERT INTO job.done (id, queue_id, kind_id, state, attempts, crashes, enqueued_at, started_at, body,
                    tags, batch_id, owner_id, args_version, reason, fingerprint, result)
                SELECT id, b.queue_id, b.kind_id, ",
            $state,
            ", l.attempt, l.crashes, b.enqueued_at, l.started_at,
                    CASE WHEN b.keep = 2 OR ",
            $kept,
            " THEN b.args END, b.tags, b.batch_id, b.owner_id, b.args_version, ",
            $reason,
            ", ",
            $fingerprint,
            ", ",
            $result,
            "
                FROM body AS b JOIN lease AS l USING (id) WHERE b.keep > 0 OR ",
            $state,
            " = 3
            )"
        )
    };
}

/// Ended jobs are taken from the edges that stand for them, and counted at the other end: batches and gates are locked
/// in the order of their ids, so that two flushes cannot deadlock. `ended (id, state)` is defined.
macro_rules! settled {
    ($gate:literal) => {
        concat!("edge AS MATERIALIZED (
            DELETE FROM job.edge WHERE parent = ANY (ARRAY(SELECT id FROM body WHERE batch_id IS NOT NULL))
            RETURNING parent, child
        ), tally AS MATERIALIZED (
            SELECT child, count(*)::int AS n, (count(*) FILTER (WHERE ended.state <> 0))::int AS bad
            FROM edge JOIN ended ON ended.id = edge.parent GROUP BY child
        ), locked_batch AS MATERIALIZED (
            SELECT id FROM job.batch WHERE id = ANY (ARRAY(SELECT child FROM tally)) ORDER BY id FOR UPDATE
        ), batch AS (
            UPDATE job.batch AS o SET ok = o.ok + t.n - t.bad, bad = o.bad + t.bad
            FROM tally AS t WHERE o.id = t.child AND o.id = ANY (ARRAY(SELECT id FROM locked_batch))
        ), locked_gate AS MATERIALIZED (
            SELECT id FROM job.gate WHERE id = ANY (ARRAY(SELECT child FROM tally)) ORDER BY id FOR UPDATE
        ), ", $gate, " AS (
            UPDATE job.gate AS o SET waits = o.waits - t.n, failed = o.failed + t.bad
            FROM tally AS t WHERE o.id = t.child AND o.id = ANY (ARRAY(SELECT id FROM locked_gate))
        )")
    };
}

/// Adds the history row of each attempt that has one.
macro_rules! told {
    () => {
        "story AS (
            INSERT INTO job.attempt (job_id, attempt, token, worker_id, started_at, outcome, error_kind, error, trace,
                fingerprint, log, kind_id)
            SELECT id, l.attempt, l.token, l.worker_id, l.started_at, a.outcome, a.error_kind, a.error, a.trace,
                a.fingerprint, string_to_array(a.log, E'\\x1f'), (SELECT kind_id FROM job.body AS b WHERE b.id = l.id)
            FROM lease AS l JOIN a USING (id) WHERE a.outcome IS NOT NULL
        ), "
    };
}
pub(super) use {settled, summary};

/// Acknowledges one job inside the handler's own transaction; `false` when the lease is not ours any more. `is_tied`
/// when the job is in a batch, or has an answer.
pub async fn finish(
    tx: &mut Tx,
    job: JobId,
    token: i64,
    is_tied: bool,
    answer: Option<&str>,
) -> Result<bool, DbError> {
    const FINISH: &str = concat!(
        "-- jobs.acks.finish
        WITH lease AS (DELETE FROM job.lease WHERE id = $1 AND token = $2 RETURNING *),
        body AS (DELETE FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM lease)) RETURNING *), ",
        summary!("0", "false", "NULL", "NULL::bigint", "NULL::jsonb"),
        " SELECT id FROM lease"
    );
    const FINISH_TIED: &str = concat!(
        "-- jobs.acks.finish_tied
        WITH lease AS (DELETE FROM job.lease WHERE id = $1 AND token = $2 RETURNING *),
        body AS (DELETE FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM lease)) RETURNING *),
        ended AS (SELECT id, 0 AS state FROM lease), ",
        summary!("0", "false", "NULL", "NULL::bigint", "$3::text::jsonb"),
        ", ",
        settled!("gate"),
        " SELECT id FROM lease"
    );
    let row = if is_tied || answer.is_some() {
        tx.query_opt(FINISH_TIED, &[&job.0, &token, &answer]).await?
    } else {
        tx.query_opt(FINISH, &[&job.0, &token]).await?
    };
    Ok(row.is_some())
}

/// What a flush did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Flushed {
    /// Reports applied.
    pub applied: usize,
    /// Reports whose lease had gone to somebody else: nothing was written.
    pub stale: usize,
}

/// Applies a batch of reports. Each statement is atomic by itself; after an error any of them may have happened, and
/// the whole batch is simply sent again: what was applied is stale then.
pub async fn flush(link: &Link, reports: &[Report]) -> Result<Flushed, DbError> {
    let is_end = |report: &&Report| matches!(report.verdict, Verdict::End(_)) && !report.is_plain();
    let plain: Vec<_> = reports.iter().filter(|report| report.is_plain()).collect();
    let ends: Vec<_> = reports.iter().filter(is_end).collect();
    let again: Vec<_> = reports.iter().filter(|report| !matches!(report.verdict, Verdict::End(_))).collect();
    let (plain, ends, again) =
        futures_util::future::join3(done(link, &plain), end(link, &ends), put_back(link, &again)).await;
    let applied = plain? + ends? + again?;
    Ok(Flushed { applied, stale: reports.len() - applied })
}

/// Jobs that are done, with nothing to tell: nearly all of them.
async fn done(link: &Link, reports: &[&Report]) -> Result<usize, DbError> {
    const DONE: &str = concat!(
        "-- jobs.acks.done
        WITH lease AS (
            DELETE FROM job.lease WHERE id = ANY ($1::bigint[]) AND token = ANY ($2::bigint[]) RETURNING *
        ), body AS (DELETE FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM lease)) RETURNING *), ",
        summary!("0", "false", "NULL", "NULL::bigint", "NULL::jsonb"),
        " SELECT id FROM lease"
    );
    if reports.is_empty() {
        return Ok(0);
    }
    let (ids, tokens) = keys(reports);
    Ok(link.query(DONE, &[&ids, &tokens]).await?.len())
}

/// Jobs that ended otherwise, have an answer, or are waited for.
async fn end(link: &Link, reports: &[&Report]) -> Result<usize, DbError> {
    const END: &str = concat!(
        "-- jobs.acks.end
        WITH a AS MATERIALIZED (
            SELECT * FROM unnest($1::bigint[], $3::smallint[], $4::smallint[], $5::text[], $6::text[], $7::text[],
                $8::bigint[], $9::text[], $10::text[])
            AS t (id, state, outcome, error_kind, error, trace, fingerprint, log, answer)
        ), lease AS (
            DELETE FROM job.lease WHERE id = ANY ($1::bigint[]) AND token = ANY ($2::bigint[]) RETURNING *
        ), ",
        told!(),
        "body AS (DELETE FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM lease)) RETURNING *),
        ended AS (SELECT id, a.state FROM lease JOIN a USING (id)), ",
        summary!(
            "(SELECT a.state FROM a WHERE a.id = b.id)",
            "(SELECT a.state IN (1, 3) OR (a.state = 2 AND l.cancel_reason IS NOT NULL) FROM a WHERE a.id = b.id)",
            "(SELECT a.error FROM a WHERE a.id = b.id)",
            "(SELECT a.fingerprint FROM a WHERE a.id = b.id)",
            "(SELECT a.answer::jsonb FROM a WHERE a.id = b.id)"
        ),
        ", ",
        settled!("gate"),
        " SELECT id FROM lease"
    );
    if reports.is_empty() {
        return Ok(0);
    }
    let ((ids, tokens), stories) = (keys(reports), Stories::of(reports));
    let states: Vec<i16> = reports
        .iter()
        .map(|report| match report.verdict {
            Verdict::End(ending) => ending as i16,
            Verdict::Retry(_) | Verdict::Snooze(_) | Verdict::GiveBack | Verdict::Park(_) => {
                unreachable!("only endings come here")
            }
        })
        .collect();
    let answers: Vec<_> = reports.iter().map(|report| report.answer.as_deref()).collect();
    let Stories { outcomes, kinds, texts, traces, fingerprints, logs } = &stories;
    let args: [&(dyn postgres_types::ToSql + Sync); 10] =
        [&ids, &tokens, &states, outcomes, kinds, texts, traces, fingerprints, logs, &answers];
    Ok(link.query(END, &args).await?.len())
}

/// Jobs that run again: later, when their kind is no longer paused, or at once in their old place. That place is within their limits: it was never free. What
/// is to be cancelled does not run again: the steward ends it.
async fn put_back(link: &Link, reports: &[&Report]) -> Result<usize, DbError> {
    const PUT_BACK: &str = concat!(
        "-- jobs.acks.put_back
        WITH a AS MATERIALIZED (
            SELECT * FROM unnest($1::bigint[], $3::timestamptz[], $4::smallint[], $5::smallint[],
                $6::smallint[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::text[], $12::bigint[])
            AS t (id, run_at, why, refund, outcome, error_kind, error, trace, fingerprint, log, door)
        ), lease AS (
            DELETE FROM job.lease WHERE id = ANY ($1::bigint[]) AND token = ANY ($2::bigint[])
              AND cancel_at IS NULL RETURNING *
        ), ",
        told!(),
        "later AS (
            INSERT INTO job.later (run_at, id, queue_id, lane, rank, attempt, crashes, key_hash, kind_key, why)
            SELECT a.run_at, id, queue_id, lane, rank, attempt - a.refund, crashes, key_hash, kind_key, a.why
            FROM lease JOIN a USING (id) WHERE a.run_at IS NOT NULL
        ), parked AS (
            INSERT INTO job.parked (door, lane, rank, id, queue_id, attempt, crashes, key_hash, kind_key)
            SELECT a.door, lane, rank, id, queue_id, attempt - a.refund, crashes, key_hash, a.door
            FROM lease JOIN a USING (id) WHERE a.door IS NOT NULL
        ), ready AS (
            INSERT INTO job.ready (queue_id, lane, rank, id, attempt, crashes, key_hash, kind_key)
            SELECT queue_id, lane, rank, id, attempt - a.refund, crashes, key_hash, kind_key
            FROM lease JOIN a USING (id) WHERE a.run_at IS NULL AND a.door IS NULL
        )
        SELECT id FROM lease"
    );
    if reports.is_empty() {
        return Ok(0);
    }
    let ((ids, tokens), stories) = (keys(reports), Stories::of(reports));
    let (mut run_ats, mut doors, mut whys, mut refunds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for report in reports {
        let (run_at, door, why, refund): (Option<Timestamp>, Option<i64>, i16, i16) = match report.verdict {
            Verdict::Retry(at) => (Some(at), None, super::why::RETRY, 0),
            Verdict::Snooze(at) => (Some(at), None, super::why::SNOOZE, 1),
            Verdict::GiveBack => (None, None, super::why::SCHEDULED, 1),
            Verdict::Park(door) => (None, Some(door), super::why::SCHEDULED, 1),
            Verdict::End(_) => unreachable!("endings do not come here"),
        };
        run_ats.push(run_at);
        doors.push(door);
        whys.push(why);
        refunds.push(refund);
    }
    let Stories { outcomes, kinds, texts, traces, fingerprints, logs } = &stories;
    let args: [&(dyn postgres_types::ToSql + Sync); 12] = [
        &ids,
        &tokens,
        &run_ats,
        &whys,
        &refunds,
        outcomes,
        kinds,
        texts,
        traces,
        fingerprints,
        logs,
        &doors,
    ];
    Ok(link.query(PUT_BACK, &args).await?.len())
}

fn keys(reports: &[&Report]) -> (Vec<i64>, Vec<i64>) {
    reports.iter().map(|report| (report.job.0, report.token)).unzip()
}

/// The history columns, one array each.
#[derive(Default)]
struct Stories<'a> {
    outcomes: Vec<Option<i16>>,
    kinds: Vec<Option<&'a str>>,
    texts: Vec<Option<&'a str>>,
    traces: Vec<Option<&'a str>>,
    fingerprints: Vec<Option<i64>>,
    logs: Vec<Option<String>>,
}

impl<'a> Stories<'a> {
    fn of(reports: &[&'a Report]) -> Self {
        let mut stories = Self::default();
        for report in reports {
            let story = report.story.as_ref();
            stories.outcomes.push(story.map(|story| story.outcome as i16));
            stories.kinds.push(story.map(|story| story.kind));
            stories.texts.push(story.map(|story| story.text.as_str()));
            stories.traces.push(story.and_then(|story| story.trace.as_deref()));
            stories.fingerprints.push(story.and_then(|story| story.fingerprint));
            let log = story.filter(|story| !story.log.is_empty());
            stories.logs.push(log.map(|story| story.log.join(super::SEPARATOR)));
        }
        stories
    }
}
