//! Documents of a patient: found, read, described, taken away.

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    document_upload::NOTE_MAX,
    member::{Clinician, NotRead},
    told::Thing,
};
use crate::{
    audit::{self, Entry},
    clinic::{
        documents::{
            Finding, Kind, PatientDocument, Unread, change,
            confidence::Confidence,
            content,
            list::{self, Filter},
            pages::{self, PageText},
        },
        patients::Patient,
        rules::sentences::Sentence,
        scores,
        staff::Permission,
        values::{LaboratoryValue, list as values},
        worded::{Worded, worded},
    },
    db::Tx,
    http::{
        conditional::{ETag, IfMatch},
        documents::{DocumentContent, PRIVATE, serve},
        extract::{Json, Path},
        listing::{Listing, NoFilters, Page, PageParameters},
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{PatientDocumentId, PatientId},
    jobs::{clinic::summary_changed, documents::RemoveObjects},
};

/// Both of the path.
pub(super) type Ids = (PatientId, PatientDocumentId);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, change, remove))
        .routes(routes!(download))
        .routes(routes!(text))
}

/// Where a document is.
pub(super) fn path_of(patient: PatientId, document: PatientDocumentId) -> String {
    format!("/api/v1/clinic/patients/{patient}/documents/{document}")
}

fn thing(id: PatientDocumentId) -> Thing {
    ("document", id.0)
}

/// Something that was found, in words.
#[derive(Serialize, ToSchema)]
struct ShownFinding {
    /// What is said.
    #[serde(flatten)]
    said: Worded,
    /// Of which analyte.
    analyte: Option<String>,
    /// On which page.
    page: Option<u32>,
    /// In which line of it.
    line: Option<u32>,
}

impl From<Finding> for ShownFinding {
    fn from(Finding { sentence, analyte, page, line }: Finding) -> Self {
        Self { said: sentence.into(), analyte, page, line }
    }
}

/// A document with everything that was read in it.
#[derive(Serialize, ToSchema)]
struct PatientDocumentDetails {
    /// The document.
    #[serde(flatten)]
    document: PatientDocument,
    /// What was measured, in the order of the text, each with its place; also what was withdrawn since.
    values: Vec<LaboratoryValue>,
    /// What is worth a look.
    findings: Vec<ShownFinding>,
    /// What was named and is not among the values, and pages that could not be read.
    unread: Vec<Unread>,
    /// What the confidence is made of: the mean of the points of its values, where what was named and not understood counts as a
    /// value without points, times the part of its pages that could be read.
    confidence_explained: Confidence,
    /// What none of this can say.
    limits: Vec<Worded>,
}

fn etag(document: &PatientDocument) -> header::HeaderValue {
    ETag::of_version(document.version).header(Coding::Identity)
}

impl PatientDocumentDetails {
    fn of(mut document: PatientDocument, values: Vec<LaboratoryValue>) -> Self {
        let unread = std::mem::take(&mut document.unread);
        let findings = std::mem::take(&mut document.findings);
        let points = values.iter().filter_map(|it| it.confidence).map(|it| it.unsigned_abs() as u8);
        let pages = document.page_count.unwrap_or(0).unsigned_abs();
        Self {
            confidence_explained: Confidence::of(points, &unread, pages),
            findings: findings.into_iter().map(ShownFinding::from).collect(),
            limits: worded(&[Sentence::SupportsClinicians, Sentence::DocumentOnlyText]),
            document,
            values,
            unread,
        }
    }

    fn answer(self) -> Response {
        ([(header::ETAG, etag(&self.document))], Json(self)).into_response()
    }
}

/// Lists documents of a patient, newest first.
#[utoipa::path(get, path = "/clinic/patients/{id}/documents", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"), Filter, PageParameters),
    responses((status = 200, description = "A page of documents", body = Page<PatientDocument>), NotRead))]
async fn list(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    list: Listing<Filter, PatientDocumentId>,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    who.read(&state, ("patient_document.list", id, "/documents")).await?;
    let of = (who.principal.user, id);
    let found = list::list(&state.db, of, &list.filters, list.after, list.fetch()).await?;
    Ok(list.answer(found, |it| it.id, |it| it))
}

/// The document, for who may read its patient; whoever looks is written down.
async fn find(
    state: &AppState,
    who: &Clinician,
    (action, rest): (&'static str, &str),
    (patient, id): Ids,
) -> Result<PatientDocument, Problem> {
    who.need(Permission::ReadPatients)?;
    let found = list::find(&state.db, (who.principal.user, patient), id);
    who.read_thing(state, (action, patient, &format!("/documents/{id}{rest}")), thing(id), found).await
}

/// Shows a document of a patient with everything that was read in it.
#[utoipa::path(get, path = "/clinic/patients/{id}/documents/{document}", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("document" = uuid::Uuid, Path, description = "The document")),
    responses((status = 200, description = "The document, with its ETag", body = PatientDocumentDetails), NotRead))]
async fn show(State(state): State<AppState>, who: Clinician, Path(ids): Path<Ids>) -> Answer {
    let document = find(&state, &who, ("patient_document.read", ""), ids).await?;
    let values = values::of_document(&state.db, (who.principal.user, document.id)).await?;
    Ok(PatientDocumentDetails::of(document, values).answer())
}

/// Sends the file of a document as it was uploaded, or a part of it.
#[utoipa::path(get, path = "/clinic/patients/{id}/documents/{document}/content", tag = "clinic",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("document" = uuid::Uuid, Path, description = "The document"),
        ("Range" = Option<String>, Header, description = "One range of bytes; of several the whole is sent"),
        ("If-Range" = Option<String>, Header, description = "The ETag of the part that one has")),
    responses((status = 200, description = "The file; `Repr-Digest` has its SHA-256", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 206, description = "The part that was asked for", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 304, description = "The client has it"), NotRead,
        (status = 409, description = "`no_content`: it is not stored yet, or was refused"),
        (status = 416, description = "The file is shorter")))]
async fn download(
    State(state): State<AppState>,
    who: Clinician,
    Path(ids): Path<Ids>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let document = find(&state, &who, ("patient_document.download", "/content"), ids).await?;
    let absent = || Problem::conflict("no_content", "the file is not stored yet, or was refused");
    let file = document.document_id.ok_or_else(absent)?;
    let content = content::of(&state.db, file).await?.ok_or_else(absent)?;
    // It is in the audit log by now.
    serve(&state, &content, (&method, &headers), PRIVATE, async |_| Ok(())).await
}

/// Shows the text of a document page by page, as it was laid out: where each value stands.
#[utoipa::path(get, path = "/clinic/patients/{id}/documents/{document}/text", tag = "clinic",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("document" = uuid::Uuid, Path, description = "The document"), PageParameters),
    responses((status = 200, description = "Pages of the document; none before it was read", body = Page<PageText>), NotRead))]
async fn text(
    State(state): State<AppState>,
    who: Clinician,
    Path(ids): Path<Ids>,
    list: Listing<NoFilters, u32>,
) -> Answer {
    let document = find(&state, &who, ("patient_document.read_text", "/text"), ids).await?;
    let of = (who.principal.user, ids.0);
    let found = pages::list(&state.db, of, document.id, list.after, list.fetch()).await?;
    Ok(list.answer(found, |page| page.number, |page| page))
}

/// Patient and document, both locked, for who may write documents of somebody who has consented.
pub(super) async fn lock(
    state: &AppState,
    tx: Tx,
    who: &Clinician,
    (action, (patient, id)): (&'static str, Ids),
) -> Result<(Tx, Patient, PatientDocument), Problem> {
    let (mut tx, admitted) = who.admit(state, tx, (Permission::WriteDocuments, action, patient)).await?;
    match list::lock(&mut tx, patient, id).await? {
        Some(document) => Ok((tx, admitted, document)),
        None => Err(missing(state, who, tx, (action, (patient, id))).await?),
    }
}

/// The patient has no such document.
async fn missing(
    state: &AppState,
    who: &Clinician,
    tx: Tx,
    (action, (patient, id)): (&'static str, Ids),
) -> Result<Problem, Problem> {
    drop(tx);
    who.missed_thing(state, (action, patient), thing(id)).await
}

/// What is changed of a document; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePatientDocument {
    /// What it is about.
    kind: Option<Kind>,
    /// What is to be known beside it.
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// Describes a document anew.
#[utoipa::path(patch, path = "/clinic/patients/{id}/documents/{document}", tag = "clinic", security(("bearer" = [])),
    request_body = ChangePatientDocument,
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("document" = uuid::Uuid, Path, description = "The document"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The document, with its ETag", body = PatientDocumentDetails),
        (status = 204, description = "It is done, with its ETag: one may not read patients"),
        (status = 403, description = "`no_clinic`, `no_permission`: one may not write documents; `consent_missing`"),
        (status = 409, description = "`merged_into`, `archived`, `anonymised`: nothing is written to this record any more"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    who: Clinician,
    Path(ids): Path<Ids>,
    if_match: IfMatch,
    Json(body): Json<ChangePatientDocument>,
) -> Answer {
    const ACTION: &str = "patient_document.change";
    who.need(Permission::WriteDocuments)?;
    let mut checks = Checks::default();
    let note = body.note.map(|note| checks.text("/note", &note, 0..=NOTE_MAX).to_owned());
    checks.done()?;
    let tx = state.db.begin("clinic.change_document").await?;
    let (mut tx, _, locked) = lock(&state, tx, &who, (ACTION, ids)).await?;
    if_match.check(&ETag::of_version(locked.version))?;
    let changed = change::describe(&mut tx, locked, (body.kind, note), state.clock.now()).await?;
    let details = serde_json::json!({ "document": changed.id, "kind": changed.kind });
    let told = who.entry(&state, ACTION, ids.0);
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    let values = values::of_document(&state.db, (who.principal.user, changed.id)).await?;
    Ok(who.shown(etag(&changed), || PatientDocumentDetails::of(changed, values).answer()))
}

/// Takes a document away with everything that was read in it; nothing of it is kept. Also without consent.
#[utoipa::path(delete, path = "/clinic/patients/{id}/documents/{document}", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("document" = uuid::Uuid, Path, description = "The document"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 204, description = "Taken away"),
        (status = 403, description = "`no_clinic`, `no_permission`: one may not write documents"),
        (status = 409, description = "`merged_into`, `archived`, `anonymised`: nothing is written to this record any more"),
        (status = 412, description = "It was changed meanwhile")))]
async fn remove(
    State(state): State<AppState>,
    who: Clinician,
    Path(ids): Path<Ids>,
    if_match: IfMatch,
) -> Answer {
    const ACTION: &str = "patient_document.delete";
    who.need(Permission::WriteDocuments)?;
    let tx = state.db.begin("clinic.remove_document").await?;
    let (mut tx, _) = who.admit_open(&state, tx, (Permission::WriteDocuments, ACTION, ids.0)).await?;
    let Some(locked) = list::lock(&mut tx, ids.0, ids.1).await? else {
        return Err(missing(&state, &who, tx, (ACTION, ids)).await?);
    };
    if if_match.0.is_some() {
        if_match.check(&ETag::of_version(locked.version))?;
    }
    let objects = change::remove(&mut tx, &locked).await?;
    scores::changed(&mut tx, &state.jobs, ids.0).await?;
    state.jobs.enqueue(&mut tx, &RemoveObjects { objects, parts_of: locked.upload_id }).await?;
    let details = serde_json::json!({ "document": locked.id, "kind": locked.kind });
    let told = who.entry(&state, ACTION, ids.0);
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), state.clock.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
