//! Patients of the clinic where one works: registered, listed, read, changed.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    member::{Clinician, NotRead},
    patient_checks::checked,
    told::Thing,
};
use crate::{
    audit::{self, Entry},
    clinic::{
        patients::{
            Content, Patient,
            duplicates::{self, Duplicate},
            entries,
            list::{self, Filter, PatientCard},
            patient::{self, WriteError},
        },
        scores,
        staff::Permission,
    },
    http::{
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, Page, PageParameters},
        merge_patch::MergePatch,
        negotiate::Coding,
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    ids::PatientId,
    jobs::clinic::summary_changed,
    notary::time::today,
};

/// Nobody types more.
const QUERY_CHARS_MAX: usize = 200;
const NUMBER_CHARS_MAX: usize = 60;
/// What of a patient counts in the fertility score.
const COUNTING: [&str; 4] = ["born_on", "sex", "lifestyle", "history"];

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change))
        .routes(routes!(show_duplicates))
}

pub(super) fn etag(patient: &Patient) -> header::HeaderValue {
    ETag::of_version(patient.version).header(Coding::Identity)
}

pub(super) fn tagged(patient: Patient) -> Response {
    ([(header::ETAG, etag(&patient))], Json(patient)).into_response()
}

pub(super) fn path_of(id: PatientId) -> String {
    format!("/api/v1/clinic/patients/{id}")
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        let detail = error.to_string();
        match error {
            WriteError::NotAllowed => Self::forbidden("no_permission", detail),
            WriteError::MrnTaken => {
                let field = FieldError::body("/medical_record_number", "taken", detail.clone());
                Self::conflict("taken", detail).with_errors(vec![field])
            }
            WriteError::UnknownPartner => {
                Self::unprocessable(vec![FieldError::body("/partner_patient_id", "unknown_patient", detail)])
            }
            WriteError::LikelyDuplicate(found) => {
                let duplicates: Vec<_> =
                    found.iter().map(|it| json!({ "id": it.id, "likeness": it.likeness })).collect();
                Self::conflict("likely_duplicate", detail).member("duplicates", duplicates)
            }
            WriteError::Db(error) => error.into(),
        }
    }
}

/// Lists patients of one's clinic, newest first; `q` finds beginnings of names, of numbers and of fiscal codes.
#[utoipa::path(get, path = "/clinic/patients", tag = "clinic", security(("bearer" = [])), params(Filter, PageParameters),
    responses((status = 200, description = "A page of patients", body = Page<PatientCard>),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not read patients")))]
async fn list(State(state): State<AppState>, who: Clinician, list: Listing<Filter, PatientId>) -> Answer {
    who.need(Permission::ReadPatients)?;
    let too_long = [
        ("q", &list.filters.q, QUERY_CHARS_MAX),
        ("medical_record_number", &list.filters.medical_record_number, NUMBER_CHARS_MAX),
        ("fiscal_code", &list.filters.fiscal_code, NUMBER_CHARS_MAX),
    ];
    let too_long = too_long
        .into_iter()
        .filter(|(_, text, most)| text.as_ref().is_some_and(|text| text.chars().count() > *most));
    let errors: Vec<_> = too_long
        .map(|(name, _, most)| {
            FieldError::query(name, "too_long", format!("has more than {most} characters"))
        })
        .collect();
    if !errors.is_empty() {
        return Err(Problem::invalid_parameters(errors));
    }
    let user = who.principal.user;
    let found = list::list(&state.db, user, &list.filters, list.after, list.fetch()).await?;
    let page = list.limit as usize;
    let seen: Vec<_> = found.iter().take(page).map(|patient| patient.id).collect();
    who.listed(&state, &seen).await?;
    Ok(list.answer(found, |patient| patient.id, |patient| patient))
}

/// Why a patient is not written down. Who hears which patients are alike, or whether there is a partner, has asked about them:
/// that is in the audit log.
async fn refused(
    state: &AppState,
    who: &Clinician,
    (action, object): (&'static str, Thing),
    (error, content): (WriteError, &Content),
) -> Result<Problem, Problem> {
    let told = match &error {
        WriteError::LikelyDuplicate(found) => {
            let ids: Vec<_> = found.iter().map(|it| it.id).collect();
            Some(("likely_duplicate", json!({ "duplicates": ids })))
        }
        WriteError::UnknownPartner => {
            Some(("unknown_patient", json!({ "partner_patient_id": content.partner_patient_id })))
        }
        WriteError::NotAllowed | WriteError::MrnTaken | WriteError::Db(_) => None,
    };
    if let Some(told) = told {
        who.refused(state, (action, object), told).await?;
    }
    Ok(error.into())
}

/// Registers a patient. Who is probably there already is answered 409 `likely_duplicate` with their ids; who has looked sends
/// `"is_distinct": true`.
#[utoipa::path(post, path = "/clinic/patients", tag = "clinic", security(("bearer" = [])), request_body = Content,
    responses((status = 201, description = "The patient, with its ETag", body = Patient),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write patients"),
        (status = 409, description = "`likely_duplicate`: with `duplicates`, their ids and what is alike; `taken`: another \
            patient of the clinic has this medical record number")))]
async fn create(
    State(state): State<AppState>,
    who: Clinician,
    Keyed { body, request }: Keyed<Content>,
) -> Answer {
    const ACTION: &str = "patient.create";
    who.need(Permission::WritePatients)?;
    let now = state.clock.now();
    let content = checked(body, false, today(now))?;
    let claim = request.claim(who.principal.user);
    let mut tx = state.db.begin("clinic.create_patient").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let created = patient::create(&mut tx, who.principal.user, &content, now).await;
    let patient = match created {
        Ok(patient) => patient,
        Err(error) => {
            drop(tx);
            let object = ("clinic", who.standing.clinic.0);
            return Err(refused(&state, &who, (ACTION, object), (error, &content)).await?);
        }
    };
    let details = json!({ "is_distinct": content.is_distinct });
    let told = who.entry(&state, ACTION, patient.id);
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    let outcome = Outcome::created(path_of(patient.id), &patient)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, etag(&patient));
    Ok(response)
}

/// Shows a patient. A record that was merged into another leads there.
#[utoipa::path(get, path = "/clinic/patients/{id}", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient")),
    responses((status = 200, description = "The patient, with its ETag", body = Patient), NotRead))]
async fn show(State(state): State<AppState>, who: Clinician, Path(id): Path<PatientId>) -> Answer {
    who.need(Permission::ReadPatients)?;
    Ok(tagged(who.read(&state, ("patient.read", id, "")).await?))
}

/// Changes to a patient: a JSON merge patch (RFC 7396). What is left out stays; `null` removes what is optional.
struct ChangePatient;

impl PartialSchema for ChangePatient {
    fn schema() -> RefOr<Schema> {
        let mut schema = Content::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.description =
                Some("What is left out stays; `null` removes what is optional (RFC 7396)".to_owned());
        }
        schema
    }
}

impl ToSchema for ChangePatient {}

/// Changes a patient.
#[utoipa::path(patch, path = "/clinic/patients/{id}", tag = "clinic", security(("bearer" = [])),
    request_body(content((ChangePatient = "application/merge-patch+json"), (ChangePatient = "application/json"))),
    params(("id" = uuid::Uuid, Path, description = "The patient"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed patient, with its ETag", body = Patient),
        (status = 204, description = "It is done, with its ETag: one may not read patients"),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write patients"),
        (status = 409, description = "`likely_duplicate`, `taken`, as for registering; `merged_into`, `archived`, \
            `anonymised`: nothing is written to this record any more"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Answer {
    const ACTION: &str = "patient.change";
    who.need(Permission::WritePatients)?;
    let now = state.clock.now();
    let mut tx = state.db.begin("clinic.change_patient").await?;
    if patch.names(patient::WITH_OTHERS) {
        patient::lock_clinic(&mut tx, who.principal.user).await?;
    }
    let Some(locked) = patient::lock(&mut tx, who.principal.user, id).await? else {
        drop(tx);
        return Err(who.missed(&state, ACTION, id).await?);
    };
    entries::open(&locked)?;
    if_match.check(&ETag::of_version(locked.version))?;
    let content = checked(patch.apply(&locked.content)?, true, today(now))?;
    let changed = match patient::change(&mut tx, &locked, &content, now).await {
        Ok(changed) => changed,
        Err(error) => {
            drop(tx);
            return Err(refused(&state, &who, (ACTION, ("patient", id.0)), (error, &content)).await?);
        }
    };
    let fields = fields(&locked.content, &changed.content)?;
    if fields.iter().any(|name| COUNTING.contains(&name.as_str())) {
        scores::changed(&mut tx, &state.jobs, id).await?;
    }
    let details = json!({ "fields": fields });
    let told = who.entry(&state, ACTION, id);
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok(who.shown(etag(&changed), || tagged(changed)))
}

/// The names of what has changed.
fn fields(old: &Content, new: &Content) -> Result<Vec<String>, Problem> {
    let value = |content| serde_json::to_value(content).map_err(Problem::internal);
    let (old, new) = (value(old)?, value(new)?);
    let names = new.as_object().into_iter().flatten().filter(|(name, value)| old.get(name) != Some(value));
    Ok(names.map(|(name, _)| name.clone()).collect())
}

/// Who may be the same as a patient, the surest first.
#[derive(Debug, serde::Serialize, ToSchema)]
#[schema(as = PatientDuplicates)]
struct Duplicates {
    /// Also those who are only nearly alike.
    data: Vec<Duplicate>,
}

/// Shows which patients may be the same as this one: by fiscal code, name and day of birth, the surest first.
#[utoipa::path(get, path = "/clinic/patients/{id}/duplicates", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient")),
    responses((status = 200, description = "Who may be the same", body = Duplicates), NotRead))]
async fn show_duplicates(State(state): State<AppState>, who: Clinician, Path(id): Path<PatientId>) -> Answer {
    who.need(Permission::ReadPatients)?;
    let patient = who.read(&state, ("patient.read_duplicates", id, "/duplicates")).await?;
    let data = duplicates::of(&state.db, who.principal.user, &patient).await?;
    let seen: Vec<_> = data.iter().map(|it| it.id).collect();
    who.listed(&state, &seen).await?;
    Ok(Json(Duplicates { data }).into_response())
}
