//! Where objects of documents are in the storage, and which of them no row names.

use std::collections::HashSet;

use crate::{
    args,
    db::{Db, DbError},
    ids::UploadId,
};

/// Contents of versions.
pub const CONTENTS: &str = "documents";
/// Parts of uploads.
pub const PARTS: &str = "uploads";

/// Where a content is stored. Attempts at storing it never meet: each has its own `token`.
pub fn content_key(upload: UploadId, token: i64) -> String {
    // Ids begin with the time: their last digits spread them over folders.
    let text = upload.0.simple().to_string();
    format!("{CONTENTS}/{}/{text}-{token:x}", &text[30..])
}

/// The folders in which contents are.
pub fn content_folders() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|last| format!("{CONTENTS}/{last:02x}"))
}

/// Where the parts of an upload are.
pub fn parts_folder(upload: UploadId) -> String {
    format!("{PARTS}/{}", upload.0.simple())
}

/// Where a part is stored. Two requests may send the same part: only one of them is told so.
pub fn part_key(upload: UploadId, offset: i64, random: u64) -> String {
    format!("{}/{offset:x}-{random:016x}", parts_folder(upload))
}

/// Those of `objects` that no version names.
pub async fn contents_without_a_row(db: &Db, objects: Vec<String>) -> Result<HashSet<String>, DbError> {
    const UNKNOWN: &str = "-- documents.orphans.contents
        SELECT o.object FROM unnest($1::text[]) AS o (object)
        WHERE NOT EXISTS (SELECT FROM document_version AS v WHERE v.object = o.object)";
    let rows = db.read(UNKNOWN, args![objects]).await?;
    Ok(rows.iter().map(|row| row.get("object")).collect())
}

/// Those of `objects` that no upload names.
pub async fn parts_without_a_row(db: &Db, objects: Vec<String>) -> Result<HashSet<String>, DbError> {
    const UNKNOWN: &str = "-- documents.orphans.parts
        SELECT o.object FROM unnest($1::text[], $2::uuid[]) AS o (object, upload)
        WHERE NOT EXISTS (SELECT FROM upload_part AS p WHERE p.upload_id = o.upload AND p.object = o.object)";
    let uploads: Vec<_> = objects.iter().map(|object| upload_of(object)).collect();
    let rows = db.read(UNKNOWN, args![objects, uploads]).await?;
    Ok(rows.iter().map(|row| row.get("object")).collect())
}

fn upload_of(object: &str) -> Option<uuid::Uuid> {
    object.strip_prefix(PARTS)?.strip_prefix('/')?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{content_folders, content_key, part_key, upload_of};
    use crate::ids::UploadId;

    #[test]
    fn objects_are_found_again_by_their_folders() {
        let id = UploadId::new(Timestamp::UNIX_EPOCH);
        let key = content_key(id, 7);
        assert!(content_folders().any(|folder| key.starts_with(&format!("{folder}/"))), "{key}");
        assert_eq!(upload_of(&part_key(id, 8 << 20, 1)), Some(id.0));
        assert_eq!(upload_of("media/ab/x"), None);
    }
}
