//! How long certified mails are kept: those about an act as long as the act, which is for good; other letters for ten years
//! (art. 2220 c.c.); drafts that nobody touches not at all.

use jiff::Timestamp;

use super::attachments::HOLDER;
use crate::{
    db::{DbError, Tx},
    documents::documents,
    ids::{CertifiedMailId, DocumentId},
};

/// Mails that are removed by one transaction.
pub const BATCH: i64 = 100;

/// What one transaction has removed.
#[derive(Debug, Default)]
pub struct Removed {
    /// Drafts.
    pub drafts: u64,
    /// Letters, with their receipts.
    pub letters: u64,
    /// Objects of the storage that no row names any more.
    pub objects: Vec<String>,
    /// Whether there may be more.
    pub is_more: bool,
}

/// Removes drafts that were last touched before the one, and letters about no act that were before the other.
pub async fn remove_old(
    tx: &mut Tx,
    (drafts_before, letters_before): (Timestamp, Timestamp),
) -> Result<Removed, DbError> {
    const OLD: &str = "-- notary.certified_mail.old
        SELECT id, status = 'draft' AS is_draft FROM certified_mail
        WHERE (status = 'draft' AND updated_at < $1)
           OR (act_id IS NULL AND status IN ('sent', 'delivered', 'failed', 'quarantined') AND updated_at < $2)
        ORDER BY updated_at LIMIT $3 FOR UPDATE SKIP LOCKED";
    const RECEIPTS: &str = "-- notary.certified_mail.remove_receipts
        DELETE FROM certified_mail_receipt WHERE mail_id = ANY ($1) RETURNING document_id";
    const HOLDS: &str = "-- notary.certified_mail.remove_holds
        DELETE FROM document_hold WHERE holder_id = ANY ($1) AND holder = $2";
    const REMOVE: &str =
        "-- notary.certified_mail.remove_old\nDELETE FROM certified_mail WHERE id = ANY ($1)";
    let old = tx.query(OLD, &[&drafts_before, &letters_before, &BATCH]).await?;
    let ids: Vec<CertifiedMailId> = old.iter().map(|row| row.get("id")).collect();
    let receipts: Vec<DocumentId> =
        tx.query(RECEIPTS, &[&ids]).await?.iter().map(|row| row.get("document_id")).collect();
    tx.execute(HOLDS, &[&ids, &HOLDER]).await?;
    let mut objects = Vec::new();
    for receipt in receipts {
        objects.extend(documents::remove(tx, receipt).await?);
    }
    tx.execute(REMOVE, &[&ids]).await?;
    let drafts = old.iter().filter(|row| row.get("is_draft")).count() as u64;
    let is_more = old.len() as i64 >= BATCH;
    Ok(Removed { drafts, letters: old.len() as u64 - drafts, objects, is_more })
}
