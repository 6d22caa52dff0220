//! Analyses that are asked for together: a row for each, and a job that does it.

use jiff::{SignedDuration, Timestamp};
use postgres_types::Json;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::request::Request;
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{AnalysisBatchId, AnalysisId, ClinicId, UserId},
};

/// Analyses of one batch.
pub const ITEMS_MAX: usize = 100;
/// How long it is told what became of a batch.
pub const KEEP: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Characters of what is kept of an item that failed; its column takes 20,000, where the database writes more blanks.
const FAILURE_MAX: usize = 15_000;
/// Errors that are kept of it.
const ERRORS_MAX: usize = 50;
/// Characters of each text in it: names of fields that do not exist are as long as somebody likes.
const TEXT_MAX: usize = 300;
/// Batches that are removed by one transaction.
pub const REMOVED: i64 = 100;

stored! {
    /// Where an item is.
    Status as AnalysisBatchItemStatus {
        /// It waits, or is being done.
        Pending = "pending",
        /// There is an analysis.
        Done = "done",
        /// There is none.
        Failed = "failed",
    }
}

/// Analyses that were asked for together.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AnalysisBatch {
    /// Its id.
    pub id: AnalysisBatchId,
    /// How many were asked for.
    pub total: i32,
    /// How many there are.
    pub done: usize,
    /// How many there are not, and will not be.
    pub failed: usize,
    /// How many wait.
    pub pending: usize,
    /// Each, in the order in which they were asked for.
    pub items: Vec<AnalysisBatchItem>,
    /// When they were asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the last of them had ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AnalysisBatchItem {
    /// Its place, from 0.
    pub position: i32,
    /// Where it is.
    pub status: Status,
    /// The analysis.
    pub analysis_id: Option<AnalysisId>,
    /// Why there is none: a stable `code`, a `detail` for people, and `errors` with pointers into what was given; `more` says how
    /// many are not shown.
    #[schema(value_type = Option<Object>)]
    pub failure: Option<Value>,
}

/// What is to be done of a batch that is made.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A job does it.
    Asked(Request),
    /// It cannot be done, for this reason.
    Wrong(Value),
}

/// Something that is wrong with what is given.
#[derive(Debug, Clone, Copy)]
pub struct Fault<'a> {
    /// JSON pointer into the item.
    pub pointer: &'a str,
    /// For programs.
    pub code: &'a str,
    /// For people.
    pub detail: &'a str,
}

/// Why an item failed, as it is kept.
pub fn failure<'a>(code: &str, detail: &str, faults: impl IntoIterator<Item = Fault<'a>>) -> Value {
    fn short(text: &str) -> String {
        text.chars().take(TEXT_MAX).collect()
    }
    let (mut errors, mut size, mut more) = (Vec::new(), 0, 0);
    for Fault { pointer, code, detail } in faults {
        let error =
            json!({ "in": "body", "pointer": short(pointer), "code": short(code), "detail": short(detail) });
        let length = error.to_string().chars().count();
        if errors.len() < ERRORS_MAX && size + length <= FAILURE_MAX {
            size += length;
            errors.push(error);
        } else {
            more += 1;
        }
    }
    let mut failure = json!({ "code": code, "detail": short(detail), "errors": errors });
    if more > 0 {
        failure["more"] = more.into();
    }
    failure
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// Where.
    pub clinic: ClinicId,
    /// Who, or whose key it is.
    pub user: UserId,
    /// The key.
    pub key: Option<uuid::Uuid>,
}

/// A request whose turn it is, its row locked.
#[derive(Debug, Clone)]
pub struct Turn {
    /// What is asked for.
    pub request: Request,
    /// By whom.
    pub user: UserId,
    /// In which clinic: nobody else's patient is meant, wherever the person works by now.
    pub clinic: ClinicId,
    /// With which key.
    pub key: Option<uuid::Uuid>,
}

/// Removes batches that are older than [`KEEP`], at most [`REMOVED`], whether they have ended or not: what was asked for stands in
/// them until then. How many went.
pub async fn remove_old(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    const OLD: &str = "-- clinic.emr.remove_batches
        DELETE FROM analysis_batch WHERE id IN (
            SELECT b.id FROM analysis_batch AS b WHERE b.id < $1 ORDER BY b.id LIMIT $2 FOR UPDATE SKIP LOCKED)";
    tx.execute(OLD, &[&AnalysisBatchId::new(now - KEEP), &REMOVED]).await
}

/// Writes a batch down, whose jobs are enqueued in the same transaction.
pub async fn create(
    tx: &mut Tx,
    asker: Asker,
    items: &[Item],
    now: Timestamp,
) -> Result<AnalysisBatchId, DbError> {
    const BATCH: &str = "-- clinic.emr.create_batch
        INSERT INTO analysis_batch (id, clinic_id, requested_by, api_key_id, total, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    const ITEMS: &str = "-- clinic.emr.create_items
        INSERT INTO analysis_batch_item (batch_id, position, request, status, failure)
        SELECT $1, (t.n - 1)::int, nullif(t.it -> 'request', 'null'),
            CASE WHEN t.it -> 'failure' = 'null' THEN 'pending' ELSE 'failed' END, nullif(t.it -> 'failure', 'null')
        FROM jsonb_array_elements($2) WITH ORDINALITY AS t (it, n)";
    let id = AnalysisBatchId::new(now);
    let total = items.len() as i32;
    tx.execute(BATCH, &[&id, &asker.clinic, &asker.user, &asker.key, &total, &now]).await?;
    let rows: Vec<Value> = items
        .iter()
        .map(|item| match item {
            Item::Asked(request) => json!({ "request": request, "failure": null }),
            Item::Wrong(failure) => json!({ "request": null, "failure": failure }),
        })
        .collect();
    tx.execute(ITEMS, &[&id, &Json(rows)]).await?;
    Ok(id)
}

/// What is asked for at a place, locked; nothing if it has ended.
pub async fn turn(tx: &mut Tx, (batch, position): (AnalysisBatchId, i32)) -> Result<Option<Turn>, DbError> {
    const TURN: &str = "-- clinic.emr.turn
        SELECT i.request, b.requested_by, b.clinic_id, b.api_key_id FROM analysis_batch_item AS i
        JOIN analysis_batch AS b ON b.id = i.batch_id
        WHERE i.batch_id = $1 AND i.position = $2 AND i.status = 'pending' FOR UPDATE OF i";
    Ok(tx.query_opt(TURN, &[&batch, &position]).await?.map(|row| Turn {
        request: row.get::<_, Json<Request>>("request").0,
        user: row.get("requested_by"),
        clinic: row.get("clinic_id"),
        key: row.get("api_key_id"),
    }))
}

/// Ends a locked item.
pub async fn end(
    tx: &mut Tx,
    (batch, position): (AnalysisBatchId, i32),
    ended: Result<AnalysisId, &Value>,
) -> Result<(), DbError> {
    const END: &str = "-- clinic.emr.end_item
        UPDATE analysis_batch_item SET status = CASE WHEN $3::uuid IS NULL THEN 'failed' ELSE 'done' END,
            analysis_id = $3, failure = $4, request = NULL
        WHERE batch_id = $1 AND position = $2";
    let (analysis, failure) = (ended.ok(), ended.err().map(Json));
    tx.execute(END, &[&batch, &position, &analysis, &failure]).await?;
    Ok(())
}

/// Ends a batch: what was never done by its job never will be. Whether it was still open, with its clinic.
pub async fn finish(
    tx: &mut Tx,
    batch: AnalysisBatchId,
    now: Timestamp,
) -> Result<Option<ClinicId>, DbError> {
    const REST: &str = "-- clinic.emr.end_rest
        UPDATE analysis_batch_item SET status = 'failed', request = NULL,
            failure = jsonb_build_object('code', 'not_done', 'detail', 'it could not be done: ask for it again')
        WHERE batch_id = $1 AND status = 'pending'";
    const FINISH: &str = "-- clinic.emr.finish_batch
        UPDATE analysis_batch SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL RETURNING clinic_id";
    tx.execute(REST, &[&batch]).await?;
    Ok(tx.query_opt(FINISH, &[&batch, &now]).await?.map(|row| row.get("clinic_id")))
}

/// A batch with its items, for who may read patients where it was asked for.
pub async fn find(db: &Db, user: UserId, id: AnalysisBatchId) -> Result<Option<AnalysisBatch>, DbError> {
    const FIND: &str = concat!(
        "-- clinic.emr.find_batch
        SELECT b.id, b.total, b.created_at, b.finished_at, i.position, i.status, i.analysis_id, i.failure
        FROM analysis_batch AS b JOIN analysis_batch_item AS i ON i.batch_id = b.id WHERE b.id = $2 AND ",
        at_clinic!("read_patients", "b.clinic_id", "$1"),
        " ORDER BY i.position"
    );
    let rows = db.read(FIND, args![user, id]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let items: Vec<_> = rows.iter().map(AnalysisBatchItem::from_row).collect();
    let count = |status| items.iter().filter(|it| it.status == status).count();
    Ok(Some(AnalysisBatch {
        id: first.get("id"),
        total: first.get("total"),
        done: count(Status::Done),
        failed: count(Status::Failed),
        pending: count(Status::Pending),
        created_at: first.get("created_at"),
        finished_at: first.get("finished_at"),
        items,
    }))
}

impl AnalysisBatchItem {
    fn from_row(row: &Row) -> Self {
        let status: &str = row.get("status");
        let status = Status::ALL.iter().copied().find(|it| it.as_str() == status);
        Self {
            position: row.get("position"),
            status: status.expect("a constraint lists them"),
            analysis_id: row.get("analysis_id"),
            failure: row.get::<_, Option<Json<Value>>>("failure").map(|it| it.0),
        }
    }
}
