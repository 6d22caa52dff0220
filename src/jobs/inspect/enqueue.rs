//! Jobs that an administrator enqueues by name.

use jiff::Timestamp;
use serde_json::Value;

use super::{SNOOZE_MAX, Who, orders::joined};
use crate::{
    accounts::users,
    db::{DbError, Tx},
    ids::UserId,
    jobs::{
        Hold, JobId, Jobs, NewJob,
        registry::{ARGS_MAX, ArgsError, Kind, WrongArgs},
    },
    journal::{self, Entry},
};

/// The first day of 2000: what is to run before is a slip.
const EARLIEST: Timestamp = Timestamp::constant(946_684_800, 0);
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
    #[error("the arguments do not fit {kind}: {}{detail}", place(pointer))]
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
    /// They are a document.
    #[error("the arguments have {0} bytes, at most {ARGS_MAX} are allowed")]
    TooLong(usize),
    /// Nobody means such a time.
    #[error("must be within a year, and not before 2000")]
    Time,
    /// Nobody could look at it.
    #[error("there is no account {0}")]
    Owner(uuid::Uuid),
    /// An equal one is live.
    #[error("a job with this unique key is live already")]
    Live,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// In front of what is wrong there.
fn place(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!("{pointer}: ") }
}

impl DraftError {
    /// For programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Kind(_) => "kind_unknown",
            Self::Arguments { .. } | Self::Shape { .. } => "arguments_unreadable",
            Self::TooLong(_) => "too_long",
            Self::Time => "out_of_range",
            Self::Owner(_) => "unknown_account",
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
        return checked(known, &empty, known.check);
    }
    checked(known, arguments, known.check)
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
    let newest = (known.upcast)(arguments, version.unwrap_or(known.version)).map_err(wrong)?;
    checked(known, &newest, known.fits)
}

fn find<'a>(jobs: &'a Jobs, kind: &str) -> Result<&'a Kind, DraftError> {
    jobs.registry().get(kind).ok_or_else(|| DraftError::Kind(kind.to_owned()))
}

/// `kind_fits`: as people write them, or as they were stored.
fn checked(
    kind: &Kind,
    arguments: &Value,
    kind_fits: fn(&Value) -> Result<(), WrongArgs>,
) -> Result<NewJob, DraftError> {
    let wrong = |WrongArgs { pointer, detail }| DraftError::Arguments { kind: kind.name, pointer, detail };
    kind_fits(arguments).map_err(wrong)?;
    Ok(NewJob::of_kind(kind, arguments.to_string()))
}

/// Enqueues a job and writes it into the journal.
pub async fn enqueue(tx: &mut Tx, jobs: &Jobs, who: &Who, draft: &Draft) -> Result<JobId, DraftError> {
    let length = draft.arguments.to_string().len();
    if length > ARGS_MAX {
        return Err(DraftError::TooLong(length));
    }
    if draft.run_at.is_some_and(|at| at < EARLIEST || at > jobs.clock().now() + SNOOZE_MAX) {
        return Err(DraftError::Time);
    }
    let mut job = known(jobs, &draft.kind, &draft.arguments)?;
    job.run_at = draft.run_at;
    job.priority = draft.priority.unwrap_or(job.priority);
    job.tags.clone_from(&draft.tags);
    if let Some(owner) = draft.owner {
        if !users::is_there(tx, UserId(owner)).await? {
            return Err(DraftError::Owner(owner));
        }
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
