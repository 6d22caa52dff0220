//! Files on their way: announced, received in parts, closed.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::check::Refusal;
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{DocumentId, UploadId, UserId},
};

/// Uploads of one person that are not complete: a browser with a folder full of files.
pub const OPEN_MAX: i64 = 64;
/// Parts of one upload: somebody who sends single bytes would fill tables.
const PARTS_MAX: i64 = 10_000;
/// Uploads that are removed by one statement.
pub const BATCH: i64 = 100;

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UploadState)]
pub enum State {
    /// Bytes are missing.
    Receiving,
    /// All is there and is being checked and stored.
    Finishing,
    /// It has become a version of a document.
    Done,
    /// It was refused; see `problem`.
    Refused,
}

impl State {
    fn stored(text: &str) -> Self {
        match text {
            "receiving" => Self::Receiving,
            "finishing" => Self::Finishing,
            "done" => Self::Done,
            _ => Self::Refused,
        }
    }
}

/// An upload, as the one who sends it sees it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// How far it is.
    pub state: State,
    /// The file's name.
    pub name: String,
    /// What the client says it is.
    pub declared_type: Option<String>,
    /// How much has arrived.
    pub offset: i64,
    /// How much there will be.
    pub length: i64,
    /// It is removed then, if it is not complete.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// The document it has become, or a version of it.
    pub document_id: Option<DocumentId>,
    /// Why it was refused.
    pub problem: Option<Refusal>,
}

impl Upload {
    fn from_row(row: &Row) -> Self {
        let problem: Option<serde_json::Value> = row.get("problem");
        Self {
            id: row.get("id"),
            state: State::stored(row.get("state")),
            name: row.get("name"),
            declared_type: row.get("declared_type"),
            offset: row.get("received"),
            length: row.get("length"),
            expires_at: row.get("expires_at"),
            document_id: row.get("result_id"),
            problem: problem.and_then(|problem| serde_json::from_value(problem).ok()),
        }
    }
}

/// A file that is announced.
#[derive(Debug, Clone)]
pub struct New {
    /// The upload's id.
    pub id: UploadId,
    /// Who sends it.
    pub user: UserId,
    /// A new version of this document, based on this version of it; none: a new document.
    pub replaces: Option<(DocumentId, i64)>,
    /// The title of the document.
    pub title: Option<String>,
    /// Where it belongs.
    pub desk: String,
    /// The file's name.
    pub name: String,
    /// What the client says it is.
    pub declared_type: Option<String>,
    /// How much there will be.
    pub length: i64,
    /// It is removed then.
    pub expires_at: Timestamp,
}

/// Why an upload does not go on.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is none, or it is somebody else's.
    #[error("there is no such upload")]
    Unknown,
    /// The person would have more than is allowed, or too many uploads at once.
    #[error("the quota is used up: delete documents or uploads first")]
    Quota,
    /// Another request was faster, or the client is mistaken.
    #[error("the upload is at byte {0}")]
    Elsewhere(i64),
    /// Nothing more is taken.
    #[error("the upload is complete")]
    Complete,
    /// Too many small parts.
    #[error("the upload has too many parts: send larger ones")]
    Parts,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Announces a file; its length counts against the quota from now on.
pub async fn create(tx: &mut Tx, new: &New, quota: i64, now: Timestamp) -> Result<(), UploadError> {
    const CREATE: &str = "-- documents.uploads.create
        WITH room AS (
            INSERT INTO document_quota AS q (user_id, arriving)
            SELECT $2::uuid, $9::bigint WHERE $9::bigint <= $12::bigint
              AND (SELECT count(*) FROM upload WHERE user_id = $2 AND state = 'receiving') < $13
            ON CONFLICT (user_id) DO UPDATE SET arriving = q.arriving + excluded.arriving
            WHERE q.stored + q.arriving + excluded.arriving <= $12::bigint
            RETURNING user_id
        )
        INSERT INTO upload (id, user_id, document_id, based_on, title, desk, name, declared_type, length, created_at,
            updated_at, expires_at)
        SELECT $1, user_id, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11 FROM room";
    let (document, based_on) = new.replaces.unzip();
    let made = tx
        .execute(
            CREATE,
            &[
                &new.id,
                &new.user,
                &document,
                &based_on,
                &new.title,
                &new.desk,
                &new.name,
                &new.declared_type,
                &new.length,
                &now,
                &new.expires_at,
                &quota,
                &OPEN_MAX,
            ],
        )
        .await?;
    if made == 1 { Ok(()) } else { Err(UploadError::Quota) }
}

/// An upload of one's own.
pub async fn find(db: &Db, user: UserId, id: UploadId) -> Result<Option<Upload>, DbError> {
    const FIND: &str = "-- documents.uploads.find
        SELECT id, state, received, length, expires_at, result_id, problem, name,
            declared_type FROM upload WHERE id = $1 AND user_id = $2";
    let rows = db.read(FIND, args![id, user]).await?;
    Ok(rows.first().map(Upload::from_row))
}

/// A part that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it belongs.
    pub offset: i64,
    /// Its size.
    pub bytes: i32,
    /// Where it is.
    pub object: String,
}

/// Adds parts that follow each other from `offset` on, unless another request was faster. An upload that is complete
/// with them is finishing from now on.
pub async fn add_parts(
    tx: &mut Tx,
    (user, id): (UserId, UploadId),
    offset: i64,
    parts: &[Part],
    now: Timestamp,
) -> Result<Upload, UploadError> {
    const ADD: &str = "-- documents.uploads.add_parts
        WITH moved AS (
            UPDATE upload SET received = received + $4, updated_at = $5,
                state = CASE WHEN received + $4 = length THEN 'finishing' ELSE state END
            WHERE id = $1 AND user_id = $2 AND state = 'receiving' AND received = $3 AND expires_at > $5
              AND (SELECT count(*) FROM upload_part WHERE upload_id = $1) + cardinality($8::text[]) <= $9
            RETURNING id, state, received, length, expires_at, result_id, problem, name,
            declared_type
        ), added AS (
            INSERT INTO upload_part (upload_id, \"offset\", bytes, object)
            SELECT m.id, p.at, p.bytes, p.object
            FROM moved AS m, unnest($6::bigint[], $7::int[], $8::text[]) AS p (at, bytes, object)
        )
        SELECT id, state, received, length, expires_at, result_id, problem, name,
            declared_type FROM moved";
    let total: i64 = parts.iter().map(|part| i64::from(part.bytes)).sum();
    let offsets: Vec<_> = parts.iter().map(|part| part.offset).collect();
    let bytes: Vec<_> = parts.iter().map(|part| part.bytes).collect();
    let objects: Vec<_> = parts.iter().map(|part| part.object.as_str()).collect();
    let args: [&(dyn postgres_types::ToSql + Sync); 9] =
        [&id, &user, &offset, &total, &now, &offsets, &bytes, &objects, &PARTS_MAX];
    match tx.query_opt(ADD, &args).await? {
        Some(row) => Ok(Upload::from_row(&row)),
        None => Err(why_not(tx, (user, id), offset, now).await?),
    }
}

async fn why_not(
    tx: &mut Tx,
    (user, id): (UserId, UploadId),
    offset: i64,
    now: Timestamp,
) -> Result<UploadError, DbError> {
    const WHY: &str = "-- documents.uploads.why_not
        SELECT state, received, expires_at FROM upload WHERE id = $1 AND user_id = $2";
    let Some(row) = tx.query_opt(WHY, &[&id, &user]).await? else { return Ok(UploadError::Unknown) };
    let (received, expires_at): (i64, Timestamp) = (row.get("received"), row.get("expires_at"));
    Ok(match State::stored(row.get("state")) {
        State::Receiving if expires_at <= now => UploadError::Unknown,
        State::Receiving if received != offset => UploadError::Elsewhere(received),
        State::Receiving => UploadError::Parts,
        _ => UploadError::Complete,
    })
}

/// What has arrived is all: the length that was announced was only the most it could be.
pub async fn close(
    tx: &mut Tx,
    id: UploadId,
    title: Option<&str>,
    desk: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    const CLOSE: &str = "-- documents.uploads.close
        WITH open AS (
            SELECT id, user_id, length, received FROM upload
            WHERE id = $1 AND state = 'receiving' AND received > 0 FOR UPDATE
        ), room AS (
            UPDATE document_quota AS q SET arriving = q.arriving - (o.length - o.received)
            FROM open AS o WHERE q.user_id = o.user_id
        )
        UPDATE upload AS u SET length = o.received, state = 'finishing', title = $2, desk = $3, updated_at = $4
        FROM open AS o WHERE u.id = o.id";
    Ok(tx.execute(CLOSE, &[&id, &title, &desk, &now]).await? == 1)
}

/// Removes an upload of one's own; `None`: there is none, `Some(false)`: it is being finished. Its parts are to be removed
/// after the commit.
pub async fn terminate(tx: &mut Tx, user: UserId, id: UploadId) -> Result<Option<bool>, DbError> {
    const LOOK: &str = "-- documents.uploads.lock
        SELECT state FROM upload WHERE id = $1 AND user_id = $2 FOR UPDATE";
    const TERMINATE: &str = "-- documents.uploads.terminate
        WITH gone AS (
            DELETE FROM upload WHERE id = $1 RETURNING user_id, length, state
        )
        UPDATE document_quota AS q SET arriving = q.arriving - g.length
        FROM gone AS g WHERE q.user_id = g.user_id AND g.state = 'receiving'";
    let Some(row) = tx.query_opt(LOOK, &[&id, &user]).await? else { return Ok(None) };
    if State::stored(row.get("state")) == State::Finishing {
        return Ok(Some(false));
    }
    tx.execute(TERMINATE, &[&id]).await?;
    Ok(Some(true))
}

/// Removes uploads whose time is over, at most [`BATCH`]. Their parts are to be removed after the commit. A file that was accepted
/// for a patient has no time: see [`crate::clinic::documents::arrival`].
pub async fn expire(tx: &mut Tx, now: Timestamp) -> Result<Vec<UploadId>, DbError> {
    const EXPIRE: &str = "-- documents.uploads.expire
        WITH old AS (
            SELECT id FROM upload WHERE expires_at <= $1
              -- what is complete waits for its job, which may wait for a scanner
              AND (state <> 'finishing' OR expires_at <= $1 - interval '1 day')
              AND NOT EXISTS (SELECT FROM patient_document AS d WHERE d.upload_id = upload.id) ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM upload AS u USING old WHERE u.id = old.id RETURNING u.id, u.user_id, u.length, u.state
        ), room AS (
            UPDATE document_quota AS q SET arriving = q.arriving - g.length
            FROM (SELECT user_id, sum(length)::bigint AS length FROM gone WHERE state IN ('receiving', 'finishing')
                GROUP BY user_id) AS g
            WHERE q.user_id = g.user_id
        )
        SELECT id FROM gone";
    Ok(tx.query(EXPIRE, &[&now, &BATCH]).await?.iter().map(|row| row.get("id")).collect())
}
