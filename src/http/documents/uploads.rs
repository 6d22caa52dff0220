//! tus 1.0: files in pieces, each of which may be the last that got through. The row of the upload says where to go on.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    receive::{Arriving, receive, settled},
    sending::{self, Announced},
    told::Teller,
    tus::{self, Checksum, Metadata},
};
use crate::{
    accounts::policy::Principal,
    documents::uploads::{self, State as UploadState, Upload, UploadError},
    http::{
        auth::CurrentUser,
        conditional::IfMatch,
        extract::{Json, Path},
        idempotency::{self, KeyedRequest, Outcome},
        problem::{Answer, FieldError, Problem},
        state::AppState,
        upload::unsupported,
    },
    ids::UploadId,
    jobs::documents::RemoveObjects,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(options, create)).routes(routes!(show, add, terminate))
}

/// Says what this server knows of tus.
#[utoipa::path(options, path = "/uploads", tag = "uploads",
    responses((status = 204, description = "See `Tus-Version`, `Tus-Extension`, `Tus-Max-Size` and `Tus-Checksum-Algorithm`")))]
async fn options(State(state): State<AppState>) -> Response {
    const EXTENSIONS: HeaderValue =
        HeaderValue::from_static("creation,creation-with-upload,expiration,termination,checksum");
    let headers = [
        (tus::VERSION, tus::ONE),
        (tus::EXTENSION, EXTENSIONS),
        (tus::MAX_SIZE, HeaderValue::from(*state.config.documents.max_bytes)),
        (tus::ALGORITHMS, HeaderValue::from_static("sha1,sha256")),
    ];
    tus::answered(Ok((StatusCode::NO_CONTENT, headers).into_response()))
}

/// Announces a file (tus: creation, also with its first bytes as the body). `Upload-Metadata` has `filename` and may have
/// `filetype`, `title`, `desk`, and `document`: the file becomes a new version of that one, with its ETag in `If-Match`.
#[utoipa::path(post, path = "/uploads", tag = "uploads", security(("bearer" = [])),
    params(("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Length" = String, Header, description = "How many bytes there will be"),
        ("Upload-Metadata" = String, Header, description = "`filename` and the like, each value in base64"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the document, with `document`")),
    responses((status = 201, description = "`Location` takes the bytes, `Upload-Expires` says for how long"),
        (status = 409, description = "`quota_exceeded`; `in_use`: the document to be replaced is a paper of a desk"),
        (status = 412, description = "Another version of tus, or the document was changed meanwhile"),
        (status = 413, description = "The file is too large"), (status = 415, description = "The body is no piece of a file"),
        (status = 422, description = "`unsafe_name` and the like"), (status = 428, description = "If-Match is missing")))]
async fn create(
    State(state): State<AppState>,
    teller: Teller,
    if_match: IfMatch,
    request: Request,
) -> Response {
    tus::answered(created(&state, teller, if_match, request).await)
}

async fn created(state: &AppState, teller: Teller, if_match: IfMatch, request: Request) -> Answer {
    let principal = teller.principal;
    let (mut parts, body) = request.into_parts();
    tus::check_version(&parts.headers)?;
    let metadata = Metadata::read(&parts.headers)?;
    let length = tus::number(&parts.headers, &tus::LENGTH)?.ok_or_else(|| {
        let error = FieldError::header("upload-length", "required", "say how many bytes there will be");
        Problem::invalid_parameters(vec![error])
    })?;
    let has_body = is_piece(&parts.headers)?;
    let checksum = Checksum::read(&parts.headers)?;
    let mut hash = Sha256::new();
    for name in [&tus::LENGTH, &tus::METADATA] {
        hash.update(parts.headers.get(name).map_or(&[][..], HeaderValue::as_bytes));
        hash.update([0]);
    }
    let claim =
        KeyedRequest::read(&mut parts).await?.with_fingerprint(hash.finalize().into()).claim(principal.user);
    let announced = Announced {
        user: principal.user,
        document: metadata.document.as_deref().map(sending::document_id).transpose()?,
        title: metadata.title,
        desk: metadata.desk,
        name: metadata.name,
        declared_type: metadata.kind,
        length,
        beside: 0,
        is_resumable: true,
    };
    let now = state.clock.now();
    let mut tx = state.db.begin("documents.uploads.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let document = announced.document;
    let Some(new) = announced.announce(&mut tx, state, &if_match).await? else {
        drop(tx);
        let refused = document.map(|id| teller.not_allowed(state, "document.add_version", id));
        return Err(refused.ok_or_else(|| Problem::internal("a new document needs no right"))?.await?);
    };
    let location = format!("/api/v1/uploads/{}", new.id);
    let outcome = Outcome::created(location, &serde_json::json!({ "id": new.id }))?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    let headers = response.headers_mut();
    headers.extend(tus::expires(new.expires_at).map(|date| (tus::EXPIRES, date)));
    headers.insert(tus::OFFSET, HeaderValue::from(0));
    if has_body {
        let to = Arriving { id: new.id, user: principal.user, offset: 0, length };
        let upload = added(state, to, checksum, body).await?;
        response.headers_mut().insert(tus::OFFSET, upload.offset.into());
    }
    Ok(response)
}

/// Whether there is a piece in the body.
fn is_piece(headers: &HeaderMap) -> Result<bool, Problem> {
    let is_empty = headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
        && !headers.contains_key(header::TRANSFER_ENCODING);
    match headers.get(header::CONTENT_TYPE) {
        Some(kind) if kind == tus::PIECE => Ok(!is_empty),
        _ if is_empty => Ok(false),
        _ => Err(unsupported("send the bytes as application/offset+octet-stream")),
    }
}

/// Receives a piece; a file that is complete with it is waited for.
async fn added(
    state: &AppState,
    to: Arriving,
    checksum: Option<Checksum>,
    body: Body,
) -> Result<Upload, Problem> {
    let place = state.documents.place()?;
    let (desk, state) = (state.documents.clone(), state.clone());
    desk.detached(async move {
        let received = receive(&state, to, checksum, body.into_data_stream()).await?;
        drop(place);
        let Some(job) = received.job else {
            return match received.upload {
                Some(upload) => Ok(upload),
                None => {
                    uploads::find(&state.db, to.user, to.id).await?.ok_or_else(|| UploadError::Unknown.into())
                }
            };
        };
        let upload = settled(&state, to.user, to.id, job).await?;
        match upload.problem {
            Some(refusal) => Err(refusal.into()),
            None => Ok(upload),
        }
    })
    .await
}

/// Shows an upload of one's own; its headers are those of tus, also for HEAD.
#[utoipa::path(get, path = "/uploads/{id}", tag = "uploads", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The upload")),
    responses((status = 200, description = "How far it is, also in `Upload-Offset`", body = Upload)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<UploadId>,
) -> Response {
    let found = async || {
        let upload = live(&state, &principal, id).await?;
        let mut headers = HeaderMap::new();
        tus::describe(&upload, &mut headers);
        Ok((headers, Json(upload)).into_response())
    };
    tus::answered(found().await)
}

/// An upload that has not expired.
async fn live(state: &AppState, principal: &Principal, id: UploadId) -> Result<Upload, Problem> {
    let upload = uploads::find(&state.db, principal.user, id).await?;
    let now = state.clock.now();
    upload.filter(|upload| upload.expires_at > now).ok_or_else(|| UploadError::Unknown.into())
}

/// Adds a piece at `Upload-Offset`. What arrived of a body that broke off is kept, unless it has an `Upload-Checksum`. After
/// the last piece the file is checked and stored: what is wrong with it is told here, or in the upload.
#[utoipa::path(patch, path = "/uploads/{id}", tag = "uploads", security(("bearer" = [])),
    request_body(content = String, content_type = "application/offset+octet-stream", description = "The bytes"),
    params(("id" = uuid::Uuid, Path, description = "The upload"),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = String, Header, description = "Where they belong"),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha256` or `sha1` and the hash in base64")),
    responses((status = 204, description = "Added; `Upload-Offset` says where to go on"),
        (status = 409, description = "`offset_mismatch`: ask where to go on; `upload_complete`"),
        (status = 412, description = "Another version of tus, or the document was changed meanwhile"),
        (status = 413, description = "There is more than was announced"),
        (status = 415, description = "The body is no piece, or the file is of no kind that is taken, or not what it says"),
        (status = 422, description = "The file is damaged, or holds what may not come in"),
        (status = 460, description = "The body is not what its checksum says")))]
async fn add(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<UploadId>,
    request: Request,
) -> Response {
    tus::answered(piece(&state, &principal, id, request).await)
}

async fn piece(state: &AppState, principal: &Principal, id: UploadId, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    tus::check_version(&parts.headers)?;
    if parts.headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != tus::PIECE) {
        return Err(unsupported("send the bytes as application/offset+octet-stream"));
    }
    let offset = tus::number(&parts.headers, &tus::OFFSET)?.ok_or_else(|| {
        let error = FieldError::header("upload-offset", "required", "say where the bytes belong");
        Problem::invalid_parameters(vec![error])
    })?;
    let checksum = Checksum::read(&parts.headers)?;
    // A look before anything is read; committing a part decides.
    let upload = live(state, principal, id).await?;
    if upload.state != UploadState::Receiving {
        return Err(UploadError::Complete.into());
    }
    if upload.offset != offset {
        return Err(UploadError::Elsewhere(upload.offset).into());
    }
    let announced = tus::number(&parts.headers, &header::CONTENT_LENGTH)?;
    if announced.is_some_and(|length| length > upload.length - offset) {
        let detail = "there is more than was announced";
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "upload_too_long", detail));
    }
    let to = Arriving { id, user: principal.user, offset, length: upload.length };
    let upload = added(state, to, checksum, body).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    tus::describe(&upload, response.headers_mut());
    Ok(response)
}

/// Removes an upload of one's own that is not being finished (tus: termination).
#[utoipa::path(delete, path = "/uploads/{id}", tag = "uploads", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The upload"),
        ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses((status = 204, description = "Removed"),
        (status = 409, description = "`upload_complete`: it is being checked and stored"),
        (status = 412, description = "Another version of tus")))]
async fn terminate(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
) -> Response {
    let terminated = async || {
        tus::check_version(&headers)?;
        remove(&state, &principal, id).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    tus::answered(terminated().await)
}

/// Removes an upload with its parts.
pub(super) async fn remove(state: &AppState, principal: &Principal, id: UploadId) -> Result<(), Problem> {
    let mut tx = state.db.begin("documents.uploads.terminate").await?;
    match uploads::terminate(&mut tx, principal.user, id).await? {
        None => return Err(UploadError::Unknown.into()),
        Some(false) => return Err(UploadError::Complete.into()),
        Some(true) => {}
    }
    state.jobs.enqueue(&mut tx, &RemoveObjects::of_upload(id)).await?;
    tx.commit().await?;
    Ok(())
}
