//! Versions of documents: what is downloaded. They never change.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tokio_postgres::Row;

use super::{
    at_rest::Kept,
    rights::{Viewer, permitted},
};
use crate::{
    args,
    db::{Db, DbError},
    ids::{DocumentId, UserId},
};

/// A version of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = DocumentVersion)]
pub struct Version {
    /// 1, 2, 3, …
    pub number: i32,
    /// The file's name.
    pub name: String,
    /// What kind of file it is: found out, not believed.
    pub media_type: String,
    /// Its size.
    pub bytes: i64,
    /// Of its content, in hexadecimal digits.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// Who sent it.
    pub uploaded_by: UserId,
    /// When it was sent.
    #[schema(value_type = String, format = DateTime)]
    pub uploaded_at: Timestamp,
}

/// The hash of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    pub(crate) fn stored(bytes: &[u8]) -> Self {
        Self(bytes.try_into().expect("a constraint of the table keeps it at 32 bytes"))
    }

    /// In hexadecimal digits.
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl Version {
    pub(super) fn from_row(row: &Row) -> Self {
        Self {
            number: row.get("number"),
            name: row.get("name"),
            media_type: row.get("media_type"),
            bytes: row.get("bytes"),
            sha256: Sha256::stored(row.get("sha256")),
            uploaded_by: row.get("uploaded_by"),
            uploaded_at: row.get("uploaded_at"),
        }
    }
}

/// Versions of a document that the viewer may see, newest first, from below `before` on.
pub async fn list(
    db: &Db,
    viewer: Viewer,
    id: DocumentId,
    before: Option<i32>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Version>, DbError> {
    const LIST: &str = concat!(
        "-- documents.versions.list
        SELECT v.number, v.name, v.media_type, v.bytes, v.sha256, v.uploaded_by, v.created_at AS uploaded_at
        FROM document AS d JOIN document_version AS v ON v.document_id = d.id
        WHERE d.id = $1 AND v.number < $5 AND (($4 AND d.deleted_at IS NULL AND NOT d.of_clinic) OR ",
        permitted!("can_read", "$2", "$3"),
        ") ORDER BY v.number DESC LIMIT $6"
    );
    let before = before.unwrap_or(i32::MAX);
    let rows = db.read(LIST, args![id, viewer.user, now, viewer.sees_all, before, limit]).await?;
    Ok(rows.iter().map(Version::from_row).collect())
}

/// What is needed to send a content.
#[derive(Debug, Clone)]
pub struct Content {
    /// The version.
    pub version: Version,
    /// Where the storage has it.
    pub object: String,
    /// How it is kept there.
    pub kept: Kept,
}

impl Content {
    /// Of a row with the columns of `stored_content_columns!`.
    pub(crate) fn from_row(row: &Row) -> Self {
        Self { version: Version::from_row(row), object: row.get("object"), kept: Kept::from_row(row) }
    }
}

/// The columns of a version `v`, as [`Content::from_row`] reads them.
macro_rules! stored_content_columns {
    () => {
        "v.number, v.name, v.media_type, v.bytes, v.sha256, v.uploaded_by, v.created_at AS uploaded_at, v.object, \
         v.stored_bytes, v.coding, v.key_id, v.wrapped_key"
    };
}
pub(crate) use stored_content_columns;

/// The content of a version, the latest unless another is named, for somebody who may read it: being an administrator is
/// not enough.
pub async fn content(
    db: &Db,
    user: UserId,
    id: DocumentId,
    number: Option<i32>,
    now: Timestamp,
) -> Result<Option<Content>, DbError> {
    const CONTENT: &str = concat!(
        "-- documents.versions.content
        SELECT ",
        stored_content_columns!(),
        " FROM document AS d JOIN document_version AS v ON v.document_id = d.id AND v.number = coalesce($4, d.latest)
        WHERE d.id = $1 AND ",
        permitted!("can_read", "$2", "$3")
    );
    let rows = db.read(CONTENT, args![id, user, now, number]).await?;
    Ok(rows.first().map(Content::from_row))
}

/// The content of a version that a desk holds, for somebody whom the desk lets read it: the desk has asked its own rule.
pub async fn held(db: &Db, id: DocumentId, number: i32) -> Result<Option<Content>, DbError> {
    const HELD: &str = concat!(
        "-- documents.versions.held
        SELECT ",
        stored_content_columns!(),
        " FROM document AS d JOIN document_version AS v ON v.document_id = d.id
        WHERE d.id = $1 AND v.number = $2 AND d.deleted_at IS NULL
          AND EXISTS (SELECT FROM document_hold h WHERE h.document_id = d.id)"
    );
    let rows = db.read(HELD, args![id, number]).await?;
    Ok(rows.first().map(Content::from_row))
}

/// Contents of a person's own documents with the documents' ids, oldest first, after this one. What the service has made for
/// the person for some time is not among them.
pub async fn of_owner(
    db: &Db,
    owner: UserId,
    after: Option<(DocumentId, i32)>,
    limit: i64,
) -> Result<Vec<(DocumentId, Content)>, DbError> {
    const OF_OWNER: &str = "-- documents.versions.of_owner
        SELECT d.id, v.number, v.name, v.media_type, v.bytes, v.sha256, v.uploaded_by, v.created_at AS uploaded_at, v.object,
            v.stored_bytes, v.coding, v.key_id, v.wrapped_key
        FROM document AS d JOIN document_version AS v ON v.document_id = d.id
        WHERE d.owner_id = $1 AND d.deleted_at IS NULL AND d.remove_at IS NULL AND NOT d.of_clinic
          AND ($2::uuid IS NULL OR (d.id, v.number) > ($2, $3::int))
        ORDER BY d.id, v.number LIMIT $4";
    let (id, number) = after.map(|(id, number)| (id.0, number)).unzip();
    let rows = db.read(OF_OWNER, args![owner, id, number, limit]).await?;
    Ok(rows.iter().map(|row| (row.get("id"), Content::from_row(row))).collect())
}
