//! One analysis, asked for by another system.

use axum::{extract::State, http::header, response::IntoResponse as _};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    audit::{self, Entry},
    clinic::{
        analyses::{Graded, GradedAnalysis, Input, Kind},
        emr::request::{self, Failed, Request, Subject},
        patients::entries::Refused,
        scores,
        staff::Permission,
    },
    http::{
        clinic::{
            analyses::{etag, path_of, seen_on},
            analysis_input::graded_as,
            member::Clinician,
            told::ensure_fit,
        },
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        problem::{Answer, Place, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::PatientId,
    jobs::clinic::summary_changed,
    notary::time::today,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(analyze))
}

/// What stands beside the input of an analysis that another system asks for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The patient; or `medical_record_number`.
    patient_id: Option<PatientId>,
    /// The number of the patient's record in this clinic; or `patient_id`.
    #[schema(min_length = 3, max_length = 60)]
    medical_record_number: Option<String>,
    /// What the other system calls the case.
    #[schema(min_length = 1, max_length = 100)]
    case_id: Option<String>,
    /// Which sample, oocyte or embryo.
    #[serde(default)]
    #[schema(max_length = 100)]
    label: String,
    /// What somebody wants to say of it.
    #[serde(default)]
    #[schema(max_length = 2000)]
    notes: String,
    /// When it was seen; today, if nothing is said.
    #[schema(value_type = Option<String>, format = Date)]
    observed_on: Option<Date>,
}

impl Asked {
    /// The request, or everything that is wrong with it.
    pub(super) fn checked(&self, graded: &Graded, today: Date) -> Result<Request, Problem> {
        let mut checks = Checks::default();
        let subject = match (self.patient_id, &self.medical_record_number) {
            (Some(id), None) => Some(Subject::Id(id)),
            (None, Some(number)) => Subject::numbered(number)
                .map_err(|error| checks.fail("/medical_record_number", "invalid_number", error.to_string()))
                .ok(),
            (None, None) => {
                checks.fail(
                    "/patient_id",
                    "required",
                    "say whom it is about: this, or `medical_record_number`",
                );
                None
            }
            (Some(_), Some(_)) => {
                checks.fail("/medical_record_number", "contradicts", "say this or `patient_id`, not both");
                None
            }
        };
        let case_id = self.case_id.as_deref().map(|it| checks.line("/case_id", it, 1..=100).to_owned());
        let label = checks.line("/label", &self.label, 0..=100).to_owned();
        let note = checks.text("/notes", &self.notes, 0..=2000).to_owned();
        let observed_on = self.observed_on.unwrap_or(today);
        seen_on(&mut checks, "/observed_on", observed_on, today);
        checks.done()?;
        let input = graded.input().map_err(Problem::internal)?;
        let subject = subject.ok_or_else(|| Problem::not_found("patient"))?;
        Ok(Request { subject, kind: graded.kind(), input, case_id, label, note, observed_on })
    }
}

/// An analysis to be made: the input of the path's kind, and what stands beside it.
struct AskForAnalysis;

impl PartialSchema for AskForAnalysis {
    fn schema() -> RefOr<Schema> {
        let mut schema = Asked::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.properties.insert("input".to_owned(), any_input());
            object.required.push("input".to_owned());
        }
        schema
    }
}

impl ToSchema for AskForAnalysis {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Input::schemas(schemas);
        Asked::schemas(schemas);
    }
}

/// The input of whatever kind the path says.
fn any_input() -> RefOr<Schema> {
    let about = "The input of this kind, as for `POST /api/v1/clinic/analyses/preview`";
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::Object)
        .description(Some(about))
        .into()
}

pub(super) fn refused(failed: Failed) -> Problem {
    match failed {
        Failed::Refused(refused) => refused.into(),
        Failed::Unfit(unfit) => match ensure_fit(&unfit, (Place::Path, "/kind")) {
            Err(problem) => problem,
            Ok(()) => Problem::internal(Failed::Unfit(unfit)),
        },
        other => Problem::internal(other),
    }
}

/// Grades what is given and keeps it as an analysis of a patient, who is named by the id, or by the number of the record: that finds
/// a patient, and needs the permission to read patients beside that to write analyses.
#[utoipa::path(post, path = "/clinic/emr/analyze/{kind}", tag = "clinic programs", security(("bearer" = [])),
    request_body = AskForAnalysis, params(("kind" = Kind, Path, description = "What is graded")),
    responses((status = 201, description = "The analysis, with its ETag", body = GradedAnalysis),
        (status = 422, description = "The body is wrong, or cannot be of this patient: `before_birth`, a day before the birth; \
            `other_sex`, what only the other sex has: it belongs into the partner's record"),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write analyses; \
            `consent_missing`: the patient has not agreed"),
        (status = 404, description = "There is no such kind, or no such patient; nor is there by number for who may not read them"),
        (status = 409, description = "`merged_into`, `archived`, `anonymised`: nothing is written to this record any more")))]
async fn analyze(
    State(state): State<AppState>,
    who: Clinician,
    Path(kind): Path<Kind>,
    Keyed { body, request: keyed }: Keyed<Map<String, Value>>,
) -> Answer {
    const ACTION: &str = "patient.analyse";
    who.need(Permission::WriteAnalyses)?;
    let now = state.clock.now();
    let (graded, asked) = graded_as::<Asked>(kind, body)?;
    let asked = asked.checked(&graded, today(now))?;
    let user = who.principal.user;
    let claim = keyed.claim(user);
    let mut tx = state.db.begin("clinic.emr.analyze").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let made = match request::write(&mut tx, (user, who.standing.clinic), &asked, graded, now).await {
        Err(Failed::Refused(Refused::NoSuchPatient)) => {
            drop(tx);
            return Err(match asked.subject {
                Subject::Id(id) => who.missed(&state, ACTION, id).await?,
                // A number is no id: that somebody tried one is told of the clinic.
                Subject::Number(_) => {
                    who.missed_alone(&state, ACTION, ("clinic", who.standing.clinic.0)).await?;
                    Problem::not_found("patient")
                }
            });
        }
        other => other.map_err(refused)?,
    };
    scores::changed(&mut tx, &state.jobs, made.patient_id).await?;
    let details = serde_json::json!({ "analysis": made.id, "kind": kind });
    audit::record(&mut tx, &[Entry { details, ..who.entry(&state, ACTION, made.patient_id) }]).await?;
    let outcome = Outcome::created(path_of(made.id), &made)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, etag(&made));
    Ok(response)
}
