//! What follows from a receipt, and who reads it.
//!
//! A receipt is kept whatever it says, as the mail that it was; it moves its mail on only as the machine allows, and only if it is
//! about the sending that is under way. Receipts may come twice and in any order.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    attachments::HOLDER,
    certificate::{Certificate, ReceiptKind},
    message::{CertifiedMail, mail_visible},
    signed::Proof,
    transitions::{CertifiedMailError, accept, cut, fail, step},
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    documents::{
        made::{self, Kept, Made},
        publish::Stored,
    },
    ids::{CertifiedMailId, DocumentId, ReceiptId, UserId},
    notary::{
        agenda::appointment::Reader,
        notifications::Told,
        rules::machine::certified_mail::{Event, State},
    },
};

/// Where receipts stand among the documents of the notary.
const DESK: &str = "certified_mail";
/// Of one mail: some for each addressee of each sending.
pub const PER_MAIL: i64 = 1000;
/// Characters of a document's title.
const TITLE_MAX: usize = 200;

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = CertifiedMailReceipt)]
pub struct Receipt {
    /// Its id.
    pub id: ReceiptId,
    /// What it certifies.
    pub kind: ReceiptKind,
    /// Of which sending of the mail it is: 1, 2, …
    pub sending: i32,
    /// To which addressee it happened; `null`: it is about the mail as a whole.
    pub recipient: Option<String>,
    /// What the provider calls the mail.
    pub identifier: String,
    /// Who certifies it.
    pub provider: String,
    /// Why it is believed.
    pub proof: Proof,
    /// Why it was not accepted or delivered.
    pub problem: Option<String>,
    /// When it happened, as it says.
    #[schema(value_type = String, format = DateTime)]
    pub certified_at: Timestamp,
    /// When it was here.
    #[schema(value_type = String, format = DateTime)]
    pub taken_at: Timestamp,
}

impl Receipt {
    fn from_row(row: &Row) -> Self {
        let kind = ReceiptKind::ALL.iter().find(|kind| kind.as_str() == row.get::<_, &str>("kind"));
        let proof = Proof::ALL.iter().find(|proof| proof.as_str() == row.get::<_, &str>("proof"));
        Self {
            id: row.get("id"),
            kind: *kind.expect("the constraint certified_mail_receipt_kind_known"),
            sending: row.get("sending"),
            recipient: Some(row.get("recipient")).filter(|to: &String| !to.is_empty()),
            identifier: row.get("identifier"),
            provider: row.get("provider"),
            proof: *proof.expect("the constraint certified_mail_receipt_proof_known"),
            problem: row.get("problem"),
            certified_at: row.get("certified_at"),
            taken_at: row.get("taken_at"),
        }
    }
}

/// The receipts of a mail that this person sees, in the order in which they came; those of one moment have none.
pub async fn list(
    db: &Db,
    reader: Reader,
    mail: CertifiedMailId,
    after: Option<ReceiptId>,
    limit: i64,
) -> Result<Vec<Receipt>, DbError> {
    const LIST: &str = concat!(
        "-- notary.certified_mail.receipts
        SELECT r.id, r.kind, r.sending, r.recipient, r.identifier, r.provider, r.proof, r.problem, r.certified_at,
            r.taken_at
        FROM certified_mail m JOIN certified_mail_receipt r ON r.mail_id = m.id
        WHERE m.id = $1 AND ",
        mail_visible!("$2", "$3"),
        " AND ($4::uuid IS NULL OR r.id > $4) ORDER BY r.id LIMIT $5"
    );
    let after = after.map(|after| after.0);
    let rows = db.read(LIST, args![mail, reader.user, reader.is_admin, after, limit]).await?;
    Ok(rows.iter().map(Receipt::from_row).collect())
}

/// The document of a receipt, for who may send certified mail in the office. Administrators see that there is one.
pub async fn document_of(
    db: &Db,
    who: UserId,
    mail: CertifiedMailId,
    id: ReceiptId,
) -> Result<Option<DocumentId>, DbError> {
    const DOCUMENT: &str = concat!(
        "-- notary.certified_mail.receipt_document
        SELECT r.document_id FROM certified_mail m JOIN certified_mail_receipt r ON r.mail_id = m.id
        WHERE m.id = $1 AND r.id = $2 AND ",
        staffed!("send_certified_mail", "m.notary_id", "$3")
    );
    let rows = db.read(DOCUMENT, args![mail, id, who]).await?;
    Ok(rows.first().map(|row| row.get("document_id")))
}

/// Takes a receipt about a locked mail, of which it is about this sending; its content is stored already. `None`: it is known.
/// Else whom to tell.
pub async fn take(
    tx: &mut Tx,
    mail: &mut CertifiedMail,
    sending: i32,
    (certificate, proof, stored): (&Certificate, Proof, &Stored),
    now: Timestamp,
) -> Result<Option<Vec<Told>>, CertifiedMailError> {
    if !keep(tx, mail, sending, (certificate, proof, stored), now).await? {
        return Ok(None);
    }
    if sending != mail.sending {
        return Ok(Some(Vec::new()));
    }
    let problem = certificate.problem.as_deref().unwrap_or(certificate.kind.word());
    let mut told = Vec::new();
    match certificate.kind {
        ReceiptKind::Acceptance if mail.status == State::Queued => accept(tx, mail, now).await?,
        ReceiptKind::NonAcceptance if mail.status == State::Queued => {
            told.extend(fail(tx, mail, problem, now).await?);
        }
        // The provider of either side may find it.
        ReceiptKind::Virus if matches!(mail.status, State::Queued | State::Sent) => {
            told.extend(fail(tx, mail, problem, now).await?);
        }
        ReceiptKind::Delivery => write_down(tx, mail, certificate, None, now).await?,
        ReceiptKind::DeliveryError => write_down(tx, mail, certificate, Some(problem), now).await?,
        _ => {}
    }
    told.extend(settle(tx, mail, now).await?);
    Ok(Some(told))
}

/// Keeps a receipt. `false`: there is one like it.
async fn keep(
    tx: &mut Tx,
    mail: &CertifiedMail,
    sending: i32,
    (certificate, proof, stored): (&Certificate, Proof, &Stored),
    now: Timestamp,
) -> Result<bool, DbError> {
    // The row of the mail is locked: nobody takes the same receipt beside us.
    const KNOWN: &str = "-- notary.certified_mail.receipt_known
        SELECT n.user_id, EXISTS (SELECT FROM certified_mail_receipt WHERE mail_id = $2 AND sending = $3 AND kind = $4
            AND recipient = $5) AS is_known, (SELECT count(*) FROM certified_mail_receipt WHERE mail_id = $2) AS receipts
        FROM notary n WHERE n.id = $1";
    const KEEP: &str = "-- notary.certified_mail.keep_receipt
        INSERT INTO certified_mail_receipt (id, mail_id, sending, kind, recipient, identifier, provider, problem, certified_at,
            document_id, taken_at, proof)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let (kind, to) = (certificate.kind.as_str(), certificate.recipient.as_deref().unwrap_or_default());
    let known = tx.query_one(KNOWN, &[&mail.notary_id, &mail.id, &sending, &kind, &to]).await?;
    if known.get("is_known") || known.get::<_, i64>("receipts") >= PER_MAIL {
        return Ok(false);
    }
    let (id, document) = (ReceiptId::new(now), DocumentId::new(now));
    let title: String = format!("{} – {}", certificate.kind.word(), mail.subject);
    let title: String = title.chars().take(TITLE_MAX).collect();
    let made = Made {
        id: document,
        owner: known.get("user_id"),
        title: &title,
        desk: DESK,
        name: &format!("{}.eml", certificate.kind.word()),
        stored,
        kept: Kept::HeldBy(HOLDER, mail.id.0),
    };
    made::make(tx, &made, now).await?;
    let problem = certificate.problem.as_deref().map(cut);
    let Certificate { identifier, provider, certified_at, .. } = certificate;
    let args: [&(dyn postgres_types::ToSql + Sync); 12] = [
        &id,
        &mail.id,
        &sending,
        &kind,
        &to,
        identifier,
        provider,
        &problem,
        certified_at,
        &document,
        &now,
        &proof.as_str(),
    ];
    tx.execute(KEEP, &args).await?;
    Ok(true)
}

/// What became of it at an addressee; what was delivered stays so.
async fn write_down(
    tx: &mut Tx,
    mail: &CertifiedMail,
    certificate: &Certificate,
    problem: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    const WRITE: &str = "-- notary.certified_mail.write_down
        UPDATE certified_mail_recipient SET
            delivered_at = CASE WHEN $3::text IS NULL THEN $4::timestamptz END,
            failed_at = CASE WHEN $3::text IS NOT NULL THEN $4::timestamptz END, problem = $3
        WHERE mail_id = $1 AND lower(address) = $2 AND delivered_at IS NULL";
    let to = certificate.recipient.as_deref().unwrap_or_default();
    tx.execute(WRITE, &[&mail.id, &to, &problem.map(cut), &now]).await?;
    Ok(())
}

/// A mail that was taken is delivered when it is at every addressee, and has failed when it cannot get to one.
async fn settle(
    tx: &mut Tx,
    mail: &mut CertifiedMail,
    now: Timestamp,
) -> Result<Vec<Told>, CertifiedMailError> {
    const COUNT: &str = "-- notary.certified_mail.count_delivered
        SELECT count(*) FILTER (WHERE delivered_at IS NULL) AS missing,
            string_agg(address || ': ' || problem, '; ' ORDER BY position) FILTER (WHERE failed_at IS NOT NULL) AS problem
        FROM certified_mail_recipient WHERE mail_id = $1";
    if mail.status != State::Sent {
        return Ok(Vec::new());
    }
    let row = tx.query_one(COUNT, &[&mail.id]).await?;
    if let Some(problem) = row.get::<_, Option<&str>>("problem") {
        return fail(tx, mail, problem, now).await;
    }
    if row.get::<_, i64>("missing") == 0 {
        step(tx, mail, Event::Deliver, None, now).await?;
    }
    Ok(Vec::new())
}
