//! Reports about patients: asked for, listed, downloaded.

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::IntoResponse as _,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::member::{Clinician, NotRead};
use crate::{
    accounts::users,
    audit::{self, Entry},
    clinic::{
        reports::report::{self, Report},
        staff::Permission,
    },
    documents::versions,
    http::{
        conditional::ETag,
        documents::{DocumentContent, PRIVATE, serve},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
        tasks::TaskStarted,
    },
    ids::{DocumentId, PatientId, PatientReportId},
    jobs::clinic::RenderReport,
    mail::Language,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, ask)).routes(routes!(show)).routes(routes!(content))
}

/// Which report.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AskForReport {
    /// Its language; one's own if nothing is said.
    #[serde(default)]
    language: Option<Language>,
}

/// Has a report about a patient made, as PDF: the record as it is at that moment, with trends, score and what to discuss. The
/// task's result names it. What would say the same as one that is there already is that one.
#[utoipa::path(post, path = "/clinic/patients/{id}/reports", tag = "clinic", security(("bearer" = [])),
    request_body = AskForReport, params(("id" = uuid::Uuid, Path, description = "The patient")),
    responses((status = 202, description = "It is being made", body = TaskStarted),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not make reports; \
            `consent_missing`: the patient has not agreed that health data is processed"),
        (status = 409, description = "`merged_into`, `archived`, `anonymised`: nothing is written to this record any more")))]
async fn ask(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    Keyed { body, request }: Keyed<AskForReport>,
) -> Answer {
    const ACTION: &str = "patient.ask_report";
    who.need(Permission::WriteReports)?;
    let (now, user) = (state.clock.now(), who.principal.user);
    let claim = request.claim(user);
    let mut tx = state.db.begin("clinic.reports.ask").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let (mut tx, patient) = who.admit(&state, tx, (Permission::WriteReports, ACTION, id)).await?;
    let language = match body.language {
        Some(language) => language,
        None => users::find(&state.db, user).await?.ok_or_else(|| Problem::not_found("account"))?.language,
    };
    let told = who.entry(&state, ACTION, patient.id);
    let details = serde_json::json!({ "language": language });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    let job = RenderReport { patient: patient.id, language, user }.new_job();
    let job = state.jobs.insert(&mut tx, &[job]).await?.into_iter().next().flatten();
    let job = job.ok_or_else(|| Problem::conflict("busy", "it is being made already"))?;
    let outcome = Outcome::json(StatusCode::ACCEPTED, &TaskStarted::of(job))?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

/// Lists the reports about a patient, newest first, and whether the record has changed since.
#[utoipa::path(get, path = "/clinic/patients/{id}/reports", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"), PageParameters),
    responses((status = 200, description = "A page of reports", body = Page<Report>), NotRead))]
async fn list(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    list: Listing<NoFilters, PatientReportId>,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    who.read(&state, ("patient.list_reports", id, "/reports")).await?;
    let found = report::list(&state.db, (who.principal.user, id), list.after, list.fetch()).await?;
    Ok(list.answer(found, |it| it.id, |it| it))
}

/// Shows what is known of a report.
#[utoipa::path(get, path = "/clinic/patients/{id}/reports/{report}", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("report" = uuid::Uuid, Path, description = "The report")),
    responses((status = 200, description = "The report; its ETag is that of the PDF", body = Report), NotRead))]
async fn show(
    State(state): State<AppState>,
    who: Clinician,
    Path((id, report)): Path<(PatientId, PatientReportId)>,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    let (found, _) = found(&state, &who, ("patient.read_report_details", ""), (id, report)).await?;
    let etag = ETag::of_version(&*found.sha256).header(Coding::Identity);
    Ok(([(header::ETAG, etag)], Json(found)).into_response())
}

/// Sends the PDF of a report.
#[utoipa::path(get, path = "/clinic/patients/{id}/reports/{report}/content", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("report" = uuid::Uuid, Path, description = "The report"),
        ("Range" = Option<String>, Header, description = "One range of bytes; of several the whole is sent"),
        ("If-Range" = Option<String>, Header, description = "The ETag of the part that one has")),
    responses((status = 200, description = "The PDF; `Repr-Digest` has its SHA-256", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 206, description = "The part that was asked for", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 304, description = "The client has it"), NotRead,
        (status = 416, description = "The file is shorter")))]
async fn content(
    State(state): State<AppState>,
    who: Clinician,
    Path((id, report)): Path<(PatientId, PatientReportId)>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    let (_, document) = found(&state, &who, ("patient.read_report", "/content"), (id, report)).await?;
    let content = versions::held(&state.db, document, 1).await?;
    let content = content.ok_or_else(|| Problem::not_found("report"))?;
    serve(&state, &content, (&method, &headers), PRIVATE, async |_| Ok(())).await
}

/// The report, for who may read its patient; whoever looks is written down.
async fn found(
    state: &AppState,
    who: &Clinician,
    (action, rest): (&'static str, &str),
    (id, report): (PatientId, PatientReportId),
) -> Result<(Report, DocumentId), Problem> {
    let path = format!("/reports/{report}{rest}");
    let found = report::find(&state.db, (who.principal.user, id), report);
    who.read_thing(state, (action, id, &path), ("report", report.0), found).await
}
