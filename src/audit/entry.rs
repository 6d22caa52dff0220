//! What is told.

use std::net::IpAddr;

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    accounts::policy::{Principal, Via},
    db::{DbError, Tx},
    ids::UserId,
};

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A person, in this session.
    Person(UserId, Option<Uuid>),
    /// A program with a key of this person.
    Key(UserId, Uuid),
    /// This server by itself.
    System,
    /// Somebody who did not say who they are.
    Anonymous,
}

impl Who {
    const fn parts(self) -> (&'static str, Option<Uuid>, Option<Uuid>) {
        match self {
            Self::Person(user, session) => ("person", Some(user.0), session),
            Self::Key(user, key) => ("api_key", Some(user.0), Some(key)),
            Self::System => ("system", None, None),
            Self::Anonymous => ("anonymous", None, None),
        }
    }
}

impl From<&Principal> for Who {
    fn from(principal: &Principal) -> Self {
        match principal.via {
            Via::Session(session) => Self::Person(principal.user, Some(session.0)),
            Via::Key(key, _) => Self::Key(principal.user, key.0),
        }
    }
}

/// How it ended.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuditOutcome)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was not allowed.
    Refused,
    /// It was allowed and did not work.
    Failed,
}

impl Outcome {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One thing that somebody did.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: Who,
    /// What, for example `document.read`.
    pub action: &'static str,
    /// To what kind of thing, for example `document`.
    pub object: &'static str,
    /// To which of them.
    pub id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// From where.
    pub address: Option<IpAddr>,
    /// In which request; it stands in the logs, too.
    pub request: Option<String>,
    /// Ids and words that belong to it. No contents.
    pub details: serde_json::Value,
}

impl Entry {
    /// Something that `who` did to a thing, with nothing more to say.
    #[expect(clippy::needless_pass_by_value, reason = "ids are small, and callers have them at hand")]
    pub fn new(
        at: Timestamp,
        who: Who,
        action: &'static str,
        object: &'static str,
        id: impl ToString,
    ) -> Self {
        Self {
            at,
            who,
            action,
            object,
            id: Some(id.to_string()),
            outcome: Outcome::Ok,
            address: None,
            request: None,
            details: serde_json::json!({}),
        }
    }
}

/// An entry as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = AuditEntry)]
pub struct Recorded {
    /// Its number.
    pub id: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `person`, `api_key`, `system` or `anonymous`.
    pub who_kind: String,
    /// The person, also behind a key.
    pub who: Option<Uuid>,
    /// The session or the key.
    pub via: Option<Uuid>,
    /// What.
    pub action: String,
    /// To what kind of thing.
    pub object_kind: String,
    /// To which of them.
    pub object_id: Option<String>,
    /// `ok`, `refused` or `failed`.
    pub result: String,
    /// From where.
    pub address: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What belongs to it.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
}

/// The columns of an entry `e`, as [`Recorded::from_row`] reads them.
macro_rules! entry_columns {
    () => {
        "e.id, e.at, e.who_kind, e.who, e.via, e.action, e.object_kind, e.object_id, e.result, e.address, e.request_id, \
         e.details"
    };
}
pub(super) use entry_columns;

impl Recorded {
    pub(super) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            at: row.get("at"),
            who_kind: row.get("who_kind"),
            who: row.get("who"),
            via: row.get("via"),
            action: row.get("action"),
            object_kind: row.get("object_kind"),
            object_id: row.get("object_id"),
            result: row.get("result"),
            address: row.get("address"),
            request_id: row.get("request_id"),
            details: row.get("details"),
        }
    }
}

/// Writes entries down, in the transaction of what they tell.
pub async fn record(tx: &mut Tx, entries: &[Entry]) -> Result<(), DbError> {
    const RECORD: &str = "-- audit.record
        WITH written AS (
            INSERT INTO audit_entry (at, who_kind, who, via, action, object_kind, object_id, result, address, request_id,
                details)
            SELECT at, who_kind, who, via, action, object_kind, left(object_id, 200), result, address, request_id, details
            FROM unnest($1::timestamptz[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                $8::text[], $9::text[], $10::text[], $11::jsonb[]) WITH ORDINALITY
                AS t (at, who_kind, who, via, action, object_kind, object_id, result, address, request_id, details, n)
            ORDER BY n RETURNING id
        )
        INSERT INTO audit_pending (entry_id) SELECT id FROM written";
    if entries.is_empty() {
        return Ok(());
    }
    let parts: Vec<_> = entries.iter().map(|entry| entry.who.parts()).collect();
    let kinds: Vec<_> = parts.iter().map(|it| it.0).collect();
    let (who, via): (Vec<_>, Vec<_>) = parts.iter().map(|it| (it.1, it.2)).unzip();
    let at: Vec<_> = entries.iter().map(|entry| entry.at).collect();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action).collect();
    let objects: Vec<_> = entries.iter().map(|entry| entry.object).collect();
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_deref()).collect();
    let results: Vec<_> = entries.iter().map(|entry| entry.outcome.as_str()).collect();
    let address = |entry: &Entry| entry.address.map(|address| address.to_canonical().to_string());
    let addresses: Vec<Option<String>> = entries.iter().map(address).collect();
    let requests: Vec<_> = entries.iter().map(|entry| entry.request.as_deref()).collect();
    let details: Vec<_> = entries.iter().map(|entry| &entry.details).collect();
    tx.execute(
        RECORD,
        &[&at, &kinds, &who, &via, &actions, &objects, &ids, &results, &addresses, &requests, &details],
    )
    .await?;
    Ok(())
}
