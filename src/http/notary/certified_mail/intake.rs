//! Where receipts come in that an operator sends by mail: whoever fetches them from the operator's mailbox hands them on as they
//! are (`deploy/README.md`). They are believed when the operator has signed them; where no roots are configured under which that
//! could be seen, because that mailbox is: an operator lets nobody else write such headers into it. Each says which of the two.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::IntoResponse as _,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::record;
use crate::{
    http::{
        auth::AdminUser,
        client::ClientAddress,
        extract::{Json, read_body},
        problem::{Answer, Problem},
        state::{AppState, BodyLimits},
    },
    ids::CertifiedMailId,
    jobs::notary::{store_receipt, tell},
    notary::{
        certified_mail::{
            certificate::{BYTES_MAX, NoReceipt, ReceiptKind},
            message,
            provider::CertifiedMailProvider as _,
            receipts::take,
            signed::{self, Proof, Unbelieved},
            transitions::of_message_id,
        },
        rules::machine::certified_mail::State as Stage,
    },
};

/// Objects that are stored by requests have no attempt: their names are of their own ids.
const NO_ATTEMPT: i64 = 0;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(hand_in))
}

impl From<NoReceipt> for Problem {
    fn from(error: NoReceipt) -> Self {
        Self::rule("no_receipt", error.to_string())
    }
}

impl From<Unbelieved> for Problem {
    fn from(error: Unbelieved) -> Self {
        match error {
            Unbelieved::NoReceipt(error) => error.into(),
            error => Self::rule("not_signed", error.to_string()),
        }
    }
}

/// What has become of a receipt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TakenReceipt)]
struct Taken {
    /// The mail it is about.
    mail_id: CertifiedMailId,
    /// What it certifies.
    kind: ReceiptKind,
    /// Why it is believed.
    proof: Proof,
    /// Whether it was new: one that comes again changes nothing.
    is_new: bool,
    /// Where the mail is in its life now.
    status: Stage,
}

/// Takes a receipt of certified mail as its operator has sent it: a whole mail (RFC 5322) of at most a megabyte, with its
/// `daticert.xml`. May be repeated. For administrators.
#[utoipa::path(post, path = "/certified-mail-receipts", tag = "notary certified mail", security(("bearer" = [])),
    request_body(content = String, content_type = "message/rfc822", description = "The receipt"),
    responses((status = 200, description = "It was taken, or is known already", body = Taken),
        (status = 403, description = "Only administrators may do this"),
        (status = 404, description = "It is about no mail of ours"),
        (status = 413, description = "It is too large"),
        (status = 422, description = "`no_receipt`: it is none, or contradicts itself; `not_signed`: no operator has signed it, for \
            whom a root of `certified_mail.operator_roots` vouches")))]
async fn hand_in(
    State(state): State<AppState>,
    AdminUser(principal): AdminUser,
    client: ClientAddress,
    request: Request,
) -> Answer {
    let limits = BodyLimits { max_bytes: BYTES_MAX, deadline: *state.config.server.body_deadline };
    let raw = read_body(request, limits).await?;
    let now = state.clock.now();
    let (certificate, proof) = signed::read(&raw, state.certified.roots(), now)?;
    let unknown = || Problem::not_found("certified mail");
    let (id, sending) = of_message_id(&certificate.message_id).ok_or_else(unknown)?;
    message::find(&state.db, (&principal).into(), id).await?.ok_or_else(unknown)?;
    let stored = store_receipt(&state.contents, raw.to_vec(), NO_ATTEMPT).await.map_err(Problem::internal)?;
    let mut tx = state.db.begin("notary.certified_mail.hand_in").await?;
    let mut mail = message::lock_any(&mut tx, id).await?.ok_or_else(unknown)?;
    if !(1..=mail.sending).contains(&sending) {
        return Err(unknown());
    }
    let told = take(&mut tx, &mut mail, sending, (&certificate, proof, &stored), now).await?;
    let (kind, is_new, status) = (certificate.kind, told.is_some(), mail.status);
    tell(&state.jobs, &mut tx, &told.unwrap_or_default(), now).await?;
    if is_new {
        let details =
            serde_json::json!({ "kind": kind, "proof": proof, "sending": sending, "status": status });
        let (whom, what) = ((&principal, client), ("certified_mail", id));
        record(&state, &mut tx, whom, "certified_mail.take_receipt", what, details).await?;
    }
    tx.commit().await?;
    Ok((StatusCode::OK, Json(Taken { mail_id: id, kind, proof, is_new, status })).into_response())
}
