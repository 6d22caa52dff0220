//! A request to sign a document, and who sees it: who is asked, and the office that asks.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ActId, DocumentId, SignatureRequestId, UserId},
    notary::rules::machine::{
        Name as _, Who,
        signature_request::{Event, MACHINE, State},
    },
};

/// A request to sign a document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct SignatureRequest {
    /// Its id.
    pub id: SignatureRequestId,
    /// Of which case.
    pub act_id: ActId,
    /// The document; `null` when it is gone.
    pub document_id: Option<DocumentId>,
    /// The version that is to be signed.
    pub document_version: i32,
    /// What the document was called.
    pub title: String,
    /// Who is asked.
    pub signer_id: UserId,
    /// Their name.
    pub signer_name: String,
    /// What they are in the case.
    pub signer_is: Who,
    /// Who has asked, for the office.
    pub requested_by: UserId,
    /// What was said with it.
    pub message: String,
    /// Where it is in its life.
    pub status: State,
    /// Why it was refused.
    pub reason: Option<String>,
    /// The version of the document that is signed.
    pub signed_version: Option<i32>,
    /// The serial number of the certificate that signed, in hexadecimal digits.
    pub certificate_serial: Option<String>,
    /// The time stamp over the signature.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub stamped_at: Option<Timestamp>,
    /// When it was answered, or expired.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// When it expires.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// What the reader may do with it now.
    pub possible: Vec<Event>,
    /// The code that proves that it is the signer: its hash, how often it was guessed at, until when it is good.
    #[serde(skip)]
    pub(super) code: Option<(Vec<u8>, Timestamp)>,
    #[serde(skip)]
    pub(super) code_tries: i16,
    #[serde(skip)]
    pub(super) codes_sent: i16,
    /// Whether the reader is the one who is asked.
    #[serde(skip)]
    pub is_signer: bool,
}

/// The columns of [`SignatureRequest::from_row`], of tables `q` (request), `a` (act) and `s` (users, the signer):
/// `request_columns!("$2")`, with the reader.
macro_rules! request_columns {
    ($who:literal) => {
        concat!(
            "q.id, q.act_id, q.document_id, q.number, q.title, q.signer_id, s.name AS signer_name, q.signer_is,
             q.requested_by, q.message, q.status, q.reason, q.signed_number, q.signed_certificate, q.stamped_at,
             q.decided_at, q.expires_at, q.created_at, q.code_hash, q.code_tries, q.code_expires_at, q.codes_sent,
             q.signer_id = ",
            $who,
            " AS is_signer FROM signature_request q JOIN act a ON a.id = q.act_id JOIN users s ON s.id = q.signer_id"
        )
    };
}

/// The condition under which somebody sees request `q` of act `a`.
macro_rules! request_visible {
    ($who:literal) => {
        concat!("(q.signer_id = ", $who, " OR ", staffed!("manage_acts", "a.notary_id", $who), ")")
    };
}

impl SignatureRequest {
    fn from_row(row: &Row) -> Self {
        let status = State::parse(row.get("status")).expect("the constraint signature_request_status_known");
        let signer_is =
            Who::parse(row.get("signer_is")).expect("the constraint signature_request_signer_known");
        let is_signer: bool = row.get("is_signer");
        let possible = if is_signer { MACHINE.events(status, signer_is).collect() } else { Vec::new() };
        Self {
            id: row.get("id"),
            act_id: row.get("act_id"),
            document_id: row.get("document_id"),
            document_version: row.get("number"),
            title: row.get("title"),
            signer_id: row.get("signer_id"),
            signer_name: row.get("signer_name"),
            signer_is,
            requested_by: row.get("requested_by"),
            message: row.get("message"),
            status,
            reason: row.get("reason"),
            signed_version: row.get("signed_number"),
            certificate_serial: row
                .get::<_, Option<&[u8]>>("signed_certificate")
                .map(|it| HEXLOWER.encode(it)),
            stamped_at: row.get("stamped_at"),
            decided_at: row.get("decided_at"),
            expires_at: row.get("expires_at"),
            created_at: row.get("created_at"),
            possible,
            code: Option::zip(row.get("code_hash"), row.get("code_expires_at")),
            code_tries: row.get("code_tries"),
            codes_sent: row.get("codes_sent"),
            is_signer,
        }
    }
}

/// A request that this person sees.
pub async fn find(db: &Db, who: UserId, id: SignatureRequestId) -> Result<Option<SignatureRequest>, DbError> {
    const FIND: &str = concat!(
        "-- notary.signature_requests.find\nSELECT ",
        request_columns!("$2"),
        " WHERE q.id = $1 AND ",
        request_visible!("$2")
    );
    let rows = db.read(FIND, args![id, who]).await?;
    Ok(rows.first().map(SignatureRequest::from_row))
}

/// The same, locked until the end of the transaction.
pub async fn lock(
    tx: &mut Tx,
    who: UserId,
    id: SignatureRequestId,
) -> Result<Option<SignatureRequest>, DbError> {
    // First the row alone: what is read below is what the one before has left.
    const ROW: &str = "-- notary.signature_requests.lock_row
        SELECT FROM signature_request WHERE id = $1 FOR NO KEY UPDATE";
    const LOCK: &str = concat!(
        "-- notary.signature_requests.lock\nSELECT ",
        request_columns!("$2"),
        " WHERE q.id = $1 AND ",
        request_visible!("$2")
    );
    tx.query(ROW, &[&id]).await?;
    Ok(tx.query_opt(LOCK, &[&id, &who]).await?.as_ref().map(SignatureRequest::from_row))
}

/// Those of an act that this person sees, the newest first: the office all, others those to themselves.
pub async fn of_act(
    db: &Db,
    (who, act): (UserId, ActId),
    before: Option<SignatureRequestId>,
    limit: i64,
) -> Result<Vec<SignatureRequest>, DbError> {
    const OF_ACT: &str = concat!(
        "-- notary.signature_requests.of_act\nSELECT ",
        request_columns!("$1"),
        " WHERE q.act_id = $2 AND ",
        request_visible!("$1"),
        " AND ($3::uuid IS NULL OR q.id < $3) ORDER BY q.id DESC LIMIT $4"
    );
    let rows = db.read(OF_ACT, args![who, act, before.map(|id| id.0), limit]).await?;
    Ok(rows.iter().map(SignatureRequest::from_row).collect())
}

/// Those to a person, the newest first.
pub async fn of_signer(
    db: &Db,
    who: UserId,
    status: Option<State>,
    before: Option<SignatureRequestId>,
    limit: i64,
) -> Result<Vec<SignatureRequest>, DbError> {
    const OF_SIGNER: &str = concat!(
        "-- notary.signature_requests.of_signer\nSELECT ",
        request_columns!("$1"),
        " WHERE q.signer_id = $1 AND ($2::text IS NULL OR q.status = $2) AND ($3::uuid IS NULL OR q.id < $3)
          ORDER BY q.id DESC LIMIT $4"
    );
    let status = status.map(|status| status.as_str().to_owned());
    let rows = db.read(OF_SIGNER, args![who, status, before.map(|id| id.0), limit]).await?;
    Ok(rows.iter().map(SignatureRequest::from_row).collect())
}
