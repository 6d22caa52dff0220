//! The bytes of a document, as they were sent.

use crate::{
    db::{Db, DbError},
    documents::versions::{self, Content},
    ids::DocumentId,
};

/// A file of a patient has one version.
const ONLY: i32 = 1;

/// What is needed to send or read the file of a document that was found by who may.
pub async fn of(db: &Db, file: DocumentId) -> Result<Option<Content>, DbError> {
    versions::held(db, file, ONLY).await
}
