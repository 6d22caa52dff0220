//! How much a person may store.

use crate::{
    args,
    db::{Db, DbError},
    ids::UserId,
};

/// What a person has, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
#[schema(as = DocumentUsage)]
pub struct Usage {
    /// Of all versions.
    pub stored: i64,
    /// Announced by uploads that are not complete.
    pub arriving: i64,
}

/// What a person has.
pub async fn usage(db: &Db, user: UserId) -> Result<Usage, DbError> {
    const USAGE: &str = "-- documents.quota.usage
        SELECT stored, arriving FROM document_quota WHERE user_id = $1";
    let rows = db.read(USAGE, args![user]).await?;
    let usage = rows.first().map(|row| Usage { stored: row.get("stored"), arriving: row.get("arriving") });
    Ok(usage.unwrap_or_default())
}
