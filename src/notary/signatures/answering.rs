//! What becomes of a request: a code proves that it is the signer, who signs or refuses; without an answer it expires.
//!
//! A code has six digits, is mailed, good for [`CODE_LIFE`] and for [`TRIES_MAX`] guesses; [`CODES_MAX`] are sent. With that
//! whoever guesses is right once in some twenty thousand requests.

use jiff::{SignedDuration, Timestamp};

use super::{
    asking::{HOLDER, RequestError},
    request::SignatureRequest,
};
use crate::{
    db::{DbError, Tx},
    documents::made::{self, AnotherVersion},
    ids::{ActId, SignatureRequestId},
    notary::rules::machine::{
        Name as _, Who,
        signature_request::{Event, MACHINE, State},
    },
    signing::codes::Codes,
};

/// How long a code is good.
pub const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// How often a code may be guessed at.
pub const TRIES_MAX: i16 = 5;
/// How many codes are sent for a request.
pub const CODES_MAX: i16 = 10;
/// Requests that one transaction lets expire.
pub const BATCH: i64 = 500;

fn open(request: &SignatureRequest, event: Event, now: Timestamp) -> Result<State, RequestError> {
    // Whoever only sees the request does nothing with it.
    let who = if request.is_signer { request.signer_is } else { Who::Collaborator };
    let to = MACHINE.next_by(request.status, event, who)?;
    if now >= request.expires_at { Err(RequestError::Expired) } else { Ok(to) }
}

/// Whether the signer of a locked request may have another code now; it is counted.
pub async fn may_have_code(
    tx: &mut Tx,
    request: &SignatureRequest,
    now: Timestamp,
) -> Result<(), RequestError> {
    const COUNT: &str = "-- notary.signature_requests.count_code
        UPDATE signature_request SET codes_sent = codes_sent + 1, updated_at = $2 WHERE id = $1";
    open(request, Event::Sign, now)?;
    if request.codes_sent >= CODES_MAX {
        return Err(RequestError::NoMoreCodes);
    }
    tx.execute(COUNT, &[&request.id, &now]).await?;
    Ok(())
}

/// From now on this code is the one. `false`: the request is not open any more.
pub async fn set_code(
    tx: &mut Tx,
    id: SignatureRequestId,
    hash: [u8; 32],
    now: Timestamp,
) -> Result<bool, DbError> {
    const SET: &str = "-- notary.signature_requests.set_code
        UPDATE signature_request SET code_hash = $2, code_tries = 0, code_expires_at = $3, updated_at = $4
        WHERE id = $1 AND status = 'pending' AND expires_at > $4";
    let until = now.checked_add(CODE_LIFE).unwrap_or(Timestamp::MAX);
    Ok(tx.execute(SET, &[&id, &hash.as_slice(), &until, &now]).await? == 1)
}

/// Whether the signer of a locked request may sign it now with this code. A wrong one is counted: commit also then.
pub async fn may_sign(
    tx: &mut Tx,
    request: &SignatureRequest,
    (codes, code): (&Codes, &str),
    now: Timestamp,
) -> Result<(), RequestError> {
    const GUESSED: &str = "-- notary.signature_requests.guessed
        UPDATE signature_request SET code_tries = code_tries + 1, updated_at = $2 WHERE id = $1";
    open(request, Event::Sign, now)?;
    let (hash, until) = request.code.as_ref().ok_or(RequestError::WrongCode)?;
    if request.code_tries >= TRIES_MAX || now >= *until {
        return Err(RequestError::WrongCode);
    }
    if !codes.is_right(request.id.0, code, hash) {
        tx.execute(GUESSED, &[&request.id, &now]).await?;
        return Err(RequestError::WrongCode);
    }
    Ok(())
}

/// Keeps what was signed as the newest version of the document of a locked request; the case has that one from now on.
pub async fn sign(
    tx: &mut Tx,
    request: &SignatureRequest,
    version: &AnotherVersion<'_>,
    (serial, stamped_at): (&[u8], Timestamp),
    now: Timestamp,
) -> Result<i32, RequestError> {
    const SIGNED: &str = "-- notary.signature_requests.sign
        UPDATE signature_request SET status = $2, signed_number = $3, signed_certificate = $4, stamped_at = $5,
            decided_at = $6, code_hash = NULL, code_expires_at = NULL, version = version + 1, updated_at = $6
        WHERE id = $1";
    const PAPER: &str = "-- notary.signature_requests.renew_paper
        UPDATE appointment_document p SET number = $3, version = p.version + 1, updated_at = $4
        FROM act a WHERE a.id = $1 AND p.appointment_id = a.appointment_id AND p.document_id = $2";
    let to = open(request, Event::Sign, now)?;
    let number = made::another_version(tx, version, now).await?.ok_or(RequestError::Changed)?;
    tx.execute(SIGNED, &[&request.id, &to.as_str(), &number, &serial, &stamped_at, &now]).await?;
    tx.execute(PAPER, &[&request.act_id, &request.document_id, &number, &now]).await?;
    Ok(number)
}

/// The signer of a locked request refuses; the document is let go.
pub async fn reject(
    tx: &mut Tx,
    request: &SignatureRequest,
    reason: &str,
    now: Timestamp,
) -> Result<(), RequestError> {
    const REJECT: &str = "-- notary.signature_requests.reject
        WITH let_go AS (DELETE FROM document_hold WHERE holder = $5 AND holder_id = $1)
        UPDATE signature_request SET status = $2, reason = $3, decided_at = $4, code_hash = NULL, code_expires_at = NULL,
            version = version + 1, updated_at = $4
        WHERE id = $1";
    let to = open(request, Event::Reject, now)?;
    tx.execute(REJECT, &[&request.id, &to.as_str(), &reason, &now, &HOLDER]).await?;
    Ok(())
}

/// Ends what is still asked for a locked act that was closed, and lets the documents go: nobody signs for it any more.
pub async fn end_with_act(tx: &mut Tx, act: ActId, now: Timestamp) -> Result<(), DbError> {
    const END: &str = "-- notary.signature_requests.end_with_act
        WITH due AS (
            SELECT id FROM signature_request WHERE act_id = $1 AND status = 'pending' ORDER BY id FOR NO KEY UPDATE
        ), let_go AS (
            DELETE FROM document_hold h USING due WHERE h.holder = $3 AND h.holder_id = due.id
        )
        UPDATE signature_request q SET status = $4, decided_at = $2, code_hash = NULL, code_expires_at = NULL,
            version = q.version + 1, updated_at = $2
        FROM due WHERE q.id = due.id";
    tx.execute(END, &[&act, &now, &HOLDER, &expired().as_str()]).await?;
    Ok(())
}

/// Ends requests whose time is over, and lets their documents go; how many.
pub async fn expire(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    const EXPIRE: &str = "-- notary.signature_requests.expire
        WITH due AS (
            SELECT id FROM signature_request WHERE status = 'pending' AND expires_at <= $1
            ORDER BY expires_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
        ), let_go AS (
            DELETE FROM document_hold h USING due WHERE h.holder = $3 AND h.holder_id = due.id
        )
        UPDATE signature_request q SET status = $4, decided_at = $1, code_hash = NULL, code_expires_at = NULL,
            version = q.version + 1, updated_at = $1
        FROM due WHERE q.id = due.id";
    tx.execute(EXPIRE, &[&now, &BATCH, &HOLDER, &expired().as_str()]).await
}

/// Where a request without an answer ends.
fn expired() -> State {
    MACHINE.next_by(MACHINE.start, Event::Expire, Who::System).expect("a line of the table")
}
