//! Keys of contents under a newer key of the ring. The contents stay as they are.

use crate::{
    args,
    db::{Db, DbError, Tx},
    documents::at_rest::WrappedKey,
    ids::DocumentId,
};

/// Keys wrapped again by one transaction.
pub const BATCH: i64 = 500;

/// A content whose key is wrapped with another key than the newest.
#[derive(Debug, Clone)]
pub struct Outdated {
    /// Its document.
    pub document: DocumentId,
    /// Which version.
    pub number: i32,
    /// Its object.
    pub object: String,
    /// Its key.
    pub key: WrappedKey,
}

impl Outdated {
    /// Where it stands in their order.
    pub fn position(&self) -> (DocumentId, i32) {
        (self.document, self.number)
    }
}

/// Those after a position, in the order of their documents.
pub async fn outdated(
    db: &Db,
    newest: &str,
    (document, number): (DocumentId, i32),
) -> Result<Vec<Outdated>, DbError> {
    const OUTDATED: &str = "-- documents.rewrap.outdated
        SELECT document_id, number, object, key_id, wrapped_key FROM document_version
        WHERE key_id IS NOT NULL AND key_id <> $1 AND (document_id, number) > ($2, $3)
        ORDER BY document_id, number LIMIT $4";
    let rows = db.read(OUTDATED, args![newest.to_owned(), document, number, BATCH]).await?;
    let read = |row: &tokio_postgres::Row| Outdated {
        document: row.get("document_id"),
        number: row.get("number"),
        object: row.get("object"),
        key: WrappedKey { id: row.get("key_id"), bytes: row.get("wrapped_key") },
    };
    Ok(rows.iter().map(read).collect())
}

/// Puts keys in the place of those they were made of; how many were still there.
pub async fn replace(tx: &mut Tx, keys: &[(Outdated, WrappedKey)]) -> Result<u64, DbError> {
    const REPLACE: &str = "-- documents.rewrap.replace
        UPDATE document_version AS v SET key_id = n.key_id, wrapped_key = n.new
        FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) AS n (object, key_id, old, new)
        WHERE v.object = n.object AND v.wrapped_key = n.old";
    let objects: Vec<_> = keys.iter().map(|(it, _)| it.object.as_str()).collect();
    let ids: Vec<_> = keys.iter().map(|(_, new)| new.id.as_str()).collect();
    let old: Vec<_> = keys.iter().map(|(it, _)| it.key.bytes.as_slice()).collect();
    let new: Vec<_> = keys.iter().map(|(_, new)| new.bytes.as_slice()).collect();
    tx.execute(REPLACE, &[&objects, &ids, &old, &new]).await
}
