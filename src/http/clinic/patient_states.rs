//! What a patient agreed to, the archive, and the end of a record.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    member::{Clinician, NotRead},
    patients::{etag, tagged},
};
use crate::{
    audit::{self, Entry},
    clinic::{
        patients::{
            Patient,
            consents::{self, Consent},
            entries::{self, Refused},
            patient,
        },
        retention, scores,
        staff::Permission,
    },
    http::{
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::PatientId,
    jobs::clinic::summary_changed,
    jobs::documents::RemoveObjects,
    notary::time::today,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(consent))
        .routes(routes!(history))
        .routes(routes!(archive))
        .routes(routes!(anonymise))
}

/// What a patient said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecordPatientConsent)]
struct Said {
    /// The patient agrees to the newest wording of `clinic_processing`; or takes it back.
    is_given: bool,
    /// Who was there, which paper was signed.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: String,
}

/// Writes down that a patient agrees that health data is processed, or takes that back. Without it nothing is uploaded,
/// analysed or reported. To write down what stands there already changes nothing. Consent that was taken back is given again
/// with If-Match alone: somebody has seen that it was taken back.
#[utoipa::path(put, path = "/clinic/patients/{id}/consent", tag = "clinic", security(("bearer" = [])), request_body = Said,
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428 when consent that was \
            taken back is given again")),
    responses((status = 200, description = "The patient, with its ETag", body = Patient),
        (status = 204, description = "It is done, with its ETag: one may not read patients"),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write patients"),
        (status = 409, description = "`merged_into`, `anonymised`: nothing is written to this record any more; `archived`: \
            it is not given for an archived record"),
        (status = 412, description = "It was changed meanwhile"),
        (status = 428, description = "It was taken back, and If-Match is missing")))]
async fn consent(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    if_match: IfMatch,
    Json(body): Json<Said>,
) -> Answer {
    const ACTION: &str = "patient.consent";
    who.need(Permission::WritePatients)?;
    let mut checks = Checks::default();
    let note = checks.text("/note", &body.note, 0..=1000);
    checks.done()?;
    let user = who.principal.user;
    let mut tx = state.db.begin("clinic.consent").await?;
    let Some(locked) = patient::lock(&mut tx, user, id).await? else {
        drop(tx);
        return Err(who.missed(&state, ACTION, id).await?);
    };
    match entries::open(&locked) {
        // To take it back is never refused while there is somebody.
        Err(Refused::Archived) if !body.is_given => {}
        other => other?,
    }
    let is_undone = body.is_given && consents::is_taken_back(&mut tx, &locked).await?;
    if is_undone || if_match.0.is_some() {
        if_match.check(&ETag::of_version(locked.version))?;
    }
    let changed = consents::record(&mut tx, &locked, (body.is_given, note), user, state.clock.now()).await?;
    let Some(changed) = changed else {
        // Nothing is written, and it is read.
        drop(tx);
        who.looked(&state, ("patient.read", id), None).await?;
        return Ok(who.shown(etag(&locked), || tagged(locked)));
    };
    scores::later(&mut tx, &state.jobs, &[id]).await?;
    let told = who.entry(&state, ACTION, id);
    let details = serde_json::json!({ "is_given": body.is_given });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok(who.shown(etag(&changed), || tagged(changed)))
}

/// Lists what a patient agreed to and took back, newest first.
#[utoipa::path(get, path = "/clinic/patients/{id}/consents", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"), PageParameters),
    responses((status = 200, description = "A page of the history", body = Page<Consent>), NotRead))]
async fn history(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    list: Listing<NoFilters, i64>,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    who.read(&state, ("patient.read_consents", id, "/consents")).await?;
    let bounds = (list.after, list.fetch());
    let found = consents::history(&state.db, who.principal.user, id, bounds).await?;
    Ok(list.answer(found, |it| it.id, |it| it))
}

/// Whether a record is in the archive.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ArchivePatient {
    /// Whether it is.
    is_archived: bool,
}

/// Archives a patient, to whose record nothing is written any more, or takes it out of the archive.
#[utoipa::path(put, path = "/clinic/patients/{id}/archive", tag = "clinic", security(("bearer" = [])),
    request_body = ArchivePatient,
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The patient, with its ETag", body = Patient),
        (status = 204, description = "It is done, with its ETag: one may not read patients"),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write patients"),
        (status = 409, description = "`merged_into`, `anonymised`: nothing is written to this record any more"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn archive(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    if_match: IfMatch,
    Json(body): Json<ArchivePatient>,
) -> Answer {
    who.need(Permission::WritePatients)?;
    let action = if body.is_archived { "patient.archive" } else { "patient.restore" };
    let mut tx = state.db.begin("clinic.archive_patient").await?;
    let Some(locked) = patient::lock(&mut tx, who.principal.user, id).await? else {
        drop(tx);
        return Err(who.missed(&state, action, id).await?);
    };
    match entries::open(&locked) {
        Err(Refused::Archived) => {}
        other => other?,
    }
    if_match.check(&ETag::of_version(locked.version))?;
    let changed = patient::archive(&mut tx, &locked, body.is_archived, state.clock.now()).await?;
    scores::later(&mut tx, &state.jobs, &[id]).await?;
    audit::record(&mut tx, &[who.entry(&state, action, id)]).await?;
    tx.commit().await?;
    Ok(who.shown(etag(&changed), || tagged(changed)))
}

/// Takes the person out of an archived record, and out of those that were merged into it, for good: names, numbers, contacts
/// and notes are removed, of the birth the year is left. For who manages the clinic.
#[utoipa::path(post, path = "/clinic/patients/{id}/anonymisation", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The record without a person, with its ETag", body = Patient),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one does not manage it"),
        (status = 409, description = "`not_archived`: archive it first; `merged_into`, `anonymised`"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn anonymise(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    if_match: IfMatch,
) -> Answer {
    const ACTION: &str = "patient.anonymise";
    who.need(Permission::ManageMembers)?;
    let now = state.clock.now();
    let mut tx = state.db.begin("clinic.anonymise_patient").await?;
    let Some(locked) = retention::lock(&mut tx, who.principal.user, id).await? else {
        drop(tx);
        return Err(who.missed(&state, ACTION, id).await?);
    };
    match entries::open(&locked) {
        Err(Refused::Archived) => {}
        Ok(()) => return Err(Problem::conflict("not_archived", "archive the record first")),
        other => other?,
    }
    if_match.check(&ETag::of_version(locked.version))?;
    let objects = retention::anonymise(&mut tx, &state.jobs, &[id], (today(now), now)).await?;
    if !objects.is_empty() {
        state.jobs.enqueue(&mut tx, &RemoveObjects { objects, parts_of: None }).await?;
    }
    let left = retention::lock(&mut tx, who.principal.user, id).await?;
    audit::record(&mut tx, &[who.entry(&state, ACTION, id)]).await?;
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
    tx.commit().await?;
    Ok(tagged(left.ok_or_else(|| Problem::not_found("patient"))?))
}
