//! A document as a form: its parts are read as they come, the file straight into the storage.

use axum::{
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, multipart::Field},
    http::{HeaderValue, StatusCode, header},
};
use sha2::{Digest as _, Sha256};

use super::{
    receive::{Arriving, Received, receive, settled},
    sending::{Announced, answered, content_length, forget, labels, too_large},
};
use crate::{
    accounts::policy::Principal,
    documents::uploads::{self, New, State as UploadState},
    http::{
        conditional::IfMatch,
        idempotency::{self, Claim, KeyedRequest, Outcome},
        problem::{Answer, FieldError, Problem},
        state::AppState,
        upload::{malformed, unreadable, unsupported},
    },
    jobs::{JobId, documents::FinishUpload},
};

/// What a form may have besides the file: its boundaries, its headers, its other fields.
const OVERHEAD: i64 = 16 << 10;
/// Longest other field.
const FIELD_MAX: usize = 2 << 10;

/// The fields of a form so far.
#[derive(Default)]
struct Fields {
    title: Option<String>,
    desk: Option<String>,
    file: Option<(New, Received)>,
}

/// Reads a form into a document.
pub(super) async fn document(
    state: &AppState,
    principal: &Principal,
    keyed: KeyedRequest,
    request: Request,
) -> Answer {
    let mut fields = Fields::default();
    let read = read(state, principal, request, &mut fields).await;
    let Some((new, received)) = fields.file else {
        return Err(read
            .err()
            .unwrap_or_else(|| wrong("/file", "required", "the form has no part called `file`")));
    };
    let closed = match read.and_then(|()| labels(fields.title.as_deref(), fields.desk.as_deref())) {
        Ok((title, desk)) => {
            let mut hash = Sha256::new();
            for said in [title.as_deref(), Some(&desk), Some(&new.name)] {
                hash.update(said.unwrap_or_default());
                hash.update([0]);
            }
            hash.update(received.sha256);
            let claim = keyed.with_fingerprint(hash.finalize().into()).claim(principal.user);
            close(state, &new, (title.as_deref(), &desk), claim).await.map(|closed| (closed, claim))
        }
        Err(problem) => Err(problem),
    };
    let (job, claim) = match closed {
        Ok((Closed::Finishing(job), claim)) => (job, claim),
        Ok((Closed::Replayed(response), _)) => {
            forget(state, principal, new.id).await;
            return Ok(response);
        }
        Err(problem) => {
            forget(state, principal, new.id).await;
            return Err(problem);
        }
    };
    let upload = settled(state, new.user, new.id, job).await?;
    let is_done = upload.state == UploadState::Done;
    let is_refused = upload.problem.is_some();
    let answer = answered(state, principal, upload, StatusCode::CREATED).await;
    if is_done || is_refused {
        amend(state, claim, principal, &new, is_done).await?;
    }
    answer
}

enum Closed {
    Finishing(JobId),
    /// The same form was sent before.
    Replayed(axum::response::Response),
}

/// The file is complete: from here on it is finished whatever happens to the request, and its answer is known by its key.
async fn close(
    state: &AppState,
    new: &New,
    (title, desk): (Option<&str>, &str),
    claim: Option<Claim>,
) -> Result<Closed, Problem> {
    let now = state.clock.now();
    let mut tx = state.db.begin("documents.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(Closed::Replayed(replay));
    }
    if !uploads::close(&mut tx, new.id, title, desk, now).await? {
        return Err(Problem::rule("file_empty", "the file is empty"));
    }
    let job = state.jobs.enqueue(&mut tx, &FinishUpload { upload: new.id }).await?;
    let so_far = serde_json::json!({ "id": new.id, "state": UploadState::Finishing });
    // The document will have the upload's id.
    let mut outcome = Outcome::json(StatusCode::ACCEPTED, &so_far)?;
    outcome.location = Some(format!("/api/v1/documents/{}", new.id));
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(Closed::Finishing(job))
}

/// A repetition hears what the first request has heard; a file that was refused may be sent again.
async fn amend(
    state: &AppState,
    claim: Option<Claim>,
    principal: &Principal,
    new: &New,
    is_done: bool,
) -> Result<(), Problem> {
    if claim.is_none() {
        return Ok(());
    }
    let id = crate::ids::DocumentId(new.id.0);
    let document =
        crate::documents::documents::find(&state.db, principal.into(), id, state.clock.now()).await?;
    let outcome =
        document.filter(|_| is_done).map(|it| Outcome::json(StatusCode::CREATED, &it)).transpose()?;
    let mut tx = state.db.begin("documents.create.answered").await?;
    idempotency::amend(&mut tx, claim, outcome.as_ref()).await?;
    tx.commit().await?;
    Ok(())
}

/// A form with a file of at most `max` bytes, to be read part by part; and how long all of it is.
pub(in crate::http) async fn open(mut request: Request, max: usize) -> Result<(Multipart, i64), Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.unwrap_or_default().trim_start().to_ascii_lowercase().starts_with("multipart/form-data") {
        return Err(unsupported("send the file in a multipart/form-data form, in a part called `file`"));
    }
    let length = content_length(request.headers())?;
    if length > max as i64 + OVERHEAD {
        return Err(too_large(max));
    }
    DefaultBodyLimit::disable().apply(&mut request); // the file is not kept in memory
    let form = Multipart::from_request(request, &()).await;
    Ok((form.map_err(|_| malformed("the boundary is missing in Content-Type"))?, length))
}

async fn read(
    state: &AppState,
    principal: &Principal,
    request: Request,
    fields: &mut Fields,
) -> Result<(), Problem> {
    let (mut form, length) = open(request, *state.config.documents.max_bytes).await?;
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_known = match name.as_str() {
            "file" if fields.file.is_some() => true,
            "file" => {
                fields.file = Some(file(state, principal, field, length).await?);
                false
            }
            "title" => fields.title.replace(text(field, "/title").await?).is_some(),
            "desk" => fields.desk.replace(text(field, "/desk").await?).is_some(),
            _ => return Err(wrong("", "unknown_field", "the form has `file`, `title` and `desk`")),
        };
        if is_known {
            return Err(wrong("", "duplicate_field", "a part of the form is there twice"));
        }
    }
    Ok(())
}

/// Receives the file; room is set aside for as much as the whole form.
async fn file(
    state: &AppState,
    principal: &Principal,
    field: Field<'_>,
    length: i64,
) -> Result<(New, Received), Problem> {
    let max = *state.config.documents.max_bytes;
    let announced = Announced {
        user: principal.user,
        document: None,
        title: None,
        desk: None,
        name: file_name(&field)?,
        declared_type: field.content_type().map(str::to_owned),
        length,
        beside: OVERHEAD,
        is_resumable: false,
    };
    let mut tx = state.db.begin("documents.announce").await?;
    let new = announced.announce(&mut tx, state, &IfMatch(None)).await?;
    let new = new.ok_or_else(|| Problem::internal("a new document needs no right"))?;
    tx.commit().await?;
    within(state, principal, new, field, max).await
}

/// Receives a file of at most `max` bytes that is a part of a form; of one that does not come nothing is left.
///
/// As long as the whole form was announced, which the file within never is: it is complete when whoever reads the form closes it, with
/// all that the form says of it, and not before.
pub(in crate::http) async fn within(
    state: &AppState,
    principal: &Principal,
    new: New,
    field: Field<'_>,
    max: usize,
) -> Result<(New, Received), Problem> {
    let to = Arriving { id: new.id, user: new.user, offset: 0, length: new.length };
    let problem = match receive(state, to, None, field).await {
        Ok(received) if received.upload.as_ref().map_or(0, |it| it.offset) <= max as i64 => {
            return Ok((new, received));
        }
        Ok(_) => too_large(max),
        Err(problem) => problem,
    };
    forget(state, principal, new.id).await;
    Err(problem)
}

/// The file's name, if the form says it; one that is there and cannot be read is refused.
pub(in crate::http) fn file_name(field: &Field<'_>) -> Result<Option<String>, Problem> {
    let said =
        field.headers().get(header::CONTENT_DISPOSITION).map(HeaderValue::as_bytes).unwrap_or_default();
    let detail = match field.file_name() {
        Some(name) => return Ok(Some(name.to_owned())),
        None if std::str::from_utf8(said).is_err() => {
            "the file's name is not UTF-8: send `filename` in UTF-8"
        }
        None if said.windows(10).any(|part| part == b"filename*=") => {
            "forms have no `filename*` (RFC 7578, 4.2): send the file's name as `filename`, in UTF-8"
        }
        None => return Ok(None),
    };
    Err(Problem::rule("unsafe_name", detail))
}

/// The text of another field.
pub(in crate::http) async fn text(mut field: Field<'_>, pointer: &'static str) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(unreadable)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > FIELD_MAX {
            return Err(wrong(pointer, "too_long", "is far too long"));
        }
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    text.ok_or_else(|| wrong(pointer, "invalid_text", "is not UTF-8 text"))
}

/// A form that is not as it should be.
pub(in crate::http) fn wrong(pointer: &str, code: &'static str, detail: &'static str) -> Problem {
    Problem::unprocessable(vec![FieldError::body(pointer, code, detail)])
}
