//! The documents that an appointment needs: handed in by the client, accepted or refused by the office.

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse as _,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{Teller, locked, locked_by_office, tagged};
use crate::{
    db::Tx,
    documents::versions,
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        documents::{DocumentContent, PRIVATE, serve},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{AppointmentId, DocumentId, PaperId},
    jobs::notary::tell,
    notary::agenda::{
        appointment::{self, Appointment},
        papers::{self, Paper},
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, ask_for))
        .routes(routes!(put, take_back))
        .routes(routes!(content))
        .routes(routes!(review))
        .routes(routes!(submit))
}

/// All documents of an appointment: there are never more than sixty.
#[derive(Serialize, ToSchema)]
struct Papers {
    /// As the catalogue orders them.
    data: Vec<Paper>,
}

async fn locked_paper(tx: &mut Tx, appointment: &Appointment, id: PaperId) -> Result<Paper, Problem> {
    papers::lock(tx, appointment.id, id).await?.ok_or_else(|| Problem::not_found("document"))
}

/// Lists the documents that an appointment needs.
#[utoipa::path(get, path = "/appointments/{id}/documents", tag = "notary agenda", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The appointment")),
    responses((status = 200, description = "The documents", body = Papers)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<AppointmentId>,
) -> Answer {
    let found = appointment::find(&state.db, (&principal).into(), id).await?;
    found.ok_or_else(|| Problem::not_found("appointment"))?;
    let data = papers::list(&state.db, (&principal).into(), id).await?;
    Ok(Json(Papers { data }).into_response())
}

/// A document to be asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskForDocument)]
struct Ask {
    /// The type, of the catalogue.
    #[schema(min_length = 1, max_length = 50)]
    document_type: String,
    /// Whether nothing goes on without it.
    #[serde(default)]
    is_mandatory: bool,
}

/// Asks the client for a document besides those of the type of act; the client is told. For the office.
#[utoipa::path(post, path = "/appointments/{id}/documents", tag = "notary agenda", security(("bearer" = [])),
    request_body = Ask, params(("id" = uuid::Uuid, Path, description = "The appointment")),
    responses((status = 201, description = "The document", body = Paper),
        (status = 403, description = "`not_for_you`: this is for the office"),
        (status = 409, description = "`already_required`, `too_many_documents`, `not_in_this_state`"),
        (status = 422, description = "`unknown_document_type`, or the body is wrong")))]
async fn ask_for(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<AppointmentId>,
    Keyed { body, request }: Keyed<Ask>,
) -> Answer {
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let mut checks = Checks::default();
    let code = checks.line("/document_type", &body.document_type, 1..=50).to_owned();
    checks.done()?;
    let mut tx = state.db.begin("notary.papers.ask_for").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let found = locked_by_office(&mut tx, &principal, id).await?;
    let new = (PaperId::new(now), code.as_str(), body.is_mandatory);
    let (paper, told) = papers::ask_for(&mut tx, &found, new, now).await?;
    tell(&state.jobs, &mut tx, &told, now).await?;
    let details = serde_json::json!({ "document_type": code });
    Teller { principal: &principal, client }
        .of(&state, &mut tx, "appointment.ask_for_document", id, details)
        .await?;
    let outcome = Outcome::created(format!("/api/v1/appointments/{id}/documents"), &paper)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

/// A file for a document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PutAppointmentDocument)]
struct Put {
    /// A document of one's own in the store: upload it there first. Its newest version is taken.
    document_id: DocumentId,
}

/// Puts a file in the place of a document. The client's can be replaced until it is handed in; the office's is accepted at
/// once. While it is here it cannot be deleted from the store.
#[utoipa::path(put, path = "/appointments/{id}/documents/{paper}", tag = "notary agenda", security(("bearer" = [])),
    request_body = Put,
    params(("id" = uuid::Uuid, Path, description = "The appointment"), ("paper" = uuid::Uuid, Path, description = "The document")),
    responses((status = 200, description = "The document", body = Paper),
        (status = 403, description = "`not_for_you`"),
        (status = 409, description = "`not_in_this_state`: it was handed in or accepted already"),
        (status = 422, description = "`unknown_document`: there is none of yours with this id")))]
async fn put(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path((id, paper)): Path<(AppointmentId, PaperId)>,
    Json(body): Json<Put>,
) -> Answer {
    let mut tx = state.db.begin("notary.papers.put").await?;
    let found = locked(&mut tx, &principal, id).await?;
    let paper = locked_paper(&mut tx, &found, paper).await?;
    let file = (body.document_id, principal.user);
    let changed = papers::put(&mut tx, &found, &paper, file, state.clock.now()).await?;
    let details = serde_json::json!({ "document_type": paper.document_type, "document": body.document_id });
    Teller { principal: &principal, client }
        .of(&state, &mut tx, "appointment.put_document", id, details)
        .await?;
    tx.commit().await?;
    Ok(Json(changed).into_response())
}

/// Takes a file back that was not handed in yet. For the client.
#[utoipa::path(delete, path = "/appointments/{id}/documents/{paper}", tag = "notary agenda", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The appointment"), ("paper" = uuid::Uuid, Path, description = "The document")),
    responses((status = 204, description = "Taken back"), (status = 403, description = "`not_for_you`"),
        (status = 409, description = "`not_in_this_state`: it was handed in already")))]
async fn take_back(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path((id, paper)): Path<(AppointmentId, PaperId)>,
) -> Answer {
    let mut tx = state.db.begin("notary.papers.take_back").await?;
    let found = locked(&mut tx, &principal, id).await?;
    if !found.standing.is_client {
        return Err(Problem::forbidden("not_for_you", "this is for the client"));
    }
    let paper = locked_paper(&mut tx, &found, paper).await?;
    papers::take_back(&mut tx, &paper, state.clock.now()).await?;
    let details = serde_json::json!({ "document_type": paper.document_type });
    Teller { principal: &principal, client }
        .of(&state, &mut tx, "appointment.take_document_back", id, details)
        .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Hands all files in that are here. With it the office begins to look at them, and nothing mandatory may be missing. For the
/// client.
#[utoipa::path(post, path = "/appointments/{id}/submission", tag = "notary agenda", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The appointment")),
    responses((status = 200, description = "The appointment, with its ETag", body = Appointment),
        (status = 403, description = "`not_for_you`"),
        (status = 409, description = "`documents_missing`; `not_in_this_state`")))]
async fn submit(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<AppointmentId>,
) -> Answer {
    let now = state.clock.now();
    let mut tx = state.db.begin("notary.papers.submit").await?;
    let found = locked(&mut tx, &principal, id).await?;
    let told = papers::submit(&mut tx, &found, now).await?;
    tell(&state.jobs, &mut tx, &told, now).await?;
    let teller = Teller { principal: &principal, client };
    teller.of(&state, &mut tx, "appointment.submit_documents", id, serde_json::json!({})).await?;
    let changed = appointment::lock(&mut tx, (&principal).into(), id).await?;
    tx.commit().await?;
    Ok(tagged(StatusCode::OK, &changed.ok_or_else(|| Problem::not_found("appointment"))?))
}

/// What the office thinks of a file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReviewDocument)]
struct Review {
    /// Whether it is as it must be.
    is_accepted: bool,
    /// Why it is not; needed then, and the client is told.
    #[schema(min_length = 1, max_length = 1000)]
    reason: Option<String>,
}

/// Accepts a file that was handed in, or refuses it with a reason. With the last one the appointment moves on. For the office.
#[utoipa::path(put, path = "/appointments/{id}/documents/{paper}/review", tag = "notary agenda", security(("bearer" = [])),
    request_body = Review,
    params(("id" = uuid::Uuid, Path, description = "The appointment"), ("paper" = uuid::Uuid, Path, description = "The document")),
    responses((status = 200, description = "The appointment, with its ETag", body = Appointment),
        (status = 403, description = "`not_for_you`"),
        (status = 409, description = "`not_in_this_state`: it was not handed in, or reviewed already")))]
async fn review(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path((id, paper)): Path<(AppointmentId, PaperId)>,
    Json(body): Json<Review>,
) -> Answer {
    let now = state.clock.now();
    let mut checks = Checks::default();
    let reason = body.reason.as_deref().map(|reason| checks.text("/reason", reason, 1..=1000).to_owned());
    checks.ensure(body.is_accepted || reason.is_some(), "/reason", "required", "say why: the client is told");
    checks.ensure(
        !body.is_accepted || reason.is_none(),
        "/reason",
        "not_allowed",
        "only refusals have a reason",
    );
    checks.done()?;
    let mut tx = state.db.begin("notary.papers.review").await?;
    let found = locked(&mut tx, &principal, id).await?;
    if !(found.may_review || found.standing.is_admin) {
        return Err(Problem::forbidden("not_for_you", "this is for who reviews documents in the office"));
    }
    let paper = locked_paper(&mut tx, &found, paper).await?;
    let told = papers::review(&mut tx, &found, &paper, reason.as_deref(), principal.user, now).await?;
    tell(&state.jobs, &mut tx, &told, now).await?;
    let details =
        serde_json::json!({ "document_type": paper.document_type, "is_accepted": body.is_accepted });
    Teller { principal: &principal, client }
        .of(&state, &mut tx, "appointment.review_document", id, details)
        .await?;
    let changed = appointment::lock(&mut tx, (&principal).into(), id).await?;
    tx.commit().await?;
    Ok(tagged(StatusCode::OK, &changed.ok_or_else(|| Problem::not_found("appointment"))?))
}

/// Sends the file of a document, to the client and to who reviews documents in the office; before it is handed in to the
/// client alone.
#[utoipa::path(get, path = "/appointments/{id}/documents/{paper}/content", tag = "notary agenda", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The appointment"), ("paper" = uuid::Uuid, Path, description = "The document"),
        ("Range" = Option<String>, Header, description = "One range of bytes; of several the whole is sent"),
        ("If-Range" = Option<String>, Header, description = "The ETag of the part that one has")),
    responses((status = 200, description = "The file; `Repr-Digest` has its SHA-256", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 206, description = "The part that was asked for", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 304, description = "The client has it"), (status = 416, description = "The file is shorter")))]
async fn content(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path((id, paper)): Path<(AppointmentId, PaperId)>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let file = papers::file_of(&state.db, (&principal).into(), id, paper).await?;
    let (document, number) = file.ok_or_else(|| Problem::not_found("document"))?;
    let content = versions::held(&state.db, document, number).await?;
    let content = content.ok_or_else(|| Problem::not_found("document"))?;
    serve(&state, &content, (&method, &headers), PRIVATE, async |_| {
        let mut tx = state.db.begin("notary.papers.read").await?;
        let details = serde_json::json!({ "document": document, "version": number });
        Teller { principal: &principal, client }
            .of(&state, &mut tx, "appointment.read_document", id, details)
            .await?;
        Ok(tx.commit().await?)
    })
    .await
}
