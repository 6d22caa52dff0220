//! How refusals about certified mail become problems, and what their handlers share.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;

use crate::{
    accounts::policy::Principal,
    audit::{self, Entry},
    db::Tx,
    http::{
        client::ClientAddress, conditional::ETag, extract::Json, negotiate::Coding, notary::told,
        problem::Problem, state::AppState,
    },
    ids::CertifiedMailId,
    notary::{
        certified_mail::{
            deed,
            message::{self, CertifiedMail},
            transitions::CertifiedMailError,
        },
        time::today,
    },
};

impl From<CertifiedMailError> for Problem {
    fn from(error: CertifiedMailError) -> Self {
        let detail = error.to_string();
        match error {
            CertifiedMailError::Forbidden(forbidden) => forbidden.into(),
            CertifiedMailError::NotPermitted => Self::forbidden("not_permitted", detail),
            CertifiedMailError::NoSuchAct => Self::rule("unknown_act", detail),
            CertifiedMailError::NotSigned => Self::conflict("not_signed", detail),
            CertifiedMailError::NoAddress => Self::conflict("no_certified_address", detail),
            CertifiedMailError::NoSuchTemplate => Self::rule("unknown_template", detail),
            CertifiedMailError::NoSuchDocument => Self::rule("unknown_document", detail),
            CertifiedMailError::NoValue(_) => Self::rule("fields_without_value", detail),
            CertifiedMailError::TwiceTo => Self::rule("repeated_address", detail),
            CertifiedMailError::NameTaken => Self::conflict("name_taken", detail),
            CertifiedMailError::TooManyTemplates => Self::conflict("too_many_templates", detail),
            CertifiedMailError::TooManyDrafts => Self::conflict("too_many_drafts", detail),
            CertifiedMailError::NoRecipient | CertifiedMailError::NoWords => {
                Self::conflict("incomplete", detail)
            }
            CertifiedMailError::BlindCopies => Self::conflict("no_blind_copies", detail),
            CertifiedMailError::Db(error) => error.into(),
        }
    }
}

/// The ETag of something that counts its changes.
pub(super) fn etag(version: i64) -> axum::http::HeaderValue {
    ETag::of_version(version).header(Coding::Identity)
}

/// A mail with its ETag.
pub(super) fn tagged(mail: &CertifiedMail) -> Response {
    (StatusCode::OK, [(header::ETAG, etag(mail.version))], Json(mail)).into_response()
}

/// A mail to be changed, locked.
pub(super) async fn locked(
    tx: &mut Tx,
    principal: &Principal,
    id: CertifiedMailId,
) -> Result<CertifiedMail, Problem> {
    message::lock(tx, principal.into(), id).await?.ok_or_else(|| Problem::not_found("certified mail"))
}

/// The same, for what only the office may do, and only with a licence, unless it is about what was signed.
pub(super) async fn locked_by_office(
    tx: &mut Tx,
    principal: &Principal,
    id: CertifiedMailId,
    now: Timestamp,
) -> Result<CertifiedMail, Problem> {
    let found = locked(tx, principal, id).await?;
    if !found.standing.is_office() {
        return Err(Problem::forbidden("not_for_you", "this is for the office"));
    }
    deed::require_licence(tx, (found.notary_id, found.act_id), today(now)).await?;
    Ok(found)
}

/// Tells the audit log what was done to something of certified mail.
pub(super) async fn record(
    state: &AppState,
    tx: &mut Tx,
    who: (&Principal, ClientAddress),
    action: &'static str,
    object: (&'static str, impl ToString),
    details: serde_json::Value,
) -> Result<(), Problem> {
    let entry = Entry { details, ..told::entry(state, who, action, object) };
    Ok(audit::record(tx, &[entry]).await?)
}
