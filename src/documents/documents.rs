//! Documents, without their contents.

use jiff::{Timestamp, civil::Date};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    rights::{Viewer, permitted},
    versions::Version,
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{DocumentId, UserId},
};

/// Longest title, in characters.
pub const TITLE_MAX: usize = 200;
/// Longest name of a desk, in characters.
pub const DESK_MAX: usize = 50;
/// Where documents are that belong to no desk.
pub const PERSONAL: &str = "personal";

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Whose it is.
    pub owner_id: UserId,
    /// What it is called.
    pub title: String,
    /// Where it belongs, for example `personal`.
    pub desk: String,
    /// Its newest version.
    pub latest: Version,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// The law forbids to delete it before.
    #[schema(value_type = Option<String>, format = Date)]
    pub keep_until: Option<Date>,
    /// Counts its changes.
    #[serde(skip)]
    pub version: i64,
}

/// The columns of a document `d` and its version `v`, as [`Document::from_row`] reads them.
macro_rules! document_columns {
    () => {
        "d.id, d.owner_id, d.title, d.desk, d.version, d.created_at, d.updated_at, d.keep_until, v.number, v.name, \
         v.media_type, v.bytes, v.sha256, v.uploaded_by, v.created_at AS uploaded_at"
    };
}

impl Document {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            owner_id: row.get("owner_id"),
            title: row.get("title"),
            desk: row.get("desk"),
            latest: Version::from_row(row),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            keep_until: row.get("keep_until"),
            version: row.get("version"),
        }
    }
}

/// A document that the viewer may see.
pub async fn find(
    db: &Db,
    viewer: Viewer,
    id: DocumentId,
    now: Timestamp,
) -> Result<Option<Document>, DbError> {
    const FIND: &str = concat!(
        "-- documents.find
        SELECT ",
        document_columns!(),
        " FROM document AS d JOIN document_version AS v ON v.document_id = d.id AND v.number = d.latest
        WHERE d.id = $1 AND (($4 AND d.deleted_at IS NULL AND NOT d.of_clinic) OR ",
        permitted!("can_read", "$2", "$3"),
        ")"
    );
    let rows = db.read(FIND, args![id, viewer.user, now, viewer.sees_all]).await?;
    Ok(rows.first().map(Document::from_row))
}

/// What is looked for.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Those of this desk.
    pub desk: Option<String>,
    /// Those of this owner.
    pub owner: Option<UserId>,
}

/// Documents that the viewer may see, newest first, from below `before` on.
pub async fn list(
    db: &Db,
    viewer: Viewer,
    filter: &Filter,
    before: Option<DocumentId>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Document>, DbError> {
    // Two short walks of an index, joined: one walk with an OR would look at everybody's documents.
    const LIST: &str = concat!(
        "-- documents.list
        SELECT ",
        document_columns!(),
        " FROM (
            (SELECT o.id FROM document AS o
             WHERE o.owner_id = $1 AND o.deleted_at IS NULL AND NOT o.of_clinic AND o.id < $2 AND ($3::text IS NULL OR o.desk = $3)
               AND ($4::uuid IS NULL OR o.owner_id = $4)
             ORDER BY o.id DESC LIMIT $5)
            UNION
            (SELECT o.id FROM document_permission AS p JOIN document AS o ON o.id = p.document_id
             WHERE p.user_id = $1 AND p.can_read AND (p.expires_at IS NULL OR p.expires_at > $6)
               AND o.deleted_at IS NULL AND NOT o.of_clinic AND p.document_id < $2 AND ($3::text IS NULL OR o.desk = $3)
               AND ($4::uuid IS NULL OR o.owner_id = $4)
             ORDER BY p.document_id DESC LIMIT $5)
        ) AS seen
        JOIN document AS d ON d.id = seen.id
        JOIN document_version AS v ON v.document_id = d.id AND v.number = d.latest
        ORDER BY d.id DESC LIMIT $5"
    );
    const LIST_ALL: &str = concat!(
        "-- documents.list_all
        SELECT ",
        document_columns!(),
        " FROM document AS d JOIN document_version AS v ON v.document_id = d.id AND v.number = d.latest
        WHERE d.deleted_at IS NULL AND NOT d.of_clinic AND d.id < $1 AND ($2::text IS NULL OR d.desk = $2)
          AND ($3::uuid IS NULL OR d.owner_id = $3)
        ORDER BY d.id DESC LIMIT $4"
    );
    let before = before.unwrap_or(DocumentId(Uuid::max()));
    let (desk, owner) = (filter.desk.clone(), filter.owner);
    let rows = if viewer.sees_all {
        db.read(LIST_ALL, args![before, desk, owner, limit]).await?
    } else {
        db.read(LIST, args![viewer.user, before, desk, owner, limit, now]).await?
    };
    Ok(rows.iter().map(Document::from_row).collect())
}

/// Locks a document until the transaction ends, whoever asks. What follows sees every right as it is from then on: a condition
/// in this statement itself would be judged by what was there before it had to wait.
pub(super) async fn lock(tx: &mut Tx, id: DocumentId) -> Result<(), DbError> {
    const LOCK: &str = "-- documents.lock
        SELECT FROM document WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE";
    tx.execute(LOCK, &[&id]).await?;
    Ok(())
}

/// Whether a desk relies on a document, which is locked.
pub async fn is_held(tx: &mut Tx, id: DocumentId) -> Result<bool, DbError> {
    const HELD: &str = "-- documents.is_held\nSELECT FROM document_hold WHERE document_id = $1 LIMIT 1";
    Ok(tx.query_opt(HELD, &[&id]).await?.is_some())
}

/// Whether a document, which is locked, is a paper that a desk has made and relies on as it is: a signed deed, its draft, a
/// package, a report. Nobody adds a version to it, also not its owner. What people have handed in gets further versions: desks
/// name the one they mean.
pub async fn is_fixed(tx: &mut Tx, id: DocumentId) -> Result<bool, DbError> {
    const FIXED: &str = "-- documents.is_fixed
        SELECT FROM document_hold WHERE document_id = $1
          AND holder IN ('act', 'deed', 'conservation_package', 'patient_report') LIMIT 1";
    Ok(tx.query_opt(FIXED, &[&id]).await?.is_some())
}

/// What somebody wants to do with a document that it takes more than reading for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Renaming it, or adding a version.
    Write,
    /// Deleting it.
    Delete,
}

/// A document with which the person may do this, locked until the transaction ends.
pub async fn lock_to(
    tx: &mut Tx,
    wish: Wish,
    user: UserId,
    id: DocumentId,
    now: Timestamp,
) -> Result<Option<Document>, DbError> {
    macro_rules! find {
        ($label:literal, $right:literal) => {
            concat!(
                "-- documents.find_to_",
                $label,
                "\nSELECT ",
                document_columns!(),
                " FROM document AS d JOIN document_version AS v ON v.document_id = d.id AND v.number = d.latest
                WHERE d.id = $1 AND ",
                permitted!($right, "$2", "$3")
            )
        };
    }
    const TO_WRITE: &str = find!("write", "can_write");
    const TO_DELETE: &str = find!("delete", "can_delete");
    lock(tx, id).await?;
    let statement = match wish {
        Wish::Write => TO_WRITE,
        Wish::Delete => TO_DELETE,
    };
    let found = tx.query_opt(statement, &[&id, &user, &now]).await?;
    Ok(found.as_ref().map(Document::from_row))
}

/// What is changed of a document; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What it is called.
    pub title: Option<String>,
    /// Where it belongs.
    pub desk: Option<String>,
}

/// Changes a locked document.
pub async fn change(
    tx: &mut Tx,
    mut document: Document,
    change: Change,
    now: Timestamp,
) -> Result<Document, DbError> {
    const CHANGE: &str = "-- documents.change
        UPDATE document SET title = $2, desk = $3, version = version + 1, updated_at = $4
        WHERE id = $1 RETURNING version";
    document.title = change.title.unwrap_or(document.title);
    document.desk = change.desk.unwrap_or(document.desk);
    let row = tx.query_one(CHANGE, &[&document.id, &document.title, &document.desk, &now]).await?;
    (document.version, document.updated_at) = (row.get("version"), now);
    Ok(document)
}

/// Removes a locked document with its versions. Its objects are to be removed after the commit.
pub async fn remove(tx: &mut Tx, id: DocumentId) -> Result<Vec<String>, DbError> {
    remove_all(tx, &[id]).await
}

/// The same of many.
pub async fn remove_all(tx: &mut Tx, ids: &[DocumentId]) -> Result<Vec<String>, DbError> {
    // A statement of its own, after the lock: it sees the versions that others have committed.
    const REMOVE: &str = "-- documents.remove
        WITH version AS (
            SELECT v.object, v.uploaded_by, v.bytes, d.owner_id
            FROM document_version AS v JOIN document AS d ON d.id = v.document_id
            WHERE v.document_id = ANY ($1)
        ), freed AS (
            UPDATE document_quota AS q SET stored = greatest(0, q.stored - of.bytes)
            FROM (SELECT uploaded_by, sum(bytes)::bigint AS bytes FROM version
                WHERE owner_id IS NOT NULL GROUP BY uploaded_by) AS of
            WHERE q.user_id = of.uploaded_by
        ), gone AS (
            DELETE FROM document WHERE id = ANY ($1)
        )
        SELECT object FROM version";
    Ok(tx.query(REMOVE, &[&ids]).await?.iter().map(|row| row.get("object")).collect())
}
