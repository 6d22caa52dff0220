//! Jobs that an administrator enqueues by name.

use jiff::Timestamp;
use serde_json::Value;

use super::{Who, orders::joined};
use crate::{
    db::{DbError, Tx},
    jobs::{
        Hold, JobId, Jobs, NewJob,
        registry::{ArgsError, Kind, WrongArgs},
    },
    journal::{self, Entry},
};

/// More tags than anybody reads.
pub const MAX_TAGS: usize = 16;

/// A job to be enqueued.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its kind.
    pub kind: String,
    /// Its arguments.
    pub arguments: Value,
    /// Not before then.
    pub run_at: Option<Timestamp>,
    /// Instead of its kind's.
    pub priority: Option<i16>,
    /// For people and filters.
    pub tags: Vec<String>,
    /// At most one live job of its kind has this key.
    pub unique: Option<String>,
    /// The account that may look at it.
    pub owner: Option<uuid::Uuid>,
}

/// Why a job was not enqueued.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// This server has no such kind.
    #[error("this server knows no kind {0:?}")]
    Kind(String),
    /// They do not decode.
    #[error("the arguments do not fit {kind}: {detail}")]
    Arguments {
        /// The kind.
        kind: &'static str,
        /// Where, as a JSON pointer into the arguments.
        pointer: String,
        /// What is wrong.
        detail: String,
    },
    /// They are of another shape than this server's, and could not be brought up to date.
    #[error("the arguments do not fit this server's {kind}: {error}")]
    Shape {
        /// The kind.
        kind: &'static str,
        /// What is wrong.
        error: ArgsError,
    },
    /// An equal one is live.
    #[error("a job with this unique key is live already")]
    Live,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl DraftError {
    /// For programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Kind(_) => "kind_unknown",
            Self::Arguments { .. } | Self::Shape { .. } => "arguments_unreadable",
            Self::Live => "unique_job_is_live",
            Self::Db(_) => "database",
        }
    }
}

/// A job of a kind that this server knows, with arguments that decode. Who gives none means those of a kind without any,
/// however it writes that: `null` or `{}`.
fn known(jobs: &Jobs, kind: &str, arguments: &Value) -> Result<NewJob, DraftError> {
    let known = find(jobs, kind)?;
    let empty = Value::Object(serde_json::Map::new());
    if arguments.is_null() && (known.check)(arguments).is_err() && (known.check)(&empty).is_ok() {
        return checked(known, &empty);
    }
    checked(known, arguments)
}

/// The same, of arguments that were written for this version of the kind; `None`: for its newest, as far as is known.
pub(super) fn upcast(
    jobs: &Jobs,
    kind: &str,
    arguments: Value,
    version: Option<i16>,
) -> Result<NewJob, DraftError> {
    let known = find(jobs, kind)?;
    let wrong = |error| DraftError::Shape { kind: known.name, error };
    checked(known, &(known.upcast)(arguments, version.unwrap_or(known.version)).map_err(wrong)?)
}

fn find<'a>(jobs: &'a Jobs, kind: &str) -> Result<&'a Kind, DraftError> {
    jobs.registry().get(kind).ok_or_else(|| DraftError::Kind(kind.to_owned()))
}

fn checked(kind: &Kind, arguments: &Value) -> Result<NewJob, DraftError> {
    let wrong = |WrongArgs { pointer, detail }| DraftError::Arguments { kind: kind.name, pointer, detail };
    (kind.check)(arguments).map_err(wrong)?;
    Ok(NewJob::of_kind(kind, arguments.to_string()))
}

/// Enqueues a job and writes it into the journal.
pub async fn enqueue(tx: &mut Tx, jobs: &Jobs, who: &Who, draft: &Draft) -> Result<JobId, DraftError> {
    let mut job = known(jobs, &draft.kind, &draft.arguments)?;
    job.run_at = draft.run_at;
    job.priority = draft.priority.unwrap_or(job.priority);
    job.tags.clone_from(&draft.tags);
    if let Some(owner) = draft.owner {
        job = job.owner(owner);
    }
    if let Some(key) = &draft.unique {
        job = job.unique(key, Hold::End);
    }
    let id = jobs.insert(tx, &[job]).await?[0].ok_or(DraftError::Live)?;
    let details = serde_json::json!({ "kind": draft.kind, "run_at": draft.run_at, "tags": draft.tags });
    let entry = Entry {
        at: jobs.clock().now(),
        who: who.user,
        action: "job.enqueue",
        target: id.to_string(),
        reason: Some(who.reason.clone()),
        result: Some("enqueued".to_owned()),
        details: joined([&who.details, &details]),
    };
    journal::append(tx, &[entry]).await?;
    Ok(id)
}
