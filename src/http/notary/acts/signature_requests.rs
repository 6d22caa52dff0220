//! Requests to sign a document: the office asks, both sides read. What the signer does with them: `signature_answers`.

use axum::{
    extract::State,
    http::{HeaderMap, Method},
    response::IntoResponse as _,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::locked_by_office;
use crate::{
    audit::{self, Entry},
    documents::versions::{self, Content},
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        documents::{DocumentContent, PRIVATE, serve},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        notary::told,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{ActId, DocumentId, SignatureRequestId, UserId},
    jobs::notary::{SendSignatureMail, SignatureMail},
    notary::{
        acts::act,
        agenda::appointment::Reader,
        rules::machine::signature_request::State as Stage,
        signatures::{
            asking::{self, Ask, RequestError},
            request::{self, SignatureRequest},
        },
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(of_act, create))
        .routes(routes!(mine))
        .routes(routes!(show))
        .routes(routes!(content))
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        let detail = error.to_string();
        match error {
            RequestError::Forbidden(forbidden) => forbidden.into(),
            RequestError::Closed => Self::conflict("act_closed", detail),
            RequestError::NotOfTheCase => Self::rule("not_of_the_case", detail),
            RequestError::NoSuchDocument => Self::rule("unknown_document", detail),
            RequestError::NotPdf => Self::rule("not_pdf", detail),
            RequestError::Twice => Self::conflict("already_asked", detail),
            RequestError::TooMany => Self::conflict("too_many_requests", detail),
            RequestError::Expired => Self::conflict("expired", detail),
            RequestError::Changed => Self::conflict("document_changed", detail),
            RequestError::WrongCode => Self::forbidden("wrong_code", detail),
            RequestError::NoMoreCodes => Self::conflict("too_many_codes", detail),
            RequestError::Db(error) => error.into(),
        }
    }
}

/// Lists the requests to sign documents of an act, the newest first: its office sees all, others those to themselves.
#[utoipa::path(get, path = "/acts/{id}/signature-requests", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The act"), PageParameters),
    responses((status = 200, description = "A page of requests", body = Page<SignatureRequest>)))]
async fn of_act(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<ActId>,
    list: Listing<NoFilters, SignatureRequestId>,
) -> Answer {
    let reader = Reader { user: principal.user, is_admin: false };
    act::find(&state.db, reader, id).await?.ok_or_else(|| Problem::not_found("act"))?;
    let found = request::of_act(&state.db, (principal.user, id), list.after, list.fetch()).await?;
    Ok(list.answer(found, |it| it.id, |it| it))
}

/// What is to be signed, by whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSignatureRequest)]
struct NewRequest {
    /// A PDF that was handed in for the act's appointment, or one of one's own.
    document_id: DocumentId,
    /// The client, a partner who takes part, or the notary.
    signer_id: UserId,
    /// What is said with it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    message: String,
}

/// Asks somebody of the case to sign the newest version of a PDF; they are written to.
#[utoipa::path(post, path = "/acts/{id}/signature-requests", tag = "notary acts", security(("bearer" = [])),
    request_body = NewRequest, params(("id" = uuid::Uuid, Path, description = "The act")),
    responses((status = 201, description = "The request", body = SignatureRequest),
        (status = 403, description = "`not_for_you`; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`already_asked`, `act_closed`, `too_many_requests`"),
        (status = 422, description = "`not_of_the_case`, `unknown_document`, `not_pdf`, or the body is wrong")))]
async fn create(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<ActId>,
    Keyed { body, request }: Keyed<NewRequest>,
) -> Answer {
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let mut checks = Checks::default();
    let message = checks.text("/message", &body.message, 0..=1000).to_owned();
    checks.done()?;
    let mut tx = state.db.begin("notary.signature_requests.ask").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let of = locked_by_office(&mut tx, &principal, id, now).await?;
    let life = SignedDuration::try_from(*state.config.signature.request_life).map_err(Problem::internal)?;
    let expires_at = now.checked_add(life).unwrap_or(Timestamp::MAX);
    let ask = Ask { document: body.document_id, signer: body.signer_id, message: &message, expires_at };
    let made = SignatureRequestId::new(now);
    asking::ask(&mut tx, (made, &of), &ask, principal.user, now).await?;
    let mail = SendSignatureMail { request: made, user: body.signer_id, occasion: SignatureMail::Asked };
    state.jobs.insert(&mut tx, &[mail.new_job()]).await?;
    let details =
        serde_json::json!({ "request": made, "document": body.document_id, "signer": body.signer_id });
    let entry =
        Entry { details, ..told::entry(&state, (&principal, client), "act.ask_signature", ("act", id)) };
    audit::record(&mut tx, &[entry]).await?;
    let found = request::lock(&mut tx, principal.user, made).await?;
    let found = found.ok_or_else(|| Problem::not_found("signature request"))?;
    let outcome = Outcome::created(format!("/api/v1/signature-requests/{made}"), &found)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Where they are in their life.
    #[param(inline)]
    status: Option<Stage>,
}

/// Lists the requests to oneself, the newest first.
#[utoipa::path(get, path = "/me/signature-requests", tag = "notary acts", security(("bearer" = [])),
    params(Filters, PageParameters),
    responses((status = 200, description = "A page of requests", body = Page<SignatureRequest>)))]
async fn mine(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    list: Listing<Filters, SignatureRequestId>,
) -> Answer {
    let status = list.filters.status;
    let found = request::of_signer(&state.db, principal.user, status, list.after, list.fetch()).await?;
    Ok(list.answer(found, |it| it.id, |it| it))
}

/// A request that this person sees.
pub(super) async fn seen(
    state: &AppState,
    user: UserId,
    id: SignatureRequestId,
) -> Result<SignatureRequest, Problem> {
    let found = request::find(&state.db, user, id).await?;
    found.ok_or_else(|| Problem::not_found("signature request"))
}

/// Shows a request to sign a document, to who is asked and to the office that asks.
#[utoipa::path(get, path = "/signature-requests/{id}", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, description = "The request", body = SignatureRequest)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<SignatureRequestId>,
) -> Answer {
    Ok(Json(seen(&state, principal.user, id).await?).into_response())
}

/// The content of a request: what is to be signed, or what is signed. `None` when the document is not held any more.
pub(super) async fn content_of(
    state: &AppState,
    request: &SignatureRequest,
) -> Result<Option<Content>, Problem> {
    let number = request.signed_version.unwrap_or(request.document_version);
    match request.document_id {
        Some(document) => Ok(versions::held(&state.db, document, number).await?),
        None => Ok(None),
    }
}

/// Sends what is to be signed or, when it is, what was signed.
#[utoipa::path(get, path = "/signature-requests/{id}/content", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request"),
        ("Range" = Option<String>, Header, description = "One range of bytes; of several the whole is sent")),
    responses((status = 200, description = "The PDF", body = inline(DocumentContent), content_type = "application/pdf"),
        (status = 206, description = "The part that was asked for", body = inline(DocumentContent),
            content_type = "application/pdf"),
        (status = 304, description = "The client has it"),
        (status = 409, description = "`document_changed`: it is gone"),
        (status = 416, description = "The file is shorter")))]
async fn content(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<SignatureRequestId>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let found = seen(&state, principal.user, id).await?;
    let content = content_of(&state, &found).await?.ok_or(RequestError::Changed)?;
    serve(&state, &content, (&method, &headers), PRIVATE, async |_| {
        let thing = ("act", found.act_id);
        let details = serde_json::json!({ "request": id });
        let told = told::entry(&state, (&principal, client), "act.read_to_sign", thing);
        let mut tx = state.db.begin("notary.signature_requests.read").await?;
        audit::record(&mut tx, &[Entry { details, ..told }]).await?;
        Ok(tx.commit().await?)
    })
    .await
}
