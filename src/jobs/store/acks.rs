//! Acknowledging: lease → done, later or ready. Every statement is fenced: a lease whose token has changed is not
//! touched, and its report is stale.

use jiff::Timestamp;

use crate::{
    db::{DbError, Link, Tx},
    jobs::{Ending, JobId, Report, Verdict},
};

/// A body ends: it and its unique key go, a summary stays if the kind says so.
macro_rules! ended {
    ($state:literal) => {
        concat!(
            "body AS (
                DELETE FROM job.body WHERE id = ANY (ARRAY(SELECT id FROM lease)) RETURNING *
            ), released AS (
                DELETE FROM job.uniq
                WHERE hash = ANY (ARRAY(SELECT unique_hash FROM body WHERE unique_hold <= 1))
                  AND job_id = ANY (ARRAY(SELECT id FROM body WHERE unique_hold <= 1))
            ), done AS (
                INSERT INTO job.done
                    (id, queue_id, kind_id, state, attempts, crashes, enqueued_at, started_at, body, tags)
                SELECT id, b.queue_id, b.kind_id, ",
            $state,
            ", l.attempt, l.crashes, b.enqueued_at, l.started_at,
                    CASE WHEN b.keep = 2 THEN b.args END, b.tags
                FROM body AS b JOIN lease AS l USING (id) WHERE b.keep > 0
            )
            SELECT id FROM lease"
        )
    };
}

/// Adds the history row of each attempt that has one.
macro_rules! told {
    () => {
        "story AS (
            INSERT INTO job.attempt
                (job_id, attempt, token, worker_id, started_at, outcome, error_kind, error, trace)
            SELECT id, l.attempt, l.token, l.worker_id, l.started_at, a.outcome, a.error_kind, a.error, a.trace
            FROM lease AS l JOIN a USING (id) WHERE a.outcome IS NOT NULL
        ), "
    };
}

/// Acknowledges one job inside the handler's own transaction; `false` when the lease is not ours any more.
pub async fn finish(tx: &mut Tx, job: JobId, token: i64) -> Result<bool, DbError> {
    const FINISH: &str = concat!(
        "-- jobs.acks.finish
        WITH lease AS (DELETE FROM job.lease WHERE id = $1 AND token = $2 RETURNING *), ",
        ended!("0")
    );
    Ok(tx.query_opt(FINISH, &[&job.0, &token]).await?.is_some())
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
    let is_plain = |report: &&Report| report.verdict == Verdict::End(Ending::Done) && report.story.is_none();
    let is_end = |report: &&Report| matches!(report.verdict, Verdict::End(_)) && !is_plain(report);
    let plain: Vec<_> = reports.iter().filter(is_plain).collect();
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
        ), ",
        ended!("0")
    );
    if reports.is_empty() {
        return Ok(0);
    }
    let (ids, tokens) = keys(reports);
    Ok(link.query(DONE, &[&ids, &tokens]).await?.len())
}

/// Jobs that ended otherwise.
async fn end(link: &Link, reports: &[&Report]) -> Result<usize, DbError> {
    const END: &str = concat!(
        "-- jobs.acks.end
        WITH a AS MATERIALIZED (
            SELECT * FROM unnest($1::bigint[], $3::smallint[], $4::smallint[], $5::text[], $6::text[], $7::text[])
            AS t (id, state, outcome, error_kind, error, trace)
        ), lease AS (
            DELETE FROM job.lease WHERE id = ANY ($1::bigint[]) AND token = ANY ($2::bigint[]) RETURNING *
        ), ",
        told!(),
        ended!("(SELECT a.state FROM a WHERE a.id = b.id)")
    );
    if reports.is_empty() {
        return Ok(0);
    }
    let ((ids, tokens), stories) = (keys(reports), Stories::of(reports));
    let states: Vec<i16> = reports
        .iter()
        .map(|report| match report.verdict {
            Verdict::End(ending) => ending as i16,
            Verdict::Retry(_) | Verdict::Snooze(_) | Verdict::GiveBack => {
                unreachable!("only endings come here")
            }
        })
        .collect();
    let Stories { outcomes, kinds, texts, traces } = &stories;
    Ok(link.query(END, &[&ids, &tokens, &states, outcomes, kinds, texts, traces]).await?.len())
}

/// Jobs that run again: later, or at once in their old place. What is to be cancelled does not: the steward ends it.
async fn put_back(link: &Link, reports: &[&Report]) -> Result<usize, DbError> {
    const PUT_BACK: &str = concat!(
        "-- jobs.acks.put_back
        WITH a AS MATERIALIZED (
            SELECT * FROM unnest($1::bigint[], $3::timestamptz[], $4::smallint[], $5::smallint[],
                $6::smallint[], $7::text[], $8::text[], $9::text[])
            AS t (id, run_at, why, refund, outcome, error_kind, error, trace)
        ), lease AS (
            DELETE FROM job.lease WHERE id = ANY ($1::bigint[]) AND token = ANY ($2::bigint[])
              AND cancel_at IS NULL RETURNING *
        ), ",
        told!(),
        "later AS (
            INSERT INTO job.later (run_at, id, queue_id, lane, rank, attempt, crashes, key_hash, why)
            SELECT a.run_at, id, queue_id, lane, rank, attempt - a.refund, crashes, key_hash, a.why
            FROM lease JOIN a USING (id) WHERE a.run_at IS NOT NULL
        ), ready AS (
            INSERT INTO job.ready (queue_id, lane, rank, id, attempt, crashes, key_hash)
            SELECT queue_id, lane, rank, id, attempt - a.refund, crashes, key_hash
            FROM lease JOIN a USING (id) WHERE a.run_at IS NULL
        )
        SELECT id FROM lease"
    );
    if reports.is_empty() {
        return Ok(0);
    }
    let ((ids, tokens), stories) = (keys(reports), Stories::of(reports));
    let (mut run_ats, mut whys, mut refunds) = (Vec::new(), Vec::new(), Vec::new());
    for report in reports {
        let (run_at, why, refund): (Option<Timestamp>, i16, i16) = match report.verdict {
            Verdict::Retry(at) => (Some(at), super::why::RETRY, 0),
            Verdict::Snooze(at) => (Some(at), super::why::SNOOZE, 1),
            Verdict::GiveBack => (None, super::why::SCHEDULED, 1),
            Verdict::End(_) => unreachable!("endings do not come here"),
        };
        run_ats.push(run_at);
        whys.push(why);
        refunds.push(refund);
    }
    let Stories { outcomes, kinds, texts, traces } = &stories;
    let args: [&(dyn postgres_types::ToSql + Sync); 9] =
        [&ids, &tokens, &run_ats, &whys, &refunds, outcomes, kinds, texts, traces];
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
        }
        stories
    }
}
