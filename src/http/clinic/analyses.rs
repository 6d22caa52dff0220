//! Graded analyses of patients: entered, tried out, listed, read, put right.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    analysis_input::{graded, schema_with, schemas_with},
    member::{Clinician, NotRead},
    told::{Thing, ensure_fit},
};
use crate::{
    audit::{self, Entry},
    clinic::{
        analyses::{
            Graded, GradedAnalysis, Input, NewAnalysis, Source,
            analysis::{self, ChangeError},
            list::{self, AnalysisCard, Filter},
        },
        scores,
        staff::Permission,
        values::entered::FIRST_DAY,
        worded::InWords,
    },
    db::Tx,
    http::{
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, Page, PageParameters},
        merge_patch::MergePatch,
        negotiate::Coding,
        problem::{Answer, FieldError, Place, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{AnalysisId, PatientId},
    jobs::clinic::summary_changed,
    notary::time::today,
};

/// Of the names that other systems give to cases.
const CASE_CHARS_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(list, create))
        .routes(routes!(show, change))
        .routes(routes!(withdraw))
}

/// What an analysis is called, in the log and in refusals.
pub(super) fn thing(id: AnalysisId) -> Thing {
    ("analysis", id.0)
}

/// The analysis and its record, locked in `tx`; an attempt at one that is not there for somebody is in the audit log.
async fn lock(
    state: &AppState,
    mut tx: Tx,
    who: &Clinician,
    (action, id): (&'static str, AnalysisId),
) -> Result<(Tx, GradedAnalysis), Problem> {
    match analysis::lock(&mut tx, who.principal.user, id).await {
        Ok(locked) => Ok((tx, locked)),
        Err(ChangeError::NoSuchAnalysis) => {
            drop(tx);
            Err(who.missed_alone(state, action, thing(id)).await?)
        }
        Err(ChangeError::Refused(refused)) => Err(refused.into()),
        Err(ChangeError::Db(error)) => Err(error.into()),
    }
}

pub(super) fn etag(analysis: &GradedAnalysis) -> header::HeaderValue {
    ETag::of_version(analysis.version).header(Coding::Identity)
}

fn tagged(analysis: GradedAnalysis) -> Response {
    ([(header::ETAG, etag(&analysis))], Json(analysis)).into_response()
}

pub(super) fn path_of(id: AnalysisId) -> String {
    format!("/api/v1/clinic/analyses/{id}")
}

/// When something was seen: not in the future.
pub(super) fn seen_on(checks: &mut Checks, pointer: &str, day: Date, today: Date) {
    checks.ensure(day <= today, pointer, "in_the_future", "is in the future");
    checks.ensure(day >= FIRST_DAY, pointer, "out_of_range", "is too long ago");
}

/// What was graded without being kept.
#[derive(Debug, Serialize, ToSchema)]
struct AnalysisPreview {
    /// The whole in one word, as the result has it, if it says one.
    grade: Option<String>,
    /// How heavy what was found is at least, if the grade is not known but that is.
    grade_at_least: Option<String>,
    /// Name of the method, with its version.
    method: String,
    /// What was given, and what came out.
    #[serde(flatten)]
    graded: Graded,
    /// Why, in words.
    explanation: InWords,
}

/// Nothing beside the input.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Grades what is given by its kind, and keeps nothing.
#[utoipa::path(post, path = "/clinic/analyses/preview", tag = "clinic", security(("bearer" = [])), request_body = Input,
    responses((status = 200, description = "What it comes to", body = AnalysisPreview),
        (status = 403, description = "`no_clinic`: one works in none")))]
async fn preview(_: Clinician, Json(body): Json<Map<String, Value>>) -> Answer {
    let (graded, Nothing {}) = graded(body)?;
    let explained = graded.explained();
    let preview = AnalysisPreview {
        grade: graded.grade(),
        grade_at_least: graded.grade_at_least(),
        method: explained.method.clone(),
        explanation: InWords::from(explained),
        graded,
    };
    Ok(Json(preview).into_response())
}

/// What stands beside the input of an analysis.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Beside {
    /// When it was seen.
    #[schema(value_type = String, format = Date)]
    observed_on: Date,
    /// Which sample, oocyte or embryo.
    #[serde(default)]
    #[schema(max_length = 100)]
    label: String,
    /// What somebody wants to say of it.
    #[serde(default)]
    #[schema(max_length = 2000)]
    note: String,
}

/// An analysis to be entered: the kind, its input, and what stands beside it.
struct EnterAnalysis;

impl PartialSchema for EnterAnalysis {
    fn schema() -> RefOr<Schema> {
        schema_with::<Beside>()
    }
}

impl ToSchema for EnterAnalysis {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas_with::<Beside>(schemas);
    }
}

/// Lists the analyses of a patient, newest first, also those that were withdrawn.
#[utoipa::path(get, path = "/clinic/patients/{id}/analyses", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"), Filter, PageParameters),
    responses((status = 200, description = "A page of analyses", body = Page<AnalysisCard>), NotRead))]
async fn list(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    list: Listing<Filter, AnalysisId>,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    if list.filters.case_id.as_ref().is_some_and(|it| it.chars().count() > CASE_CHARS_MAX) {
        let detail = format!("has more than {CASE_CHARS_MAX} characters");
        return Err(Problem::invalid_parameters(vec![FieldError::query("case_id", "too_long", detail)]));
    }
    who.read(&state, ("patient.read_analyses", id, "/analyses")).await?;
    let of = (who.principal.user, id);
    let found = list::list(&state.db, of, &list.filters, list.after, list.fetch()).await?;
    Ok(list.answer(found, |it| it.id, |it| it))
}

/// Enters an analysis of a patient, which is graded and kept with its method. Everything that cannot be is told at once.
#[utoipa::path(post, path = "/clinic/patients/{id}/analyses", tag = "clinic", security(("bearer" = [])),
    request_body = EnterAnalysis, params(("id" = uuid::Uuid, Path, description = "The patient")),
    responses((status = 201, description = "The analysis, with its ETag", body = GradedAnalysis),
        (status = 422, description = "The body is wrong, or cannot be of this patient: `before_birth`, a day before the birth; \
            `other_sex`, what only the other sex has: it belongs into the partner's record"),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write analyses; \
            `consent_missing`: the patient has not agreed"),
        (status = 409, description = "`merged_into`, `archived`, `anonymised`: nothing is written to this record any more")))]
async fn create(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    Keyed { body, request }: Keyed<Map<String, Value>>,
) -> Answer {
    const ACTION: &str = "patient.analyse";
    who.need(Permission::WriteAnalyses)?;
    let now = state.clock.now();
    let (graded, beside) = graded::<Beside>(body)?;
    let mut checks = Checks::default();
    let label = checks.line("/label", &beside.label, 0..=100);
    let note = checks.text("/note", &beside.note, 0..=2000);
    seen_on(&mut checks, "/observed_on", beside.observed_on, today(now));
    checks.done()?;
    let user = who.principal.user;
    let claim = request.claim(user);
    let mut tx = state.db.begin("clinic.enter_analysis").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let (mut tx, patient) = who.admit(&state, tx, (Permission::WriteAnalyses, ACTION, id)).await?;
    let unfit = patient.content.unfit(Some(beside.observed_on), graded.kind().only_of());
    ensure_fit(&unfit, (Place::Body, "/kind"))?;
    let new = NewAnalysis {
        patient: &patient,
        source: Source::Form,
        document: None,
        case_id: None,
        label,
        note,
        observed_on: beside.observed_on,
        graded,
        by: user,
    };
    let made = analysis::insert(&mut tx, &new, now).await?;
    scores::changed(&mut tx, &state.jobs, id).await?;
    let details = serde_json::json!({ "analysis": made.id, "kind": made.graded.kind() });
    audit::record(&mut tx, &[Entry { details, ..who.entry(&state, ACTION, id) }]).await?;
    let outcome = Outcome::created(path_of(made.id), &made)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, etag(&made));
    Ok(response)
}

/// Shows an analysis with what was given, what came out, and why: sentences, sources, limits.
#[utoipa::path(get, path = "/clinic/analyses/{id}", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The analysis")),
    responses((status = 200, description = "The analysis, with its ETag", body = GradedAnalysis),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not read patients")))]
async fn show(State(state): State<AppState>, who: Clinician, Path(id): Path<AnalysisId>) -> Answer {
    const ACTION: &str = "patient.read_analysis";
    who.need(Permission::ReadPatients)?;
    let Some(found) = analysis::find(&state.db, who.principal.user, id).await? else {
        return Err(who.missed_alone(&state, ACTION, thing(id)).await?);
    };
    who.looked(&state, (ACTION, found.patient_id), Some(thing(id))).await?;
    Ok(tagged(found))
}

/// What of an analysis may be changed. What was given and what came out stay as they are.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DescribeAnalysis {
    /// Which sample, oocyte or embryo.
    #[schema(max_length = 100, required = false)]
    label: String,
    /// What somebody wants to say of it.
    #[schema(max_length = 2000, required = false)]
    note: String,
}

/// Changes what people call an analysis and what they say of it. A mistake in what was given is withdrawn, and entered anew.
#[utoipa::path(patch, path = "/clinic/analyses/{id}", tag = "clinic", security(("bearer" = [])),
    request_body(content((DescribeAnalysis = "application/merge-patch+json"), (DescribeAnalysis = "application/json"))),
    params(("id" = uuid::Uuid, Path, description = "The analysis"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The analysis, with its ETag", body = GradedAnalysis),
        (status = 204, description = "It is done, with its ETag: one may not read patients"),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write analyses"),
        (status = 409, description = "`merged_into`, `archived`, `anonymised`: nothing is written to this record any more"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<AnalysisId>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Answer {
    const ACTION: &str = "patient.describe_analysis";
    who.need(Permission::WriteAnalyses)?;
    let tx = state.db.begin("clinic.describe_analysis").await?;
    let (mut tx, locked) = lock(&state, tx, &who, (ACTION, id)).await?;
    if_match.check(&ETag::of_version(locked.version))?;
    let old = DescribeAnalysis { label: locked.label.clone(), note: locked.note.clone() };
    let new = patch.apply(&old)?;
    let mut checks = Checks::default();
    let label = checks.line("/label", &new.label, 0..=100);
    let note = checks.text("/note", &new.note, 0..=2000);
    checks.done()?;
    let changed = analysis::describe(&mut tx, id, (label, note), state.clock.now()).await?;
    let details = serde_json::json!({ "analysis": id });
    let told = who.entry(&state, ACTION, changed.patient_id);
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok(who.shown(etag(&changed), || tagged(changed)))
}

/// Withdraws an analysis that was entered by mistake: it stays readable, and counts no more. To withdraw it again changes
/// nothing.
#[utoipa::path(post, path = "/clinic/analyses/{id}/withdrawal", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The analysis"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The analysis, with its ETag", body = GradedAnalysis),
        (status = 204, description = "It is done, with its ETag: one may not read patients"),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write analyses"),
        (status = 409, description = "`merged_into`, `archived`, `anonymised`: nothing is written to this record any more"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn withdraw(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<AnalysisId>,
    if_match: IfMatch,
) -> Answer {
    const ACTION: &str = "patient.withdraw_analysis";
    who.need(Permission::WriteAnalyses)?;
    let tx = state.db.begin("clinic.withdraw_analysis").await?;
    let (mut tx, locked) = lock(&state, tx, &who, (ACTION, id)).await?;
    if_match.check(&ETag::of_version(locked.version))?;
    if locked.withdrawn_at.is_some() {
        // Nothing is written, and it is read.
        drop(tx);
        who.looked(&state, ("patient.read_analysis", locked.patient_id), Some(thing(id))).await?;
        return Ok(who.shown(etag(&locked), || tagged(locked)));
    }
    let now = state.clock.now();
    let withdrawn = analysis::withdraw(&mut tx, id, now).await?;
    scores::changed(&mut tx, &state.jobs, withdrawn.patient_id).await?;
    let details = serde_json::json!({ "analysis": id });
    let told = who.entry(&state, ACTION, withdrawn.patient_id);
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
    tx.commit().await?;
    Ok(who.shown(etag(&withdrawn), || tagged(withdrawn)))
}
