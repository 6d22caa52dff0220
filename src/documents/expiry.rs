//! What time does to sharing: rows that give nothing any more are removed, in batches.

use jiff::{SignedDuration, Timestamp};

use super::links::DOWNLOAD_TAKES;
use crate::db::{DbError, Tx};

/// Rows of each kind that are removed by one transaction.
pub const BATCH: i64 = 500;
/// So long it can still be told which link somebody came with, when it opens nothing any more.
const LINKS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Removes permissions that have expired, links that are long over, and who has downloaded by them; returns how many rows of
/// the kind of which there were most.
pub async fn expire(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    const PERMISSIONS: &str = "-- documents.expiry.permissions
        DELETE FROM document_permission WHERE (document_id, user_id) IN (
            SELECT document_id, user_id FROM document_permission WHERE expires_at <= $1
            ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    const LINKS: &str = "-- documents.expiry.links
        DELETE FROM document_link WHERE id IN (
            SELECT id FROM document_link WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    const USES: &str = "-- documents.expiry.uses
        DELETE FROM document_link_use WHERE (link_id, client) IN (
            SELECT link_id, client FROM document_link_use WHERE begun_at <= $1
            ORDER BY begun_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    let before = |age| now.checked_sub(age).unwrap_or(Timestamp::MIN);
    let uses = tx.execute(USES, &[&before(DOWNLOAD_TAKES), &BATCH]).await?;
    let links = tx.execute(LINKS, &[&before(LINKS_KEPT), &BATCH]).await?;
    let permissions = tx.execute(PERMISSIONS, &[&now, &BATCH]).await?;
    Ok(uses.max(links).max(permissions))
}
