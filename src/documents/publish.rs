//! From a complete upload to a version that everybody sees who may, or to a refusal.

use jiff::Timestamp;
use postgres_types::ToSql;
use uuid::Uuid;

use super::{
    at_rest::Kept,
    check::{Kind, Refusal},
    documents::lock,
    rights::permitted,
    uploads::Part,
    versions::Sha256,
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{DocumentId, UploadId, UserId},
};

/// An upload that is complete.
#[derive(Debug, Clone)]
pub struct Complete {
    /// The upload.
    pub id: UploadId,
    /// Who has sent it.
    pub user: UserId,
    /// It is a new version of this document.
    pub replaces: Option<DocumentId>,
    /// The file's name.
    pub name: String,
    /// What the client says it is.
    pub declared_type: Option<String>,
    /// Its size.
    pub length: i64,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// An upload that is to be finished; `None` when it is gone or finished already.
pub async fn complete(db: &Db, id: UploadId) -> Result<Option<Complete>, DbError> {
    const COMPLETE: &str = "-- documents.publish.complete
        SELECT u.user_id, u.document_id, u.name, u.declared_type, u.length, p.\"offset\", p.bytes, p.object
        FROM upload AS u JOIN upload_part AS p ON p.upload_id = u.id
        WHERE u.id = $1 AND u.state = 'finishing' ORDER BY p.\"offset\"";
    let rows = db.read(COMPLETE, args![id]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let part = |row: &tokio_postgres::Row| Part {
        offset: row.get("offset"),
        bytes: row.get("bytes"),
        object: row.get("object"),
    };
    Ok(Some(Complete {
        id,
        user: first.get("user_id"),
        replaces: first.get("document_id"),
        name: first.get("name"),
        declared_type: first.get("declared_type"),
        length: first.get("length"),
        parts: rows.iter().map(part).collect(),
    }))
}

/// A content that was checked and stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Where the storage has it.
    pub object: String,
    /// What it is.
    pub kind: Kind,
    /// Of the content as it was sent.
    pub sha256: Sha256,
    /// How the storage has it.
    pub kept: Kept,
    /// Which virus scanner has looked at it.
    pub scanned_by: Option<String>,
}

/// What a row of a version says of its content, besides what the upload says.
macro_rules! stored_columns {
    () => {
        "object, media_type, sha256, stored_bytes, coding, key_id, wrapped_key, scanned_by"
    };
}
pub(super) use stored_columns;

/// Their values.
pub(super) struct Values<'s> {
    object: &'s str,
    media_type: &'static str,
    sha256: &'s [u8],
    stored_bytes: i64,
    coding: &'static str,
    key_id: Option<&'s str>,
    wrapped_key: Option<&'s [u8]>,
    scanned_by: Option<&'s str>,
}

impl<'s> Values<'s> {
    pub(super) fn of(stored: &'s Stored) -> Self {
        let key = stored.kept.key.as_ref();
        Self {
            object: &stored.object,
            media_type: stored.kind.media_type(),
            sha256: &stored.sha256.0,
            stored_bytes: stored.kept.stored as i64,
            coding: stored.kept.coding.as_str(),
            key_id: key.map(|key| key.id.as_str()),
            wrapped_key: key.map(|key| key.bytes.as_slice()),
            scanned_by: stored.scanned_by.as_deref(),
        }
    }

    pub(super) fn after<'v, const N: usize>(
        &'v self,
        first: [&'v (dyn ToSql + Sync); N],
    ) -> Vec<&'v (dyn ToSql + Sync)> {
        let mut all = first.to_vec();
        let of_key: [&(dyn ToSql + Sync); 3] = [&self.key_id, &self.wrapped_key, &self.scanned_by];
        all.extend([&self.object as &(dyn ToSql + Sync), &self.media_type, &self.sha256]);
        all.extend([&self.stored_bytes as &(dyn ToSql + Sync), &self.coding]);
        all.extend(of_key);
        all
    }
}

/// What has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The document.
    pub document: DocumentId,
    /// Its newest version.
    pub number: i32,
}

/// Makes a stored content the first version of a new document, which has the upload's id: whoever sends a file knows what
/// it will be called. `None`: the upload is gone meanwhile.
pub async fn as_document(
    tx: &mut Tx,
    upload: &Complete,
    stored: &Stored,
    now: Timestamp,
) -> Result<Option<Published>, DbError> {
    const PUBLISH: &str = concat!(
        "-- documents.publish.as_document
        WITH done AS (
            UPDATE upload SET state = 'done', result_id = $2, updated_at = $3
            WHERE id = $1 AND state = 'finishing' RETURNING user_id, length, title, name, desk
        ), room AS (
            UPDATE document_quota AS q SET arriving = q.arriving - u.length, stored = q.stored + u.length
            FROM done AS u WHERE q.user_id = u.user_id
        ), parts AS (
            DELETE FROM upload_part USING done WHERE upload_id = $1
        ), made AS (
            INSERT INTO document (id, owner_id, title, desk, latest, created_at, updated_at)
            SELECT $2, user_id, coalesce(title, name), desk, 1, $3, $3 FROM done RETURNING id
        )
        INSERT INTO document_version (document_id, number, name, bytes, uploaded_by, created_at, ",
        stored_columns!(),
        ") SELECT m.id, 1, u.name, u.length, u.user_id, $3, $4, $5, $6, $7, $8, $9, $10, $11
        FROM done AS u, made AS m RETURNING number"
    );
    let id = DocumentId(upload.id.0);
    let values = Values::of(stored);
    let row = tx.query_opt(PUBLISH, &values.after([&upload.id, &id, &now])).await?;
    Ok(row.map(|row| Published { document: id, number: row.get("number") }))
}

/// Makes a stored content a document that nobody owns and a thing of a desk holds: who may read it is that desk's business
/// alone. The upload ends with it. `None`: it is gone meanwhile.
pub async fn for_desk(
    tx: &mut Tx,
    upload: &Complete,
    stored: &Stored,
    (desk, holder, holder_id): (&'static str, &'static str, Uuid),
    now: Timestamp,
) -> Result<Option<DocumentId>, DbError> {
    const PUBLISH: &str = concat!(
        "-- documents.publish.for_desk
        WITH done AS (
            DELETE FROM upload WHERE id = $1 AND state = 'finishing' RETURNING user_id, length, name
        ), room AS (
            UPDATE document_quota AS q SET arriving = q.arriving - u.length FROM done AS u WHERE q.user_id = u.user_id
        ), made AS (
            INSERT INTO document (id, owner_id, title, desk, latest, created_at, updated_at, of_clinic)
            SELECT $2, NULL, name, $4, 1, $3, $3, true FROM done RETURNING id
        ), held AS (
            INSERT INTO document_hold (document_id, holder, holder_id, held_at) SELECT id, $5, $6, $3 FROM made
        )
        INSERT INTO document_version (document_id, number, name, bytes, uploaded_by, created_at, ",
        stored_columns!(),
        ") SELECT m.id, 1, u.name, u.length, u.user_id, $3, $7, $8, $9, $10, $11, $12, $13, $14
        FROM done AS u, made AS m"
    );
    let id = DocumentId(upload.id.0);
    let values = Values::of(stored);
    let args = values.after([&upload.id, &id, &now, &desk, &holder, &holder_id]);
    Ok((tx.execute(PUBLISH, &args).await? == 1).then_some(id))
}

/// Makes a stored content the newest version of its document. `None`: the document was changed since the upload was
/// announced, or may not be changed any more.
pub async fn as_version(
    tx: &mut Tx,
    upload: &Complete,
    stored: &Stored,
    now: Timestamp,
) -> Result<Option<Published>, DbError> {
    const PUBLISH: &str = concat!(
        "-- documents.publish.as_version
        WITH changed AS (
            UPDATE document AS d SET latest = d.latest + 1, version = d.version + 1, updated_at = $2
            FROM upload AS u
            WHERE u.id = $1 AND u.state = 'finishing' AND d.id = u.document_id AND d.version = u.based_on AND ",
        permitted!("can_write", "u.user_id", "$2"),
        " RETURNING d.id, d.latest
        ), done AS (
            UPDATE upload AS u SET state = 'done', result_id = c.id, updated_at = $2
            FROM changed AS c WHERE u.id = $1 RETURNING u.user_id, u.length, u.name
        ), room AS (
            UPDATE document_quota AS q SET arriving = q.arriving - u.length, stored = q.stored + u.length
            FROM done AS u WHERE q.user_id = u.user_id
        ), parts AS (
            DELETE FROM upload_part USING done WHERE upload_id = $1
        )
        INSERT INTO document_version (document_id, number, name, bytes, uploaded_by, created_at, ",
        stored_columns!(),
        ") SELECT c.id, c.latest, u.name, u.length, u.user_id, $2, $3, $4, $5, $6, $7, $8, $9, $10
        FROM changed AS c, done AS u RETURNING document_id, number"
    );
    if let Some(document) = upload.replaces {
        lock(tx, document).await?;
    }
    let values = Values::of(stored);
    let row = tx.query_opt(PUBLISH, &values.after([&upload.id, &now])).await?;
    Ok(row.map(|row| Published { document: row.get("document_id"), number: row.get("number") }))
}

/// Why a stored content has not become a version.
pub async fn why_not(tx: &mut Tx, upload: &Complete, now: Timestamp) -> Result<Refusal, DbError> {
    const WHY: &str = concat!(
        "-- documents.publish.why_not
        SELECT FROM document AS d WHERE d.id = $1 AND ",
        permitted!("can_write", "$2", "$3")
    );
    let may_write = tx.query_opt(WHY, &[&upload.replaces, &upload.user, &now]).await?.is_some();
    Ok(if may_write { Refusal::conflict() } else { Refusal::no_right() })
}

/// Removes uploads that are complete and will be nothing. The objects of their parts, which are to be removed after the commit.
pub async fn forget(tx: &mut Tx, ids: &[UploadId]) -> Result<Vec<String>, DbError> {
    const FORGET: &str = "-- documents.publish.forget
        WITH gone AS (
            DELETE FROM upload WHERE id = ANY ($1) AND state = 'finishing' RETURNING id, user_id, length
        ), room AS (
            UPDATE document_quota AS q SET arriving = q.arriving - g.length
            FROM (SELECT user_id, sum(length)::bigint AS length FROM gone GROUP BY user_id) AS g
            WHERE q.user_id = g.user_id
        )
        SELECT p.object FROM upload_part AS p JOIN gone ON gone.id = p.upload_id";
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(tx.query(FORGET, &[&ids]).await?.iter().map(|row| row.get("object")).collect())
}

/// Refuses an upload that is complete; the reason stays until it expires. `false`: it is gone meanwhile.
pub async fn refuse(tx: &mut Tx, id: UploadId, why: &Refusal, now: Timestamp) -> Result<bool, DbError> {
    const REFUSE: &str = "-- documents.publish.refuse
        WITH refused AS (
            UPDATE upload SET state = 'refused', problem = $2, updated_at = $3
            WHERE id = $1 AND state = 'finishing' RETURNING user_id, length
        ), parts AS (
            DELETE FROM upload_part USING refused WHERE upload_id = $1
        )
        UPDATE document_quota AS q SET arriving = q.arriving - r.length FROM refused AS r WHERE q.user_id = r.user_id";
    let problem = serde_json::to_value(why).unwrap_or_default();
    Ok(tx.execute(REFUSE, &[&id, &problem, &now]).await? == 1)
}
