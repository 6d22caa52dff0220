//! One job with its whole story.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::{
    Explanation, Listed, Patience, State, explain::explain, fingerprint_text, listing::complete, snapshot,
};
use crate::{
    db::DbError,
    jobs::{
        JobId,
        store::{Ask, lists_look},
    },
};

/// The newest attempts are shown; few jobs have more than ten.
const ATTEMPTS: i64 = 100;
/// The word for an attempt that did the work.
const DONE: &str = "done";
/// Of the other ends of edges, so many are shown.
const EDGES: i64 = 100;

/// How far a job is, by its own account.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = JobProgress)]
pub struct Progress {
    /// From 0 to 100.
    pub pct: Option<f32>,
    /// In words.
    pub note: Option<String>,
    /// Whatever else it says.
    #[schema(value_type = serde_json::Value)]
    pub data: Option<serde_json::Value>,
    /// When it said so.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Somebody wanted a job cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = JobCancelAsked)]
pub struct CancelAsked {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who: an address, or who it was at the machine.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl std::fmt::Display for CancelAsked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cancel was asked for at {:.0}", self.at)?;
        self.by.iter().try_for_each(|by| write!(f, " by {by}"))?;
        self.reason.iter().try_for_each(|reason| write!(f, ": {reason}"))
    }
}

/// One attempt that has something to tell.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = JobAttempt)]
pub struct AttemptSeen {
    /// Its number.
    pub attempt: i16,
    /// How it ended: `done`, `retry`, `snooze`, `discard`, `cancel`, `timeout`, `panic`, `crash` or `interrupt`.
    pub outcome: &'static str,
    /// Where it ran, when that was written down.
    pub node: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub finished_at: Timestamp,
    /// How long it took.
    pub took_ms: i64,
    /// A word for grouping.
    pub error_kind: Option<String>,
    /// The error with its causes, or the reason.
    pub error: Option<String>,
    /// The backtrace, if there was one.
    pub trace: Option<String>,
    /// The last lines of its log.
    pub log: Vec<String>,
    /// Names the error: equal ones are the same error.
    pub fingerprint: Option<String>,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = JobDetail)]
pub struct Detail {
    /// As in lists.
    #[serde(flatten)]
    pub job: Listed,
    /// What it was told; `null` when that is sealed, or was not kept.
    #[schema(value_type = serde_json::Value)]
    pub arguments: Option<serde_json::Value>,
    /// Whether its arguments are sealed: they are never shown.
    pub sealed: bool,
    /// The longest attempt; `null` when it has ended.
    pub timeout_ms: Option<i32>,
    /// How it ended.
    #[schema(value_type = serde_json::Value)]
    pub result: Option<serde_json::Value>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// The jobs whose results it may read.
    #[schema(value_type = Vec<String>)]
    pub parents: Vec<JobId>,
    /// Those of them that have not ended, at most a hundred.
    #[schema(value_type = Vec<String>)]
    pub waits_for: Vec<JobId>,
    /// The jobs that wait for it, at most a hundred.
    #[schema(value_type = Vec<String>)]
    pub children: Vec<JobId>,
    /// Whether it holds a unique key: equal jobs are not enqueued.
    pub unique: bool,
    /// Its attempts that left a story, and the one that did the work, newest first, at most a hundred.
    pub attempts: Vec<AttemptSeen>,
    /// Who wanted it cancelled first, also when it has ended otherwise before that could be done.
    pub cancel_asked: Option<CancelAsked>,
    /// Why it is where it is.
    pub explanation: Explanation,
}

/// One job; `None` when there is none, or nothing of it was kept.
pub async fn show(
    at: &mut impl Ask,
    id: i64,
    now: Timestamp,
    patience: Patience,
) -> Result<Option<Detail>, DbError> {
    let mut last = None;
    let mut detail = if let Some(row) = lists_look::live_job(at, id).await? {
        let snapshot = snapshot::read(at, &row, now, patience).await?;
        let mut detail = live(&row, explain(&snapshot));
        complete(at, std::slice::from_mut(&mut detail.job)).await?;
        detail
    } else if let Some(row) = lists_look::ended_job(at, id).await? {
        last = good_end(&row);
        ended(&row)
    } else {
        return Ok(None);
    };
    detail.attempts = lists_look::attempts(at, id, ATTEMPTS).await?.iter().map(attempt).collect();
    if !detail.attempts.iter().any(|attempt| attempt.outcome == DONE) {
        detail.attempts.splice(0..0, last);
    }
    detail.cancel_asked = lists_look::cancel_asked(at, id, detail.job.enqueued_at)
        .await?
        .as_ref()
        .map(|row| CancelAsked { at: row.get("at"), by: row.get("by"), reason: row.get("reason") });
    if let (Some(asked), State::Done | State::Discarded) = (&detail.cancel_asked, detail.job.state) {
        detail.explanation.add(&format!("{asked}; it ended by itself before"));
    }
    for row in lists_look::edges(at, id, EDGES).await? {
        let side = if row.get("is_parent") { &mut detail.waits_for } else { &mut detail.children };
        side.push(row.get("id"));
    }
    Ok(Some(detail))
}

fn live(row: &Row, explanation: Explanation) -> Detail {
    let said = row.get::<_, Option<Timestamp>>("progress_at");
    Detail {
        job: Listed::live(row),
        arguments: row.get("args"),
        sealed: row.get("is_sealed"),
        timeout_ms: row.get("timeout_ms"),
        result: None,
        progress: said.map(|at| Progress {
            pct: row.get("pct"),
            note: row.get("note"),
            data: row.get("data"),
            at,
        }),
        parents: row.get::<_, Option<_>>("parents").unwrap_or_default(),
        waits_for: Vec::new(),
        children: Vec::new(),
        unique: row.get::<_, Option<uuid::Uuid>>("unique_hash").is_some(),
        attempts: Vec::new(),
        cancel_asked: None,
        explanation,
    }
}

fn ended(row: &Row) -> Detail {
    Detail {
        job: Listed::ended(row),
        arguments: row.get("body"),
        sealed: false,
        timeout_ms: None,
        result: row.get("result"),
        progress: None,
        parents: Vec::new(),
        waits_for: Vec::new(),
        children: Vec::new(),
        unique: false,
        attempts: Vec::new(),
        cancel_asked: None,
        explanation: Explanation::ended(State::stored(row.get("state"))),
    }
}

/// The attempt that did the work: it leaves no story, but its summary.
fn good_end(row: &Row) -> Option<AttemptSeen> {
    let (started_at, finished_at) = (row.get::<_, Option<Timestamp>>("started_at")?, row.get("finished_at"));
    (State::stored(row.get("state")) == State::Done).then(|| AttemptSeen {
        attempt: row.get("attempts"),
        outcome: DONE,
        node: None,
        started_at,
        finished_at,
        took_ms: took(started_at, finished_at),
        error_kind: None,
        error: None,
        trace: None,
        log: Vec::new(),
        fingerprint: None,
    })
}

fn took(started_at: Timestamp, finished_at: Timestamp) -> i64 {
    finished_at.duration_since(started_at).as_millis().try_into().unwrap_or(i64::MAX)
}

fn attempt(row: &Row) -> AttemptSeen {
    AttemptSeen {
        attempt: row.get("attempt"),
        outcome: outcome(row.get("outcome")),
        node: row.get("node"),
        started_at: row.get("started_at"),
        finished_at: row.get("finished_at"),
        took_ms: took(row.get("started_at"), row.get("finished_at")),
        error_kind: row.get("error_kind"),
        error: row.get("error"),
        trace: row.get("trace"),
        log: row.get::<_, Option<_>>("log").unwrap_or_default(),
        fingerprint: row.get::<_, Option<i64>>("fingerprint").map(fingerprint_text),
    }
}

/// The word for a number of [`crate::jobs::AttemptOutcome`].
fn outcome(number: i16) -> &'static str {
    match number {
        0 => DONE,
        1 => "retry",
        2 => "snooze",
        3 => "discard",
        4 => "cancel",
        5 => "timeout",
        6 => "panic",
        7 => "crash",
        8 => "interrupt",
        _ => "other",
    }
}
