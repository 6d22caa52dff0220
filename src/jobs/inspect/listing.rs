//! Lists: live jobs and the history, merged by id.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Filter, State, fingerprint_text};
use crate::{
    db::DbError,
    jobs::{
        JobId,
        store::{Ask, lists, lists_ended, lists_look},
    },
};

/// The longest page.
pub const MAX_LIST: i64 = 100;
/// How many ids a window has when an index does not answer all filters: few at first, because most filters leave many…
const WINDOW_FIRST: i64 = 250;
/// …then twice as many each time, up to this.
const WINDOW_MAX: i64 = 5_000;
/// And how many windows are looked at for one page.
const WINDOWS: usize = 8;
/// The same where the statement compares while it reads (see [`Plan::is_wide`]): 50,000 ids take a few milliseconds…
const WIDE_MAX: i64 = 50_000;
/// …so that a page is full unless a million jobs were looked at.
const WIDE_WINDOWS: usize = 28;
/// A tag that more jobs have is compared within windows instead of looked up: sorting them would be a scan. Likewise,
/// what is ready is sorted by id when it is no more than this.
const FEW: i64 = 10_000;

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ListedJob)]
pub struct Listed {
    /// Its id.
    #[schema(value_type = String)]
    pub id: JobId,
    /// What it does.
    pub kind: String,
    /// Where it waits.
    pub queue: String,
    /// Where it is in its life.
    pub state: State,
    /// Smaller runs first; `null` when it has ended.
    pub priority: Option<i16>,
    /// The last attempt's number; `null` while it is ready.
    pub attempt: Option<i16>,
    /// After so many it is discarded; `null` when it has ended.
    pub max_attempts: Option<i16>,
    /// How often a process died while running it; `null` while it is ready.
    pub crashes: Option<i16>,
    /// When it was enqueued.
    #[schema(value_type = String, format = DateTime)]
    pub enqueued_at: Timestamp,
    /// Not before then; `null` when it has ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// When its attempt began, or its last one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// When a running job was asked to end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cancel_at: Option<Timestamp>,
    /// The process that runs it: see the nodes.
    #[schema(value_type = Option<String>)]
    pub worker: Option<JobId>,
    /// What it shares a limit with.
    pub key: Option<String>,
    /// The batch it belongs to.
    #[schema(value_type = Option<String>)]
    pub batch: Option<JobId>,
    /// The account that may look at it.
    pub owner: Option<Uuid>,
    /// For people and filters.
    pub tags: Vec<String>,
    /// Whether its process has it only taken, ahead of a free worker: it runs there soon. As far as can be told from
    /// outside.
    pub taken: bool,
    /// Names the error with which it ended, or its last attempt did.
    pub fingerprint: Option<String>,
    /// Why it ended otherwise than done.
    pub reason: Option<String>,
    /// The job that does the same once more: it is run once more once.
    #[schema(value_type = Option<String>)]
    pub rerun: Option<JobId>,
}

impl Listed {
    pub(super) fn live(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            kind: row.get("kind"),
            queue: row.get("queue"),
            state: State::stored(row.get("state")),
            priority: row.get("priority"),
            attempt: row.get("attempt"),
            max_attempts: row.get("max_attempts"),
            crashes: row.get("crashes"),
            enqueued_at: row.get("enqueued_at"),
            due_at: row.get("due_at"),
            started_at: row.get("started_at"),
            finished_at: None,
            cancel_at: row.get("cancel_at"),
            worker: row.get("worker_id"),
            key: row.get("key_name"),
            batch: row.get("batch_id"),
            owner: row.get("owner_id"),
            tags: row.get("tags"),
            taken: false,
            fingerprint: None,
            reason: None,
            rerun: None,
        }
    }

    pub(super) fn ended(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            kind: row.get("kind"),
            queue: row.get("queue"),
            state: State::stored(row.get("state")),
            priority: None,
            attempt: row.get("attempts"),
            max_attempts: None,
            crashes: row.get("crashes"),
            enqueued_at: row.get("enqueued_at"),
            due_at: None,
            started_at: row.get("started_at"),
            finished_at: row.get("finished_at"),
            cancel_at: None,
            worker: None,
            key: None,
            batch: row.get("batch_id"),
            owner: row.get("owner_id"),
            tags: row.get::<_, Option<_>>("tags").unwrap_or_default(),
            taken: false,
            fingerprint: row.get::<_, Option<i64>>("fingerprint").map(fingerprint_text),
            reason: row.get("reason"),
            rerun: row.get("rerun_id"),
        }
    }
}

/// A page, and where the next one begins: below this id.
#[derive(Debug, PartialEq)]
pub struct Found<T = Listed> {
    /// Newest first.
    pub jobs: Vec<T>,
    /// `None` at the end.
    pub next: Option<i64>,
}

/// What one source gave: sorted by id, from the highest.
struct Slice<T> {
    rows: Vec<T>,
    /// More may lie below this id, which was looked at.
    more_below: Option<i64>,
}

/// Joins what two sources gave. What one of them has not looked at yet is not told from the other either.
fn merge<T>(slices: [Slice<T>; 2], limit: usize, id: impl Fn(&T) -> i64) -> Found<T> {
    let known = slices.iter().filter_map(|slice| slice.more_below).max();
    let mut jobs: Vec<T> = slices.into_iter().flat_map(|slice| slice.rows).collect();
    jobs.retain(|job| known.is_none_or(|known| id(job) >= known));
    jobs.sort_by_key(|job| std::cmp::Reverse(id(job)));
    // Between the two looks it may have ended: the later look is right.
    jobs.reverse();
    jobs.dedup_by_key(|job| id(job));
    jobs.reverse();
    let next = if jobs.len() > limit { Some(id(&jobs[limit - 1])) } else { known };
    jobs.truncate(limit);
    Found { jobs, next }
}

/// Which indexes serve a filter, each with whether it answers everything.
#[derive(Debug, Clone, Copy)]
struct Plan {
    live: Option<(lists::By, bool)>,
    ended: Option<(lists_ended::By, bool)>,
}

impl Plan {
    async fn of(at: &mut impl Ask, filter: &Filter) -> Result<Self, DbError> {
        let tags = filter.tags();
        let few_live = !tags.is_empty() && lists::few_live_have(at, &tags, FEW).await?;
        let few_ended = !tags.is_empty() && lists_ended::few_ended_have(at, &tags, FEW).await?;
        let few_ready = filter.state == Some(State::Ready) && lists::few_are_ready(at, FEW).await?;
        Ok(Self { live: filter.live(few_live, few_ready), ended: filter.ended(few_ended) })
    }

    /// Whether a window costs little though it be wide: each of the two statements reads no further than it has to,
    /// or compares while it reads.
    fn is_wide(self, filter: &Filter) -> bool {
        use lists::By;
        let live = self.live.is_none_or(|(by, answers)| match by {
            By::Ready | By::Body => true, // live states besides ready have indexes of their own
            By::Scheduled => filter.is_only_state(),
            _ => answers,
        });
        live && self.ended.is_none_or(|(by, answers)| answers || by == lists_ended::By::Id)
    }
}

/// Up to `limit` jobs below the id `before`, newest first. The page may be shorter than that, though it goes on: what
/// fits the filters was not found in the windows that were looked at. With one state, a queue, a kind or a time, that
/// takes a million jobs that do not fit; with several filters, twenty thousand.
pub async fn list(
    at: &mut impl Ask,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Found, DbError> {
    let mut found = within(at, filter, before, limit, WIDE_WINDOWS).await?;
    complete(at, &mut found.jobs).await?;
    Ok(found)
}

/// Adds what is only looked up for jobs that are shown: whether one that a process has is only taken, and the last error
/// of one that is tried again.
pub(super) async fn complete(at: &mut impl Ask, jobs: &mut [Listed]) -> Result<(), DbError> {
    let ids = |fits: fn(&&Listed) -> bool| jobs.iter().filter(fits).map(|job| job.id.0).collect::<Vec<_>>();
    let running = ids(|job| job.state == State::Running);
    let failed = ids(|job| {
        !job.state.is_ended()
            && (job.state == State::Retrying || job.attempt.is_some_and(|attempt| attempt > 0))
    });
    let ahead = if running.is_empty() { Vec::new() } else { lists_look::taken_ahead(at, &running).await? };
    let errors = if failed.is_empty() { Vec::new() } else { lists_look::last_errors(at, &failed).await? };
    for job in jobs {
        if ahead.contains(&job.id.0) {
            job.taken = true;
            job.attempt = job.attempt.map(|attempt| attempt - 1); // not begun: it may go back as it came
        }
        let error = errors.iter().find(|(id, _)| *id == job.id.0);
        job.fingerprint = error.map(|(_, it)| fingerprint_text(*it)).or_else(|| job.fingerprint.take());
    }
    Ok(())
}

/// The same for a search that calls this often: few windows.
pub(super) async fn list_a_part(
    at: &mut impl Ask,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Found, DbError> {
    within(at, filter, before, limit, WINDOWS).await
}

async fn within(
    at: &mut impl Ask,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
    windows: usize,
) -> Result<Found, DbError> {
    let limit = limit.max(1);
    let plan = Plan::of(at, filter).await?;
    let (max, windows) =
        if plan.is_wide(filter) { (WIDE_MAX, windows) } else { (WINDOW_MAX, windows.min(WINDOWS)) };
    let mut page = Found { jobs: Vec::new(), next: before };
    let mut window = WINDOW_FIRST.max(2 * limit).min(max);
    for _ in 0..windows {
        let wanted = limit - page.jobs.len() as i64;
        let arguments = |answers: bool| {
            arguments(filter, page.next, wanted + 1, if answers { wanted + 1 } else { window })
        };
        let live = match plan.live {
            Some((by, answers)) => {
                let arguments = arguments(answers);
                slice(&lists::live(at, by, &arguments).await?, arguments.limit, Listed::live)
            }
            None => Slice { rows: Vec::new(), more_below: None },
        };
        let ended = match plan.ended {
            Some((by, answers)) => {
                let arguments = arguments(answers);
                slice(&lists_ended::ended(at, by, &arguments).await?, arguments.limit, Listed::ended)
            }
            None => Slice { rows: Vec::new(), more_below: None },
        };
        let found = merge([live, ended], wanted as usize, |job| job.id.0);
        page.jobs.extend(found.jobs);
        page.next = found.next;
        if page.next.is_none() || page.jobs.len() as i64 >= limit {
            break;
        }
        window = (2 * window).min(max);
    }
    Ok(page)
}

fn slice(window: &lists::Window, wanted: i64, read: impl Fn(&Row) -> Listed) -> Slice<Listed> {
    let rows: Vec<_> = window.rows.iter().map(read).collect();
    let more_below = match rows.last() {
        Some(last) if rows.len() as i64 >= wanted => Some(last.id.0),
        _ => window.reached,
    };
    Slice { rows, more_below }
}

fn arguments(filter: &Filter, before: Option<i64>, limit: i64, window: i64) -> lists::Arguments {
    let (from, before) = filter.ids(before);
    lists::Arguments {
        before,
        from,
        window,
        limit,
        state: filter.state.map(State::as_str),
        queue: filter.queue.clone(),
        kind: filter.kind.clone(),
        tags: filter.tags(),
        owner: filter.owner,
        batch: filter.batch,
        enqueued_from: filter.enqueued_from,
        enqueued_to: filter.enqueued_to,
        fingerprint: filter.fingerprint,
        finished_from: filter.finished_from,
        finished_to: filter.finished_to,
        rerun: filter.rerun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(rows: &[i64], more_below: Option<i64>) -> Slice<i64> {
        Slice { rows: rows.to_vec(), more_below }
    }

    fn merged(slices: [Slice<i64>; 2], limit: usize) -> (Vec<i64>, Option<i64>) {
        let found = merge(slices, limit, |id| *id);
        (found.jobs, found.next)
    }

    #[test]
    fn two_whole_sources_are_one_list_with_an_end() {
        assert_eq!(merged([slice(&[9, 5], None), slice(&[7], None)], 10), (vec![9, 7, 5], None));
        assert_eq!(merged([slice(&[], None), slice(&[], None)], 10), (vec![], None));
    }

    #[test]
    fn a_full_page_goes_on_below_its_last_job() {
        assert_eq!(merged([slice(&[9, 5], None), slice(&[7], None)], 2), (vec![9, 7], Some(7)));
    }

    #[test]
    fn what_one_source_has_not_looked_at_is_not_told_from_the_other() {
        // Live jobs were looked at down to 6: the history's 5 and 3 must wait for what is live between.
        assert_eq!(merged([slice(&[9], Some(6)), slice(&[7, 5, 3], None)], 10), (vec![9, 7], Some(6)));
        assert_eq!(merged([slice(&[], Some(6)), slice(&[], Some(8))], 10), (vec![], Some(8)));
    }

    #[test]
    fn a_job_that_ended_between_the_looks_is_told_once() {
        assert_eq!(merged([slice(&[9, 7], None), slice(&[7], None)], 10), (vec![9, 7], None));
    }
}
