//! The office asks somebody of the case to sign a PDF: the client, a partner who takes part, or the notary.

use jiff::Timestamp;

use crate::{
    db::{DbError, Tx},
    ids::{DocumentId, SignatureRequestId, UserId},
    notary::{
        acts::act::Act,
        rules::machine::{Forbidden, act::State},
    },
};

/// Requests of one act.
pub const PER_ACT: i64 = 50;
/// What holds the documents while they are to be signed, and when they are.
pub const HOLDER: &str = "signature_request";

/// Why something is not done with a request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The state machine says no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The case is closed.
    #[error("the act is closed: nothing of it is signed any more")]
    Closed,
    /// Somebody else.
    #[error("only the client, a partner who takes part, or the notary of the case can be asked")]
    NotOfTheCase,
    /// No such document.
    #[error("there is no such document of the case, or of your own")]
    NoSuchDocument,
    /// It is something else.
    #[error("only a PDF can be signed")]
    NotPdf,
    /// There is an open request.
    #[error("this person is asked to sign this document already")]
    Twice,
    /// There are [`PER_ACT`].
    #[error("{PER_ACT} requests are the most")]
    TooMany,
    /// The time is over.
    #[error("the request has expired")]
    Expired,
    /// The document was changed or removed meanwhile.
    #[error("the document was changed since its signature was asked for")]
    Changed,
    /// It is not the code, or there is none.
    #[error("the code is wrong, or too old: ask for another one")]
    WrongCode,
    /// Too many were sent.
    #[error("no more codes are sent for this request")]
    NoMoreCodes,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Which document.
    pub document: DocumentId,
    /// Of whom.
    pub signer: UserId,
    /// What is said with it.
    pub message: &'a str,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Asks somebody to sign the newest version of a document, for a locked act. The document is one of the act's appointment that
/// was handed in, or one of the person's own who asks.
pub async fn ask(
    tx: &mut Tx,
    (id, act): (SignatureRequestId, &Act),
    ask: &Ask<'_>,
    by: UserId,
    now: Timestamp,
) -> Result<(), RequestError> {
    const SIGNER: &str = "-- notary.signature_requests.signer
        SELECT CASE WHEN a.client_id = $2 THEN 'client' WHEN n.user_id = $2 THEN 'notary'
            WHEN EXISTS (SELECT FROM participant p WHERE p.appointment_id = a.appointment_id AND p.user_id = $2
                AND p.is_partner AND p.status = 'accepted') THEN 'partner' END AS signer_is,
            (SELECT count(*) FROM signature_request o WHERE o.act_id = a.id) AS requests
        FROM act a JOIN notary n ON n.id = a.notary_id JOIN users u ON u.id = $2 AND u.status = 'active'
        WHERE a.id = $1";
    // What another part of the desk relies on as it is (a signed deed) gets no further version.
    const DOCUMENT: &str = "-- notary.signature_requests.document
        SELECT d.latest, d.title, v.media_type FROM document d
        JOIN document_version v ON v.document_id = d.id AND v.number = d.latest
        WHERE d.id = $1 AND d.deleted_at IS NULL AND NOT d.of_clinic AND (d.owner_id = $2 OR EXISTS (
            SELECT FROM appointment_document p WHERE p.appointment_id = $3 AND p.document_id = d.id
              AND p.status IN ('in_review', 'accepted')))
          AND NOT EXISTS (SELECT FROM document_hold h WHERE h.document_id = d.id
            AND h.holder NOT IN ('appointment', 'signature_request'))
        FOR KEY SHARE OF d";
    const ASK: &str = "-- notary.signature_requests.ask
        WITH held AS (
            INSERT INTO document_hold (document_id, holder, holder_id, held_at) VALUES ($3, $11, $1, $10)
        )
        INSERT INTO signature_request (id, act_id, document_id, number, title, signer_id, signer_is, requested_by, message,
            expires_at, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $12, $10, $10)";
    if matches!(act.status, State::Archived | State::Annulled) {
        return Err(RequestError::Closed);
    }
    let row = tx.query_opt(SIGNER, &[&act.id, &ask.signer]).await?.ok_or(RequestError::NotOfTheCase)?;
    let signer_is: Option<&str> = row.get("signer_is");
    let signer_is = signer_is.ok_or(RequestError::NotOfTheCase)?;
    if row.get::<_, i64>("requests") >= PER_ACT {
        return Err(RequestError::TooMany);
    }
    let found = tx.query_opt(DOCUMENT, &[&ask.document, &by, &act.appointment_id]).await?;
    let found = found.ok_or(RequestError::NoSuchDocument)?;
    if found.get::<_, &str>("media_type") != "application/pdf" {
        return Err(RequestError::NotPdf);
    }
    let (number, title): (i32, &str) = (found.get("latest"), found.get("title"));
    let (document, signer, message) = (&ask.document, &ask.signer, &ask.message);
    let asked = tx
        .execute(
            ASK,
            &[
                &id,
                &act.id,
                document,
                &number,
                &title,
                signer,
                &signer_is,
                &by,
                message,
                &now,
                &HOLDER,
                &ask.expires_at,
            ],
        )
        .await;
    match asked {
        Err(error) if error.constraint() == Some("signature_request_open") => Err(RequestError::Twice),
        other => Ok(other.map(drop)?),
    }
}
