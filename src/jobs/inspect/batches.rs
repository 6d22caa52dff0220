//! Batches.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    db::DbError,
    jobs::{
        JobId,
        store::{Ask, lists_look},
    },
};

/// Jobs that are counted together.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = JobBatch)]
pub struct Batch {
    /// Its id.
    #[schema(value_type = String)]
    pub id: JobId,
    /// For people.
    pub name: Option<String>,
    /// The account that may look at it.
    pub owner: Option<Uuid>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// From when on no more jobs were added.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sealed_at: Option<Timestamp>,
    /// When its last job ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// Its jobs.
    pub total: i32,
    /// Those that are done.
    pub ok: i32,
    /// Those that ended otherwise.
    pub bad: i32,
    /// Those that have not ended.
    pub left: i32,
}

impl Batch {
    fn of(row: &Row) -> Self {
        let (total, ok, bad): (i32, i32, i32) = (row.get("total"), row.get("ok"), row.get("bad"));
        Self {
            id: row.get("id"),
            name: row.get("name"),
            owner: row.get("owner_id"),
            opened_at: row.get("opened_at"),
            sealed_at: row.get("sealed_at"),
            closed_at: row.get("closed_at"),
            total,
            ok,
            bad,
            left: total - ok - bad,
        }
    }
}

/// Batches below the id `before`, newest first: all, or only those that are open, or closed.
pub async fn batches(
    at: &mut impl Ask,
    is_open: Option<bool>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Batch>, DbError> {
    let rows = lists_look::batches(at, before.unwrap_or(i64::MAX), is_open, limit).await?;
    Ok(rows.iter().map(Batch::of).collect())
}

/// One batch. Its jobs are the list with the filter `batch`.
pub async fn batch(at: &mut impl Ask, id: i64) -> Result<Option<Batch>, DbError> {
    Ok(lists_look::batch(at, id).await?.as_ref().map(Batch::of))
}
