//! A document is analysed again, also after somebody has confirmed whose it is.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    documents::{Ids, lock},
    member::Clinician,
};
use crate::{
    audit::{self, Entry},
    clinic::{
        documents::{PatientDocument, Status, change},
        patients::Patient,
        staff::Permission,
    },
    db::Tx,
    http::{
        extract::{Json, Path},
        problem::{Answer, Problem},
        state::AppState,
        tasks::TaskStarted,
    },
    jobs::clinic::AnalyseDocument,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(analyse)).routes(routes!(confirm))
}

/// Analyses a document again. What was found stays until the new result is there. A file that could not be stored yet, because the
/// work was interrupted, can be asked for within 30 days; then it is forgotten.
#[utoipa::path(post, path = "/clinic/patients/{id}/documents/{document}/analysis", tag = "clinic",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("document" = uuid::Uuid, Path, description = "The document")),
    responses((status = 202, description = "It is being analysed", body = TaskStarted),
        (status = 403, description = "`no_clinic`, `no_permission`: one may not write documents; `consent_missing`"),
        (status = 409, description = "`in_progress`: it is being analysed; `no_content`: the file was refused or \
            forgotten; `merged_into`, `archived`, `anonymised`: nothing is written to this record any more")))]
async fn analyse(State(state): State<AppState>, who: Clinician, Path(ids): Path<Ids>) -> Answer {
    const ACTION: &str = "patient_document.analyse_again";
    who.need(Permission::WriteDocuments)?;
    let tx = state.db.begin("clinic.analyse_again").await?;
    let (tx, patient, locked) = lock(&state, tx, &who, (ACTION, ids)).await?;
    begin(&state, tx, &who, (ACTION, &patient, &locked)).await
}

/// Confirms that a document is of the patient, though a page of it names somebody else (`names_another`): somebody has looked, and
/// who that was is kept. It is analysed again, and its values count from then on.
#[utoipa::path(post, path = "/clinic/patients/{id}/documents/{document}/confirmation", tag = "clinic",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("document" = uuid::Uuid, Path, description = "The document")),
    responses((status = 202, description = "It is confirmed, and being analysed again", body = TaskStarted),
        (status = 403, description = "`no_clinic`, `no_permission`: one may not write documents; `consent_missing`"),
        (status = 409, description = "`nothing_to_confirm`: it names nobody else, or was confirmed before; `in_progress`: it is \
            being analysed; `no_content`: there is no file; `merged_into`, `archived`, `anonymised`: nothing is written to \
            this record any more")))]
async fn confirm(State(state): State<AppState>, who: Clinician, Path(ids): Path<Ids>) -> Answer {
    const ACTION: &str = "patient_document.confirm";
    who.need(Permission::WriteDocuments)?;
    let tx = state.db.begin("clinic.confirm_document").await?;
    let (mut tx, patient, locked) = lock(&state, tx, &who, (ACTION, ids)).await?;
    if !locked.names_another {
        return Err(Problem::conflict(
            "nothing_to_confirm",
            "the document names nobody else than the patient, or that was confirmed",
        ));
    }
    change::confirm(&mut tx, locked.id, who.principal.user, state.clock.now()).await?;
    begin(&state, tx, &who, (ACTION, &patient, &locked)).await
}

/// The next analysis of a locked document begins.
async fn begin(
    state: &AppState,
    mut tx: Tx,
    who: &Clinician,
    (action, patient, locked): (&'static str, &Patient, &PatientDocument),
) -> Result<Response, Problem> {
    if matches!(locked.status, Status::Pending | Status::Processing) {
        return Err(Problem::conflict("in_progress", "the document is being analysed"));
    }
    if locked.document_id.is_none() && locked.upload_id.is_none() {
        return Err(Problem::conflict(
            "no_content",
            "the file was refused, or not asked for in time: upload another one",
        ));
    }
    let run = locked.run + 1;
    let analysis = AnalyseDocument { document: locked.id, run, upload: locked.upload_id };
    let job = analysis.asked_by(who.principal.user, patient);
    let job = state.jobs.insert(&mut tx, &[job]).await?.into_iter().flatten().next();
    let job = job.ok_or_else(|| Problem::internal("a job without a unique key is inserted"))?;
    change::begin_again(&mut tx, locked.id, (run, job), state.clock.now()).await?;
    let details = serde_json::json!({ "document": locked.id, "run": run });
    let told = who.entry(state, action, patient.id);
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(TaskStarted::of(job))).into_response())
}
