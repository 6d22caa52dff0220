//! Time stamps of documents (RFC 3161): that a version was there at a time, which anybody verifies with the file alone.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    rights::{Viewer, permitted},
    versions::Sha256,
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{DocumentId, TimeStampId, UserId},
    signing::time_stamp::Token,
};

/// Time stamps of one document.
pub const PER_DOCUMENT: i64 = 100;

/// A time stamp.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = DocumentTimeStamp)]
pub struct TimeStamp {
    /// Its id.
    pub id: TimeStampId,
    /// The document.
    pub document_id: DocumentId,
    /// The version that was stamped.
    pub version: i32,
    /// Of the version's content, in hexadecimal digits: what was stamped.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// The time that it shows.
    #[schema(value_type = String, format = DateTime)]
    pub stamped_at: Timestamp,
    /// Which of the authority's, in hexadecimal digits.
    pub serial: String,
    /// Who has asked for it.
    pub requested_by: UserId,
}

macro_rules! time_stamp_columns {
    () => {
        "t.id, t.document_id, t.number, v.sha256, t.stamped_at, t.serial, t.requested_by"
    };
}

impl TimeStamp {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            document_id: row.get("document_id"),
            version: row.get("number"),
            sha256: Sha256::stored(row.get("sha256")),
            stamped_at: row.get("stamped_at"),
            serial: HEXLOWER.encode(row.get("serial")),
            requested_by: row.get("requested_by"),
        }
    }
}

/// Keeps a time stamp of a version that the person may read; `None` when they may not any more, or there are
/// [`PER_DOCUMENT`] already.
pub async fn keep(
    tx: &mut Tx,
    (id, user): (TimeStampId, UserId),
    (document, number): (DocumentId, i32),
    token: &Token,
    now: Timestamp,
) -> Result<Option<TimeStamp>, DbError> {
    const KEEP: &str = concat!(
        "-- documents.time_stamps.keep
        WITH kept AS (
            INSERT INTO document_time_stamp (id, document_id, number, reply, serial, stamped_at, requested_by, created_at)
            SELECT $1, d.id, v.number, $5, $6, $7, $2, $3 FROM document AS d
            JOIN document_version AS v ON v.document_id = d.id AND v.number = $8
            WHERE d.id = $4 AND (SELECT count(*) FROM document_time_stamp o WHERE o.document_id = d.id) < $9 AND ",
        permitted!("can_read", "$2", "$3"),
        " RETURNING *
        ) SELECT ",
        time_stamp_columns!(),
        " FROM kept t JOIN document_version v ON v.document_id = t.document_id AND v.number = t.number"
    );
    super::documents::lock(tx, document).await?;
    let Token { reply, serial, time, .. } = token;
    let row = tx
        .query_opt(KEEP, &[&id, &user, &now, &document, reply, serial, time, &number, &PER_DOCUMENT])
        .await?;
    Ok(row.as_ref().map(TimeStamp::from_row))
}

/// Those of a document that the viewer may see, newest first, from below `before` on. `None`: they may not.
pub async fn list(
    db: &Db,
    viewer: Viewer,
    id: DocumentId,
    before: Option<TimeStampId>,
    limit: i64,
    now: Timestamp,
) -> Result<Option<Vec<TimeStamp>>, DbError> {
    const LIST: &str = concat!(
        "-- documents.time_stamps.list
        SELECT ",
        time_stamp_columns!(),
        " FROM document AS d LEFT JOIN LATERAL (
            SELECT * FROM document_time_stamp o WHERE o.document_id = d.id AND ($5::uuid IS NULL OR o.id < $5)
            ORDER BY o.id DESC LIMIT $6) AS t ON true
        LEFT JOIN document_version AS v ON v.document_id = t.document_id AND v.number = t.number
        WHERE d.id = $1 AND (($4 AND d.deleted_at IS NULL AND NOT d.of_clinic) OR ",
        permitted!("can_read", "$2", "$3"),
        ") ORDER BY t.id DESC"
    );
    let rows = db.read(LIST, args![id, viewer.user, now, viewer.sees_all, before, limit]).await?;
    let is_one = |row: &&Row| row.get::<_, Option<TimeStampId>>("id").is_some();
    Ok((!rows.is_empty()).then(|| rows.iter().filter(is_one).map(TimeStamp::from_row).collect()))
}

/// The authority's answer, for somebody who may read the document.
pub async fn reply(
    db: &Db,
    user: UserId,
    (document, id): (DocumentId, TimeStampId),
    now: Timestamp,
) -> Result<Option<Vec<u8>>, DbError> {
    const REPLY: &str = concat!(
        "-- documents.time_stamps.reply
        SELECT t.reply FROM document AS d JOIN document_time_stamp AS t ON t.document_id = d.id
        WHERE d.id = $1 AND t.id = $4 AND ",
        permitted!("can_read", "$2", "$3")
    );
    let rows = db.read(REPLY, args![document, user, now, id]).await?;
    Ok(rows.first().map(|row| row.get("reply")))
}
