//! What the signer does with a request: has a code mailed, signs with it, or refuses.

use std::pin::pin;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    signature_requests::{content_of, seen},
    signing::store,
};
use crate::{
    accounts::policy::Principal,
    actors::data::contents::ContentError,
    audit::{self, Entry},
    db::Tx,
    documents::{made::AnotherVersion, publish::Stored, versions::Content},
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        extract::{Json, Path},
        notary::told,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::SignatureRequestId,
    jobs::notary::{SendSignatureMail, SignatureMail},
    notary::{
        rules::machine::signature_request::Event,
        signatures::{
            answering,
            asking::RequestError,
            request::{self, SignatureRequest},
            signer,
        },
    },
    signing::{
        SignedPdf,
        pades::{PdfError, Statement},
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(code)).routes(routes!(transition))
}

async fn locked(
    tx: &mut Tx,
    principal: &Principal,
    id: SignatureRequestId,
) -> Result<SignatureRequest, Problem> {
    let found = request::lock(tx, principal.user, id).await?;
    found.ok_or_else(|| Problem::not_found("signature request"))
}

/// Has a code of six digits mailed to the signer, good for ten minutes: it proves that it is they who sign.
#[utoipa::path(post, path = "/signature-requests/{id}/code", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 202, description = "A mail is on its way"),
        (status = 403, description = "`not_for_you`: somebody else is asked"),
        (status = 409, description = "`not_in_this_state`, `expired`, `too_many_codes`")))]
async fn code(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<SignatureRequestId>,
) -> Answer {
    let now = state.clock.now();
    let mut tx = state.db.begin("notary.signature_requests.code").await?;
    let found = locked(&mut tx, &principal, id).await?;
    answering::may_have_code(&mut tx, &found, now).await?;
    let mail = SendSignatureMail { request: id, user: principal.user, occasion: SignatureMail::Code };
    state.jobs.insert(&mut tx, &[mail.new_job()]).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// What is to happen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignatureRequestTransition)]
struct Transition {
    /// `sign` or `reject`.
    event: Event,
    /// Of signing: the code that was mailed.
    #[schema(min_length = 6, max_length = 6, pattern = "^[0-9]{6}$")]
    code: Option<String>,
    /// Of refusing: why.
    #[schema(min_length = 1, max_length = 1000)]
    reason: Option<String>,
}

fn checked(body: &Transition) -> Result<Transition, Problem> {
    let mut checks = Checks::default();
    let (is_signed, is_rejected) = (body.event == Event::Sign, body.event == Event::Reject);
    let code = body.code.as_deref().map(|code| checks.line("/code", code, 6..=6).to_owned());
    checks.ensure(!is_signed || code.is_some(), "/code", "required", "the code that was mailed");
    checks.ensure(is_signed || code.is_none(), "/code", "not_allowed", "only signing takes a code");
    let reason = body.reason.as_deref().map(|reason| checks.text("/reason", reason, 1..=1000).to_owned());
    checks.ensure(!is_rejected || reason.is_some(), "/reason", "required", "say why");
    checks.ensure(is_rejected || reason.is_none(), "/reason", "not_allowed", "only refusing has a reason");
    checks.ensure(is_signed || is_rejected, "/event", "not_allowed", "requests expire by themselves");
    checks.done()?;
    Ok(Transition { event: body.event, code, reason })
}

/// Signs the document of a request (PAdES with a time stamp), as a new version of it, or refuses. Signing takes the code that
/// was mailed (`/signature-requests/{id}/code`), refusing a reason.
#[utoipa::path(post, path = "/signature-requests/{id}/transitions", tag = "notary acts", security(("bearer" = [])),
    request_body = Transition, params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, description = "The request", body = SignatureRequest),
        (status = 403, description = "`not_for_you`: somebody else is asked; `wrong_code`"),
        (status = 409, description = "`not_in_this_state`, `expired`; `document_changed` since it was asked for"),
        (status = 422, description = "`not_pdf`, `pdf_encrypted`, `pdf_damaged`, `pdf_too_large`, `pdf_certified`, or the \
            body is wrong"),
        (status = 503, description = "`signature_provider_away`, `time_stamp_provider_away`: nothing has changed")))]
async fn transition(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<SignatureRequestId>,
    Json(body): Json<Transition>,
) -> Answer {
    let body = checked(&body)?;
    let asked = Asked { state: &state, principal: &principal, client, id };
    match body.code {
        Some(code) => asked.sign(&code).await,
        None => asked.reject(&body.reason.unwrap_or_default()).await,
    }
}

struct Asked<'a> {
    state: &'a AppState,
    principal: &'a Principal,
    client: ClientAddress,
    id: SignatureRequestId,
}

impl Asked<'_> {
    async fn reject(&self, reason: &str) -> Answer {
        let now = self.state.clock.now();
        let mut tx = self.state.db.begin("notary.signature_requests.reject").await?;
        let found = locked(&mut tx, self.principal, self.id).await?;
        answering::reject(&mut tx, &found, reason, now).await?;
        let details = serde_json::json!({ "request": self.id });
        self.done(tx, &found, ("act.refuse_signature", details)).await
    }

    async fn sign(&self, code: &str) -> Answer {
        let state = self.state;
        let found = self.allowed(code).await?;
        let who = signer::of(&state.db, self.principal.user).await?;
        let who = who.ok_or_else(|| Problem::not_found("signature request"))?;
        let _turn = state.signing.turn(format!("{:?}", found.document_id)).await;
        let now = state.clock.now();
        let content = content_of(state, &found).await?.ok_or(RequestError::Changed)?;
        let pdf = whole(state, &content).await?;
        let statement = Statement {
            name: who.person.full_name(),
            reason: found.title.clone(),
            location: String::new(),
            at: now,
        };
        let signed = state.signing.pdf(pdf, &who, statement).await?;
        let (_, stored) = store(state, &signed, now).await?;
        self.keep(code, &content, (&signed, &stored)).await
    }

    /// The request, if it may be signed now with this code. A wrong one is counted.
    async fn allowed(&self, code: &str) -> Result<SignatureRequest, Problem> {
        let mut tx = self.state.db.begin("notary.signature_requests.prove").await?;
        let found = locked(&mut tx, self.principal, self.id).await?;
        let proof = (self.state.signing.codes(), code);
        match answering::may_sign(&mut tx, &found, proof, self.state.clock.now()).await {
            Ok(()) => {
                tx.rollback().await?;
                Ok(found)
            }
            Err(error) => {
                tx.commit().await?;
                Err(error.into())
            }
        }
    }

    /// Keeps what was signed, if the request may still be signed and the document is what it was. If not, what was stored is
    /// found at night: no row names it.
    async fn keep(&self, code: &str, content: &Content, (signed, stored): (&SignedPdf, &Stored)) -> Answer {
        let now = self.state.clock.now();
        let mut tx = self.state.db.begin("notary.signature_requests.sign").await?;
        let found = locked(&mut tx, self.principal, self.id).await?;
        let proof = (self.state.signing.codes(), code);
        answering::may_sign(&mut tx, &found, proof, now).await?;
        let version = AnotherVersion {
            document: found.document_id.ok_or(RequestError::Changed)?,
            based_on: found.document_version,
            by: self.principal.user,
            name: &content.version.name,
            stored,
        };
        let SignedPdf { serial, stamped_at, .. } = signed;
        answering::sign(&mut tx, &found, &version, (serial, *stamped_at), now).await?;
        let details = serde_json::json!({
            "request": self.id, "document": version.document, "sha256": stored.sha256.hex(),
            "certificate": data_encoding::HEXLOWER.encode(serial),
        });
        self.done(tx, &found, ("act.sign_document", details)).await
    }

    async fn done(
        &self,
        mut tx: Tx,
        request: &SignatureRequest,
        (action, details): (&'static str, serde_json::Value),
    ) -> Result<Response, Problem> {
        let who = (self.principal, self.client);
        let entry = Entry { details, ..told::entry(self.state, who, action, ("act", request.act_id)) };
        audit::record(&mut tx, &[entry]).await?;
        tx.commit().await?;
        Ok(Json(seen(self.state, self.principal.user, self.id).await?).into_response())
    }
}

/// All of a content, if it is not too large to be signed.
async fn whole(state: &AppState, content: &Content) -> Result<Bytes, Problem> {
    let size = content.version.bytes.unsigned_abs();
    if size > state.signing.limits().bytes as u64 {
        return Err(PdfError::TooLarge.into());
    }
    let mut opened = pin!(state.contents.open(content, 0..size).await?);
    let mut bytes = BytesMut::with_capacity(size as usize);
    while let Some(piece) = opened.next().await {
        bytes.extend_from_slice(&piece.map_err(ContentError::BrokeOff)?);
    }
    Ok(bytes.freeze())
}
