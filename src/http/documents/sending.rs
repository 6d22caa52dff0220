//! Sending a file whole, in one request: a new document as a form, a new version as the bare file. It takes the same way as
//! a file in pieces, and leaves nothing when it is refused or breaks off.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::SignedDuration;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    desk::RECEIVING_MAX,
    form,
    library::tagged,
    receive::{Arriving, receive, settled},
    told::Teller,
    uploads::remove,
};
use crate::{
    accounts::policy::Principal,
    db::Tx,
    documents::{
        Viewer,
        check::clean_name,
        documents::{self, DESK_MAX, Document, PERSONAL, TITLE_MAX, Wish},
        uploads::{self, New, State as UploadState, Upload},
    },
    http::{
        auth::CurrentUser,
        conditional::{ETag, IfMatch},
        extract::{Json, Path, Query},
        idempotency::KeyedRequest,
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
        upload::unsupported,
        validate::Checks,
    },
    ids::{DocumentId, UploadId, UserId},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(replace))
}

/// A file that somebody wants to send, as they say it.
pub(super) struct Announced {
    pub(super) user: UserId,
    /// It becomes a new version of this document.
    pub(super) document: Option<DocumentId>,
    pub(super) title: Option<String>,
    pub(super) desk: Option<String>,
    pub(super) name: Option<String>,
    pub(super) declared_type: Option<String>,
    pub(super) length: i64,
    /// So much of that may be what comes with it in a form.
    pub(super) beside: i64,
    /// Its client knows its id, and goes on with it when the line breaks.
    pub(super) is_resumable: bool,
}

/// Longest media type that is written down.
const TYPE_MAX: usize = 200;

impl Announced {
    /// Checks it and announces it; nothing of the file was read yet. `None`: it would change a document that one may not
    /// change.
    pub(super) async fn announce(
        self,
        tx: &mut Tx,
        state: &AppState,
        if_match: &IfMatch,
    ) -> Result<Option<New>, Problem> {
        let (config, now) = (&state.config.documents, state.clock.now());
        if self.length - self.beside > *config.max_bytes as i64 {
            return Err(too_large(*config.max_bytes));
        }
        if self.length == 0 {
            return Err(Problem::rule("file_empty", "the file is empty"));
        }
        let (title, desk) = labels(self.title.as_deref(), self.desk.as_deref())?;
        let mut replaces = None;
        let mut latest_name = None;
        if let Some(id) = self.document {
            let Some(found) = documents::lock_to(tx, Wish::Write, self.user, id, now).await? else {
                return Ok(None);
            };
            if_match.check(&ETag::of_version(found.version))?;
            if documents::is_fixed(tx, id).await? {
                let detail = "a desk has made it and relies on it as it is (a deed, a package, a report): store yours as another";
                return Err(Problem::conflict("in_use", detail));
            }
            replaces = Some((id, found.version));
            latest_name = Some(found.latest.name);
        }
        let name = clean_name(self.name.as_deref().or(latest_name.as_deref()).unwrap_or_default())?;
        // What nobody can go on with takes its room no longer than a request may: the server may have been killed.
        let life = if self.is_resumable { *config.upload_life } else { RECEIVING_MAX };
        let life = SignedDuration::try_from(life).map_err(Problem::internal)?;
        let new = New {
            id: UploadId::new(now),
            user: self.user,
            replaces,
            title,
            desk,
            name,
            declared_type: self.declared_type.map(|kind| kind.chars().take(TYPE_MAX).collect()),
            length: self.length,
            expires_at: now + life,
        };
        uploads::create(tx, &new, *config.quota as i64, now).await?;
        Ok(Some(new))
    }
}

/// A title and a desk, checked.
pub(super) fn labels(title: Option<&str>, desk: Option<&str>) -> Result<(Option<String>, String), Problem> {
    let mut checks = Checks::default();
    let title = title.map(|title| checks.line("/title", title, 1..=TITLE_MAX).to_owned());
    let desk = checks.line("/desk", desk.unwrap_or(PERSONAL), 1..=DESK_MAX).to_owned();
    checks.done()?;
    Ok((title, desk))
}

pub(in crate::http) fn too_large(max: usize) -> Problem {
    let detail = format!("the file is larger than {max} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", detail)
}

/// How long a body says it is: room is set aside for so much.
pub(super) fn content_length(headers: &HeaderMap) -> Result<i64, Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.ok_or_else(|| {
        let detail = "send Content-Length, or send the file in pieces (POST /api/v1/uploads)";
        Problem::new(StatusCode::LENGTH_REQUIRED, "length_required", detail)
    })
}

pub(super) fn document_id(text: &str) -> Result<DocumentId, Problem> {
    text.parse().map_err(|_| Problem::not_found("document"))
}

/// A form with a file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a form that is read part by part")]
struct DocumentForm {
    /// The file; its name is taken from here.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// What the document is called; else as the file.
    #[schema(max_length = 200)]
    title: Option<String>,
    /// Where it belongs.
    #[schema(max_length = 50)]
    desk: Option<String>,
}

/// Makes a document of a file. It is checked whole before anybody sees it: what kind it is by its bytes, whether it is there
/// to its end, what archives hold.
#[utoipa::path(post, path = "/documents", tag = "documents", security(("bearer" = [])),
    request_body(content = DocumentForm, content_type = "multipart/form-data", description = "At most 250 MiB, unless configured otherwise"),
    responses((status = 201, description = "The document, with its ETag", body = Document),
        (status = 202, description = "The file has arrived and is still being checked; ask for the upload", body = Upload),
        (status = 409, description = "`quota_exceeded`"), (status = 411, description = "Content-Length is missing"),
        (status = 413, description = "The file is too large"),
        (status = 415, description = "The file is of no kind that is taken, or not what it says it is"),
        (status = 422, description = "The file is damaged, or holds what may not come in, or the form is wrong")))]
async fn create(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    request: Request,
) -> Answer {
    let place = state.documents.place()?;
    let (mut parts, body) = request.into_parts();
    let keyed = KeyedRequest::read(&mut parts).await?;
    let request = Request::from_parts(parts, body);
    let desk = state.documents.clone();
    desk.detached(async move {
        let _place = place;
        form::document(&state, &principal, keyed, request).await
    })
    .await
}

/// What else is said of a new version.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Replacement {
    /// The file's name; else as the version before.
    name: Option<String>,
}

/// The file itself.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body that is read as it is")]
struct DocumentFile(Vec<u8>);

/// Adds a version to a document: the file is the body. Of two who do so at once, the first is served and the other told.
#[utoipa::path(put, path = "/documents/{id}/content", tag = "documents", security(("bearer" = [])),
    request_body(content = inline(DocumentFile), content_type = "application/octet-stream", description = "At most 250 MiB, unless configured otherwise"),
    params(("id" = uuid::Uuid, Path, description = "The document"), Replacement,
        ("If-Match" = Option<String>, Header, description = "The ETag of the document; without it 428")),
    responses((status = 200, description = "The document with its new version, and its ETag", body = Document),
        (status = 202, description = "The file has arrived and is still being checked; ask for the upload", body = Upload),
        (status = 409, description = "`quota_exceeded`; `in_use`: a desk relies on it as it is"),
        (status = 411, description = "Content-Length is missing"),
        (status = 412, description = "The document was changed meanwhile"),
        (status = 413, description = "The file is too large"),
        (status = 415, description = "The file is of no kind that is taken, or not what it says it is"),
        (status = 422, description = "The file is damaged, or holds what may not come in"),
        (status = 428, description = "If-Match is missing")))]
async fn replace(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    Query(said): Query<Replacement>,
    if_match: IfMatch,
    request: Request,
) -> Answer {
    let place = state.documents.place()?;
    let (parts, body) = request.into_parts();
    if parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(unsupported("send the body without compression"));
    }
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let announced = Announced {
        user: teller.principal.user,
        document: Some(id),
        title: None,
        desk: None,
        name: said.name,
        declared_type: kind,
        length: content_length(&parts.headers)?,
        beside: 0,
        is_resumable: false,
    };
    let mut tx = state.db.begin("documents.replace").await?;
    let Some(new) = announced.announce(&mut tx, &state, &if_match).await? else {
        drop(tx);
        return Err(teller.not_allowed(&state, "document.add_version", id).await?);
    };
    tx.commit().await?;
    let desk = state.documents.clone();
    desk.detached(async move {
        let _place = place;
        whole(&state, &teller.principal, new, body).await
    })
    .await
}

async fn whole(state: &AppState, principal: &Principal, new: New, body: Body) -> Answer {
    let to = Arriving { id: new.id, user: new.user, offset: 0, length: new.length };
    let received = receive(state, to, None, body.into_data_stream()).await;
    let job = match received {
        Ok(received) => received.job,
        Err(problem) => {
            forget(state, principal, new.id).await;
            return Err(problem);
        }
    };
    let Some(job) = job else {
        forget(state, principal, new.id).await;
        return Err(Problem::bad_request("incomplete_body", "the body did not arrive whole"));
    };
    let upload = settled(state, new.user, new.id, job).await?;
    answered(state, principal, upload, StatusCode::OK).await
}

/// The document, or what is wrong with the file, or where to ask.
pub(super) async fn answered(
    state: &AppState,
    principal: &Principal,
    upload: Upload,
    status: StatusCode,
) -> Answer {
    if let Some(refusal) = upload.problem {
        forget(state, principal, upload.id).await; // nobody knows its id
        return Err(refusal.into());
    }
    let Some(id) = upload.document_id.filter(|_| upload.state == UploadState::Done) else {
        return Ok(still_checked(&upload));
    };
    let found = documents::find(&state.db, Viewer::from(principal), id, state.clock.now()).await?;
    let mut response = tagged(found.ok_or_else(|| Problem::not_found("document"))?);
    *response.status_mut() = status;
    if status == StatusCode::CREATED {
        response.headers_mut().extend(location(&format!("/api/v1/documents/{id}")));
    }
    Ok(response)
}

/// 202: ask later.
fn still_checked(upload: &Upload) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(upload)).into_response();
    response.headers_mut().extend(location(&format!("/api/v1/uploads/{}", upload.id)));
    response
}

fn location(path: &str) -> Option<(header::HeaderName, HeaderValue)> {
    HeaderValue::try_from(path).ok().map(|path| (header::LOCATION, path))
}

/// Removes an upload whose answer says all there is to say. What cannot be removed expires.
pub(in crate::http) async fn forget(state: &AppState, principal: &Principal, id: UploadId) {
    if let Err(problem) = remove(state, principal, id).await {
        tracing::warn!(upload.id = %id, problem.code = problem.code(), "an upload is left to expire");
    }
}

/// The tag of a document.
pub(super) fn tag(document: &Document) -> HeaderValue {
    ETag::of_version(document.version).header(Coding::Identity)
}
