//! What administrators do to jobs: retry, cancel, snooze, change the priority; one job, or all that fit a filter. Each
//! order is one transaction with one entry in the journal.
//!
//! A job may move while it is ordered about: an order that found it in none of the places that fit looks again with a
//! fresh view, and after a few looks says `moved`. So nothing is lost, and nothing is claimed that was not done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Change, Changed, Filter, Listed, State, filter, listing};
use crate::{
    db::{DbError, Tx},
    ids::UserId,
    jobs::{
        Hint, Hold, JobId, Jobs, QueueName,
        store::{lists_look, lists_orders},
    },
    journal::{self, Entry},
};

/// One call changes at most so many jobs: a transaction that holds more rows makes workers wait.
pub const BULK_MAX: i64 = 1_000;
/// Counting stops here.
pub const COUNT_MAX: i64 = 10_000;
/// Nobody means a later time.
pub const SNOOZE_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Looks at a job that moves.
const LOOKS: usize = 4;
/// Pages that are counted or searched for one call, when few jobs fit.
const PAGES: usize = 25;
/// The first jobs of a bulk order are named in the journal and in the answer.
const NAMED: usize = 100;
/// So many jobs of one order are told to those who watch, one by one; of the others only how many they are, so that a
/// bulk order does not drown what else happens.
const TOLD: usize = 100;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Run it now, or once more.
    Retry,
    /// End it.
    Cancel,
    /// Not before then.
    Snooze(Timestamp),
    /// Another place in its queue.
    Priority(i16),
}

impl Order {
    /// Its name in the journal.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Retry => "job.retry",
            Self::Cancel => "job.cancel",
            Self::Snooze(_) => "job.snooze",
            Self::Priority(_) => "job.priority",
        }
    }

    /// Whether it can be done to this job. What was run once more already is dealt with.
    fn concerns(self, job: &Listed) -> bool {
        self.fits(job.state) && !(self == Self::Retry && job.rerun.is_some())
    }

    /// Whether it can be done to a job in this state.
    pub const fn fits(self, state: State) -> bool {
        match self {
            Self::Retry => matches!(
                state,
                State::Scheduled
                    | State::Retrying
                    | State::Snoozed
                    | State::Discarded
                    | State::Cancelled
                    | State::Quarantined
            ),
            Self::Cancel | Self::Priority(_) => !state.is_ended(),
            Self::Snooze(_) => !state.is_ended() && !matches!(state, State::Running),
        }
    }
}

/// Who orders, and why.
#[derive(Debug, Clone)]
pub struct Who {
    /// The administrator; `None` for somebody at the command line.
    pub user: Option<UserId>,
    /// What else is known of them: the session, or the operating system's name for them.
    pub details: serde_json::Value,
    /// For the journal.
    pub reason: String,
}

/// What became of an order to one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
#[schema(as = JobOrderResult)]
pub enum Result {
    /// It is due now.
    Hastened,
    /// It had ended: a new job does the same once more.
    Rerun {
        /// The new job.
        #[schema(value_type = String)]
        job: JobId,
    },
    /// It has ended as cancelled.
    Cancelled,
    /// It runs and was asked to end.
    Cancelling,
    /// It is run later.
    Snoozed,
    /// It has the priority.
    Prioritised,
    /// Nothing was done.
    Refused {
        /// Why, for programs.
        code: &'static str,
        /// Why, for people.
        detail: String,
    },
}

impl Result {
    const fn refused(code: &'static str, detail: String) -> Self {
        Self::Refused { code, detail }
    }

    /// One word for summaries.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Hastened => "hastened",
            Self::Rerun { .. } => "rerun",
            Self::Cancelled => "cancelled",
            Self::Cancelling => "cancelling",
            Self::Snoozed => "snoozed",
            Self::Prioritised => "prioritised",
            Self::Refused { code, .. } => code,
        }
    }

    /// What it is to those who watch; a new job tells of itself.
    const fn change(&self) -> Option<Changed> {
        match self {
            Self::Hastened => Some(Changed::Hastened),
            Self::Cancelled => Some(Changed::Cancelled),
            Self::Cancelling => Some(Changed::Cancelling),
            Self::Snoozed => Some(Changed::Snoozed),
            Self::Prioritised => Some(Changed::Prioritised),
            Self::Rerun { .. } | Self::Refused { .. } => None,
        }
    }

    /// Whether something was done.
    pub const fn is_done(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}

/// Why an order was not even tried.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// There is no such job, or nothing of it was kept.
    #[error("there is no such job")]
    Unknown,
    /// The filter asks for jobs to which it cannot be done.
    #[error("jobs that are {} cannot be ordered so", .0.as_str())]
    State(State),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How many; more when counting stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = JobCount)]
pub struct Count {
    /// So many.
    pub count: i64,
    /// Whether that is all.
    pub exact: bool,
}

/// What became of an order to many jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = JobBulkResult)]
pub struct Bulk {
    /// Jobs to which it was done.
    pub done: i64,
    /// All results, with how often each.
    #[schema(value_type = Object)]
    pub results: BTreeMap<&'static str, i64>,
    /// The first hundred jobs.
    #[schema(value_type = Vec<String>)]
    pub jobs: Vec<JobId>,
    /// Those that fit the filter and were not looked at.
    pub remaining: Count,
    /// The last job that was looked at, when some remain: go on below it.
    #[serde(skip)]
    pub next: Option<i64>,
}

/// Orders one job.
pub async fn order(
    tx: &mut Tx,
    jobs: &Jobs,
    who: &Who,
    order: Order,
    id: i64,
) -> std::result::Result<Result, OrderError> {
    let mut results = apply(tx, jobs, order, vec![id], &who.reason).await?;
    let result = results.remove(&id).ok_or(OrderError::Unknown)?;
    if result.is_done() {
        let entry =
            entry(jobs, who, order, id.to_string(), result.word().to_owned(), &serde_json::json!(result));
        journal::append(tx, &[entry]).await?;
    }
    Ok(result)
}

/// Orders up to `limit` jobs that fit `filter`, newest first, from below `before` on.
pub async fn bulk(
    tx: &mut Tx,
    jobs: &Jobs,
    who: &Who,
    order: Order,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> std::result::Result<Bulk, OrderError> {
    check(order, filter)?;
    let (ids, next) = search(tx, order, filter, before, limit.clamp(1, BULK_MAX)).await?;
    let outcomes = apply(tx, jobs, order, ids.clone(), &who.reason).await?;
    let mut results = BTreeMap::new();
    for outcome in outcomes.values() {
        *results.entry(outcome.word()).or_default() += 1;
    }
    let done: Vec<JobId> = outcomes.iter().filter(|(_, it)| it.is_done()).map(|(id, _)| JobId(*id)).collect();
    let count = done.len() as i64;
    let remaining = match next {
        Some(next) => self::count(tx, order, filter, Some(next)).await?,
        None => Count { count: 0, exact: true },
    };
    let jobs_named: Vec<JobId> = done.into_iter().rev().take(NAMED).collect();
    let details =
        serde_json::json!({ "filter": filter, "count": count, "results": results, "jobs": jobs_named });
    let entry = entry(jobs, who, order, "jobs".to_owned(), format!("{count} jobs"), &details);
    journal::append(tx, &[entry]).await?;
    Ok(Bulk { done: count, results, jobs: jobs_named, remaining, next })
}

/// How many jobs fit `filter` and this order, from below `before` on. Counting stops at [`COUNT_MAX`].
pub async fn count(
    tx: &mut Tx,
    order: Order,
    filter: &Filter,
    before: Option<i64>,
) -> std::result::Result<Count, OrderError> {
    check(order, filter)?;
    let (ids, next) = search(tx, order, filter, before, COUNT_MAX).await?;
    Ok(Count { count: ids.len() as i64, exact: next.is_none() })
}

fn check(order: Order, filter: &Filter) -> std::result::Result<(), OrderError> {
    match filter.state {
        Some(state) if !order.fits(state) => Err(OrderError::State(state)),
        _ => Ok(()),
    }
}

/// Ids that fit, and where the search ended before the end.
async fn search(
    tx: &mut Tx,
    order: Order,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> std::result::Result<(Vec<i64>, Option<i64>), DbError> {
    let (mut ids, mut next) = (Vec::new(), before);
    for _ in 0..PAGES {
        let wanted = (limit - ids.len() as i64).min(BULK_MAX);
        let page = listing::list_a_part(tx, filter, next, wanted).await?;
        ids.extend(page.jobs.iter().filter(|job| order.concerns(job)).map(|job| job.id.0));
        next = page.next;
        if next.is_none() || ids.len() as i64 >= limit {
            break;
        }
    }
    Ok((ids, next))
}

fn entry(
    jobs: &Jobs,
    who: &Who,
    order: Order,
    target: String,
    result: String,
    details: &serde_json::Value,
) -> Entry {
    let more = match order {
        Order::Snooze(until) => serde_json::json!({ "until": until }),
        Order::Priority(priority) => serde_json::json!({ "priority": priority }),
        Order::Retry | Order::Cancel => serde_json::json!({}),
    };
    Entry {
        at: jobs.clock().now(),
        who: who.user,
        action: order.action(),
        target,
        reason: Some(who.reason.clone()),
        result: Some(result),
        details: joined([&who.details, details, &more]),
    }
}

/// One object of several.
pub(in crate::jobs) fn joined<'a>(
    objects: impl IntoIterator<Item = &'a serde_json::Value>,
) -> serde_json::Value {
    let members = objects.into_iter().filter_map(|it| it.as_object().cloned()).flatten();
    serde_json::Value::Object(members.collect())
}

/// Orders these jobs; those that do not exist are not in the answer.
async fn apply(
    tx: &mut Tx,
    jobs: &Jobs,
    order: Order,
    mut left: Vec<i64>,
    reason: &str,
) -> std::result::Result<BTreeMap<i64, Result>, DbError> {
    let (mut results, mut told) = (BTreeMap::new(), Vec::new());
    for _ in 0..LOOKS {
        for (id, queue, result) in once(tx, jobs, order, &left, reason).await? {
            told.extend(result.change().zip(queue).map(|(what, queue)| (JobId(id), what, queue)));
            results.insert(id, result);
        }
        left.retain(|id| !results.contains_key(id));
        if left.is_empty() {
            break;
        }
        let states = lists_look::states(tx, &left).await?;
        left.retain(|id| states.iter().any(|(known, _)| known == id));
        for (id, state) in states {
            let state = filter::State::stored(&state);
            if !order.fits(state) {
                results.insert(id, unfit(order, state));
                left.retain(|it| *it != id);
            }
        }
    }
    let moved = || Result::refused("moved", "it moves all the time: try again".to_owned());
    results.extend(left.into_iter().map(|id| (id, moved())));
    tell(tx, jobs, order, told);
    Ok(results)
}

/// One look: each job that was found in a place that fits, with its queue.
async fn once(
    tx: &mut Tx,
    jobs: &Jobs,
    order: Order,
    ids: &[i64],
    reason: &str,
) -> std::result::Result<Vec<(i64, Option<i16>, Result)>, DbError> {
    let all = |found: Vec<(i64, i16)>, result: Result| -> Vec<_> {
        found.into_iter().map(|(id, queue)| (id, Some(queue), result.clone())).collect()
    };
    Ok(match order {
        Order::Retry => {
            let hastened = lists_orders::hasten(tx, ids, jobs.clock().now()).await?;
            let mut found = all(hastened, Result::Hastened);
            found.extend(rerun(tx, jobs, ids).await?.into_iter().map(|(id, result)| (id, None, result)));
            found
        }
        Order::Cancel => {
            let mut found = all(lists_orders::cancel_waiting(tx, ids, reason).await?, Result::Cancelled);
            found.extend(all(lists_orders::cancel_running(tx, ids, reason).await?, Result::Cancelling));
            found
        }
        Order::Snooze(until) => all(lists_orders::snooze(tx, ids, until).await?, Result::Snoozed),
        Order::Priority(priority) => {
            all(lists_orders::prioritise(tx, ids, priority).await?, Result::Prioritised)
        }
    })
}

/// Enqueues jobs that have ended once more, those whose arguments were kept, each once.
async fn rerun(tx: &mut Tx, jobs: &Jobs, ids: &[i64]) -> std::result::Result<Vec<(i64, Result)>, DbError> {
    let (mut results, mut again, mut news) = (Vec::new(), Vec::new(), Vec::new());
    for row in lists_orders::ended(tx, ids).await? {
        let (id, kind): (i64, String) = (row.get("id"), row.get("kind"));
        if let Some(rerun) = row.get::<_, Option<JobId>>("rerun_id") {
            let detail = format!("job {rerun} is it, once more: look at that one");
            results.push((id, Result::refused("rerun_already", detail)));
            continue;
        }
        let Some(args) = row.get::<_, Option<serde_json::Value>>("args") else {
            let detail = format!(
                "its arguments were not kept: sealed ones never are, those of a job that cancelled itself only where its \
                 kind says so; enqueue a new {kind} instead"
            );
            results.push((id, Result::refused("arguments_not_kept", detail)));
            continue;
        };
        match super::enqueue::upcast(jobs, &kind, args, row.get("args_version")) {
            Ok(mut job) => {
                job.tags = row.get("tags");
                if let Some(owner) = row.get::<_, Option<uuid::Uuid>>("owner_id") {
                    job = job.owner(owner);
                }
                again.push(id);
                news.push(job.unique(format!("rerun of {id}"), Hold::End));
            }
            Err(error) => results.push((id, Result::refused(error.code(), error.to_string()))),
        }
    }
    let made = jobs.insert(tx, &news).await?;
    let pairs = again.iter().zip(&made).filter_map(|(id, job)| Some((*id, (*job)?.0)));
    let (ended, reruns): (Vec<i64>, Vec<i64>) = pairs.unzip();
    if !ended.is_empty() {
        lists_orders::reran(tx, &ended, &reruns).await?;
    }
    for (id, job) in again.into_iter().zip(made) {
        let live = || Result::refused("rerun_is_live", "it is being run once more already".to_owned());
        results.push((id, job.map_or_else(live, |job| Result::Rerun { job })));
    }
    Ok(results)
}

fn unfit(order: Order, state: State) -> Result {
    let what = match state {
        State::Ready => "it is ready already",
        State::Parked => "it waits for a limit",
        State::Waiting => "it waits for other jobs",
        State::Running => "it runs",
        State::Done => "it is done",
        _ => "it has ended",
    };
    let code = match state {
        State::Running => "running",
        state if state.is_ended() => "ended",
        _ => state.as_str(),
    };
    let advice = match (order, state) {
        (Order::Snooze(_), State::Running) => "; cancel it, or let it end",
        (Order::Retry, State::Ready | State::Parked | State::Waiting) => "; see its explanation",
        _ => "",
    };
    Result::refused(code, format!("{what}{advice}"))
}

/// After the commit, wakes whom it concerns and tells those who watch.
fn tell(tx: &mut Tx, jobs: &Jobs, order: Order, told: Vec<(JobId, Changed, i16)>) {
    let jobs = jobs.clone();
    tx.on_commit(move || {
        // A place may be free, and somebody may wait for what has ended.
        jobs.hint(Hint::Gates);
        let name = |queue: i16| -> Option<QueueName> { jobs.catalog()?.queue_name(queue) };
        let queues: BTreeSet<i16> = told.iter().map(|(.., queue)| *queue).collect();
        for queue in queues.into_iter().filter_map(name) {
            jobs.wake(queue);
        }
        let now = jobs.clock().now();
        let change = |(job, what, queue): &(JobId, Changed, i16)| Change {
            queue: name(*queue),
            ..Change::of(*job, *what, now)
        };
        jobs.feed().push(told.iter().take(TOLD).map(change));
        jobs.feed().push_more(told.len().saturating_sub(TOLD) as u64);
        match order {
            Order::Retry => jobs.wake_at(jobs.clock().now()),
            Order::Snooze(until) => jobs.wake_at(until),
            Order::Cancel => jobs.heed_cancels(),
            Order::Priority(_) => {}
        }
    });
}
