//! A document of a patient comes as a form: its parts are read as they come, the file straight into the storage. It is answered
//! 202 as soon as all of it is there; what it is, and what stands in it, is found out by the analysis.

use axum::{
    extract::{Request, State, multipart::Field},
    http::StatusCode,
    response::IntoResponse as _,
};
use jiff::SignedDuration;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{documents::path_of, member::Clinician};
use crate::{
    audit::{self, Entry},
    clinic::{
        documents::{
            DESK, Kind, PatientDocument,
            arrival::{self, New},
            list,
        },
        staff::Permission,
    },
    documents::{
        check::clean_name,
        uploads::{self, New as NewUpload},
    },
    http::{
        documents::{RECEIVING_MAX, Received, file_name, forget, open, text, within, wrong},
        extract::Path,
        idempotency::{self, KeyedRequest, Outcome},
        problem::{Answer, Problem},
        state::AppState,
        tasks::TaskStarted,
        upload::unreadable,
        validate::Checks,
    },
    ids::{PatientDocumentId, PatientId, UploadId},
    jobs::clinic::{AnalyseDocument, summary_changed},
};

/// Longest media type that is written down.
const TYPE_MAX: usize = 200;
/// Longest note, in characters.
pub(super) const NOTE_MAX: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// A form with a document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a form that is read part by part")]
struct PatientDocumentForm {
    /// The file: PDF, JPEG, PNG, TIFF or text; its name is taken from here.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// What it is about.
    kind: Kind,
    /// What is to be known beside it.
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// A document that is being analysed.
#[derive(Serialize, ToSchema)]
struct UploadedPatientDocument {
    /// The document; also at `Location`.
    document: PatientDocument,
    /// Its analysis.
    task: TaskStarted,
}

/// The fields of a form so far.
#[derive(Default)]
struct Fields {
    kind: Option<String>,
    note: Option<String>,
    file: Option<(NewUpload, Received)>,
}

/// Uploads a document of a patient, who has consented. It is checked, its text read, and values and findings written down in the
/// background; the task says how far it is, also as events: the step, and of a document with several pages which of them is read
/// (`"progress": {"pct": 28.75, "note": "page 3 of 12", "data": {"document": "…", "step": "text", "page": 3, "pages": 12}}`).
/// A text may be in UTF-8, in UTF-16 with a mark, or in Windows-1252.
#[utoipa::path(post, path = "/clinic/patients/{id}/documents", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient")),
    request_body(content = PatientDocumentForm, content_type = "multipart/form-data", description = "At most 50 MiB, unless configured otherwise"),
    responses((status = 202, description = "The document, which is being analysed", body = UploadedPatientDocument),
        (status = 403, description = "`no_clinic`, `no_permission`: one may not write documents; `consent_missing`: the patient \
            has not consented"),
        (status = 409, description = "`merged_into`, `archived`, `anonymised`: nothing is written to this record any more"),
        (status = 411, description = "Content-Length is missing"), (status = 413, description = "The file is too large"),
        (status = 415, description = "It is not sent as a form"),
        (status = 422, description = "The form is wrong, or the file is empty")))]
async fn create(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    request: Request,
) -> Answer {
    who.need(Permission::WriteDocuments)?;
    // Nothing is received for nobody; asked again, under the lock, when all is there.
    let tx = state.db.begin("clinic.may_upload").await?;
    let (tx, _) = who.admit(&state, tx, (Permission::WriteDocuments, ACTION, id)).await?;
    tx.rollback().await?;
    let place = state.documents.place()?;
    let (mut parts, body) = request.into_parts();
    let keyed = KeyedRequest::read(&mut parts).await?;
    let request = Request::from_parts(parts, body);
    let desk = state.documents.clone();
    desk.detached(async move {
        let _place = place;
        arrive(&state, &who, id, keyed, request).await
    })
    .await
}

const ACTION: &str = "patient_document.create";

/// Reads the form; what is not kept leaves nothing behind.
async fn arrive(
    state: &AppState,
    who: &Clinician,
    id: PatientId,
    keyed: KeyedRequest,
    request: Request,
) -> Answer {
    let mut fields = Fields::default();
    let read = read(state, who, request, &mut fields).await;
    let Some((new, received)) = fields.file else {
        return Err(read
            .err()
            .unwrap_or_else(|| wrong("/file", "required", "the form has no part called `file`")));
    };
    let closed = match read.and_then(|()| said(fields.kind.as_deref(), fields.note.as_deref())) {
        Ok((kind, note)) => {
            let mut hash = Sha256::new();
            for part in [kind.as_str(), &note, &new.name] {
                hash.update(part);
                hash.update([0]);
            }
            hash.update(received.sha256);
            let keyed = keyed.with_fingerprint(hash.finalize().into());
            close(state, who, (id, &new), (kind, &note), &keyed).await
        }
        Err(problem) => Err(problem),
    };
    match closed {
        Ok((answer, is_kept)) => {
            if !is_kept {
                forget(state, &who.principal, new.id).await;
            }
            Ok(answer)
        }
        Err(problem) => {
            forget(state, &who.principal, new.id).await;
            Err(problem)
        }
    }
}

fn said(kind: Option<&str>, note: Option<&str>) -> Result<(Kind, String), Problem> {
    let mut checks = Checks::default();
    let note = checks.text("/note", note.unwrap_or_default(), 0..=NOTE_MAX).to_owned();
    checks.done()?;
    let kind = kind.ok_or_else(|| wrong("/kind", "required", "the form has no part called `kind`"))?;
    let known = "is none of the kinds of documents: lab_report, hormone_panel and others";
    let kind = Kind::of(kind.trim()).ok_or_else(|| wrong("/kind", "unknown_value", known))?;
    Ok((kind, note))
}

/// All is there: from here on it is analysed, whatever happens to the request. Whether the upload is kept: a repetition is not.
async fn close(
    state: &AppState,
    who: &Clinician,
    (id, new): (PatientId, &NewUpload),
    (kind, note): (Kind, &str),
    keyed: &KeyedRequest,
) -> Result<(axum::response::Response, bool), Problem> {
    let (now, user) = (state.clock.now(), who.principal.user);
    let claim = keyed.claim(user);
    let mut tx = state.db.begin("clinic.upload_document").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok((replay, false));
    }
    let (mut tx, patient) = who.admit(state, tx, (Permission::WriteDocuments, ACTION, id)).await?;
    if !uploads::close(&mut tx, new.id, None, DESK, now).await? {
        return Err(Problem::rule("file_empty", "the file is empty"));
    }
    let document = PatientDocumentId::new(now);
    let analysis = AnalyseDocument { document, run: 1, upload: Some(new.id) };
    let job = analysis.asked_by(user, &patient);
    let job = state.jobs.insert(&mut tx, &[job]).await?.into_iter().flatten().next();
    let job = job.ok_or_else(|| Problem::internal("a job without a unique key is inserted"))?;
    let (clinic, patient, upload) = (patient.clinic_id, patient.id, new.id);
    let new = New { id: document, clinic, patient, kind, name: &new.name, note, by: user, upload, job };
    arrival::create(&mut tx, &new, now).await?;
    let details = serde_json::json!({ "document": document, "kind": kind });
    let told = who.entry(state, ACTION, patient);
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    let created = list::lock(&mut tx, patient, document).await?;
    let created = created.ok_or_else(|| Problem::internal("it was written this moment"))?;
    let body = UploadedPatientDocument { document: created, task: TaskStarted::of(job) };
    let mut outcome = Outcome::json(StatusCode::ACCEPTED, &body)?;
    outcome.location = Some(path_of(patient, document));
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
    tx.commit().await?;
    Ok((outcome.into_response(), true))
}

async fn read(
    state: &AppState,
    who: &Clinician,
    request: Request,
    fields: &mut Fields,
) -> Result<(), Problem> {
    let max = *state.config.clinic.document_bytes;
    let (mut form, length) = open(request, max).await?;
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_known = match name.as_str() {
            "file" if fields.file.is_some() => true,
            "file" => {
                fields.file = Some(file(state, who, field, length).await?);
                false
            }
            "kind" => fields.kind.replace(text(field, "/kind").await?).is_some(),
            "note" => fields.note.replace(text(field, "/note").await?).is_some(),
            _ => return Err(wrong("", "unknown_field", "the form has `file`, `kind` and `note`")),
        };
        if is_known {
            return Err(wrong("", "duplicate_field", "a part of the form is there twice"));
        }
    }
    Ok(())
}

/// Receives the file. It is the clinic's, and in nobody's quota. It must not be complete before [`close`] says so, together with its
/// analysis: what is complete by itself becomes a document of whoever has sent it.
async fn file(
    state: &AppState,
    who: &Clinician,
    field: Field<'_>,
    length: i64,
) -> Result<(NewUpload, Received), Problem> {
    let now = state.clock.now();
    let name = clean_name(file_name(&field)?.as_deref().unwrap_or_default())?;
    let life = SignedDuration::try_from(RECEIVING_MAX).map_err(Problem::internal)?;
    let new = NewUpload {
        id: UploadId::new(now),
        user: who.principal.user,
        replaces: None,
        title: None,
        desk: DESK.to_owned(),
        name,
        declared_type: field.content_type().map(|kind| kind.chars().take(TYPE_MAX).collect()),
        length,
        expires_at: now + life,
    };
    let mut tx = state.db.begin("clinic.announce_document").await?;
    uploads::create(&mut tx, &new, i64::MAX, now).await?;
    tx.commit().await?;
    within(state, &who.principal, new, field, *state.config.clinic.document_bytes).await
}
