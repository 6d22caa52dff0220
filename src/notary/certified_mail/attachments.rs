//! What goes along with a mail: documents that whoever writes it, or puts it into the queue, may read.
//!
//! A draft names documents. When it is put into the queue, each becomes a version with its hash, and is held: nobody deletes it
//! as long as the mail is kept.

use jiff::Timestamp;

use super::transitions::CertifiedMailError;
use crate::{
    db::{DbError, Tx},
    documents::rights::permitted,
    ids::{CertifiedMailId, DocumentId, NotaryId, UserId},
};

/// What holds the documents.
pub(super) const HOLDER: &str = "certified_mail";

/// A document that is to go along, and which version; `None`: the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewAttachment {
    /// Which document.
    pub document: DocumentId,
    /// Which of its versions.
    pub number: Option<i32>,
}

/// A version that somebody may read.
struct Readable {
    document: DocumentId,
    number: i32,
    sha256: Vec<u8>,
}

/// Those of `wanted` that may go along with a mail of this person's: what they may read (the own ones, those that were shared with
/// them, and for who reviews documents in the office those that were handed in there), and the signed deed of the act that the
/// mail is about. Nobody removes one until the end of the transaction.
async fn readable(
    tx: &mut Tx,
    mail: CertifiedMailId,
    (office, who): (NotaryId, UserId),
    wanted: &[NewAttachment],
    now: Timestamp,
) -> Result<Vec<Readable>, DbError> {
    const READABLE: &str = concat!(
        "-- notary.certified_mail.readable
        SELECT d.id, v.number, v.sha256
        FROM unnest($1::uuid[], $2::int[]) WITH ORDINALITY AS w (document_id, number, n)
        JOIN document d ON d.id = w.document_id AND d.deleted_at IS NULL
        JOIN document_version v ON v.document_id = d.id AND v.number = coalesce(w.number, d.latest)
        WHERE ",
        permitted!("can_read", "$3", "$4"),
        " OR EXISTS (SELECT FROM appointment_document p JOIN appointment a ON a.id = p.appointment_id
            WHERE p.document_id = d.id AND p.number = v.number AND p.status <> 'uploaded' AND a.notary_id = $5 AND ",
        staffed!("review_documents", "a.notary_id", "$3"),
        ") OR EXISTS (SELECT FROM certified_mail m JOIN act a ON a.id = m.act_id AND a.notary_id = m.notary_id
            WHERE m.id = $6 AND m.notary_id = $5 AND a.signed_document_id = d.id AND v.number = 1)
        ORDER BY w.n FOR KEY SHARE OF d"
    );
    let documents: Vec<DocumentId> = wanted.iter().map(|it| it.document).collect();
    let numbers: Vec<Option<i32>> = wanted.iter().map(|it| it.number).collect();
    let rows = tx.query(READABLE, &[&documents, &numbers, &who, &now, &office, &mail]).await?;
    let of = |row: &tokio_postgres::Row| Readable {
        document: row.get("id"),
        number: row.get("number"),
        sha256: row.get("sha256"),
    };
    Ok(rows.iter().map(of).collect())
}

/// Says what goes along with a draft, instead of what was said before.
pub(super) async fn replace(
    tx: &mut Tx,
    id: CertifiedMailId,
    by: (NotaryId, UserId),
    wanted: &[NewAttachment],
    now: Timestamp,
) -> Result<(), CertifiedMailError> {
    const REMOVE: &str = "-- notary.certified_mail.remove_attachments
        DELETE FROM certified_mail_attachment WHERE mail_id = $1";
    const ADD: &str = "-- notary.certified_mail.add_attachments
        INSERT INTO certified_mail_attachment (mail_id, position, document_id, number)
        SELECT $1, w.n, w.document_id, w.number
        FROM unnest($2::uuid[], $3::int[]) WITH ORDINALITY AS w (document_id, number, n)";
    if readable(tx, id, by, wanted, now).await?.len() != wanted.len() {
        return Err(CertifiedMailError::NoSuchDocument);
    }
    let documents: Vec<DocumentId> = wanted.iter().map(|it| it.document).collect();
    let numbers: Vec<Option<i32>> = wanted.iter().map(|it| it.number).collect();
    tx.execute(REMOVE, &[&id]).await?;
    tx.execute(ADD, &[&id, &documents, &numbers]).await?;
    Ok(())
}

/// Fixes what goes along, and holds it. `by` must be able to read it now.
pub(super) async fn fix(
    tx: &mut Tx,
    id: CertifiedMailId,
    by: (NotaryId, UserId),
    wanted: &[NewAttachment],
    now: Timestamp,
) -> Result<(), CertifiedMailError> {
    const FIX: &str = "-- notary.certified_mail.fix_attachments
        WITH fixed AS (
            UPDATE certified_mail_attachment x SET number = w.number, sha256 = w.sha256
            FROM unnest($2::uuid[], $3::int[], $4::bytea[]) WITH ORDINALITY AS w (document_id, number, sha256, n)
            WHERE x.mail_id = $1 AND x.position = w.n AND x.document_id = w.document_id RETURNING x.document_id
        )
        INSERT INTO document_hold (document_id, holder, holder_id, held_at)
        SELECT DISTINCT document_id, $5, $1, $6::timestamptz FROM fixed ON CONFLICT DO NOTHING";
    let found = readable(tx, id, by, wanted, now).await?;
    if found.len() != wanted.len() {
        return Err(CertifiedMailError::NoSuchDocument);
    }
    let documents: Vec<DocumentId> = found.iter().map(|it| it.document).collect();
    let numbers: Vec<i32> = found.iter().map(|it| it.number).collect();
    let hashes: Vec<&[u8]> = found.iter().map(|it| it.sha256.as_slice()).collect();
    tx.execute(FIX, &[&id, &documents, &numbers, &hashes, &HOLDER, &now]).await?;
    Ok(())
}

/// Lets go what a mail holds that is a draft again: which version it was stays said.
pub(super) async fn let_go(tx: &mut Tx, id: CertifiedMailId) -> Result<(), DbError> {
    const LET_GO: &str = "-- notary.certified_mail.let_go
        WITH loose AS (UPDATE certified_mail_attachment SET sha256 = NULL WHERE mail_id = $1)
        DELETE FROM document_hold WHERE holder_id = $1 AND holder = $2";
    tx.execute(LET_GO, &[&id, &HOLDER]).await?;
    Ok(())
}
