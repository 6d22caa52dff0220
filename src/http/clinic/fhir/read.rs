//! Patients, their values and analyses, and what this server can.

use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{answer, base, versioned};
use crate::{
    clinic::{
        analyses::{self, list::EXPORTED_MAX},
        emr::export::cut,
        fhir::{
            find,
            incoming::{BUNDLE_BYTES_MAX, OBSERVATIONS_MAX},
            outgoing,
            types::{Bundle, Issue, Link, Outcome, Patient, Resource},
        },
        patients,
        staff::Permission,
        values::{
            self,
            list::{After, VALUES_MAX},
        },
    },
    http::{
        clinic::member::Clinician,
        cursor::FilterHash,
        extract::{Path, Query},
        listing::{DEFAULT_LIMIT, MAX_LIMIT},
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    ids::PatientId,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(metadata))
        .routes(routes!(patient))
        .routes(routes!(everything))
        .routes(routes!(search))
}

/// What this server can do with FHIR: a CapabilityStatement.
#[utoipa::path(get, path = "/fhir/metadata", tag = "fhir",
    responses((status = 200, description = "The CapabilityStatement", body = Value, content_type = "application/fhir+json")))]
async fn metadata(State(state): State<AppState>) -> Answer {
    let read = |kind: &str, more: Value| {
        let mut resource = json!({ "type": kind, "interaction": [{ "code": "read" }] });
        merge(&mut resource, more);
        resource
    };
    let patient = json!({ "operation": [{ "name": "everything",
        "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything" }] });
    let observation = json!({ "interaction": [{ "code": "search-type" }, { "code": "create",
            "documentation": format!("within a Bundle: at most {OBSERVATIONS_MAX} of them, in {BUNDLE_BYTES_MAX} bytes") }],
        "searchParam": [{ "name": "patient", "type": "reference" }, { "name": "code", "type": "token" }] });
    let statement = json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-22",
        "kind": "instance",
        "software": { "name": "Sportello", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Sportello, clinic desk", "url": base(&state) },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [{
            "mode": "server",
            "security": { "description": "Authorization: Bearer with an access token, or a key with clinic:read and clinic:write" },
            "interaction": [{ "code": "transaction" }, { "code": "batch",
                "documentation": "also done as a whole or not at all" }],
            "resource": [read("Patient", patient), read("Observation", observation)],
        }],
    });
    answer(StatusCode::OK, &statement)
}

fn merge(target: &mut Value, more: Value) {
    if let (Some(target), Value::Object(more)) = (target.as_object_mut(), more) {
        target.extend(more);
    }
}

/// A patient to be read; a record that was merged leads to the other one.
async fn found(
    state: &AppState,
    who: &Clinician,
    (action, id, rest): (&'static str, PatientId, &str),
) -> Result<patients::Patient, Problem> {
    who.need(Permission::ReadPatients)?;
    who.read_at(state, (action, id), |target| format!("{}/Patient/{target}{rest}", super::PATH)).await
}

/// Shows a patient as a FHIR resource.
#[utoipa::path(get, path = "/fhir/Patient/{id}", tag = "fhir", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient")),
    responses((status = 200, description = "The patient, with its ETag", body = Patient, content_type = "application/fhir+json"),
        (status = 308, description = "The record that has taken everything of this one"),
        (status = 403, description = "One works in no clinic, or may not read patients")))]
async fn patient(State(state): State<AppState>, who: Clinician, Path(id): Path<PatientId>) -> Answer {
    let of = found(&state, &who, ("patient.read", id, "")).await?;
    Ok(versioned(answer(StatusCode::OK, &outgoing::patient(&of))?, of.version))
}

/// Exports a patient with all values and graded analyses, as a Bundle that another clinic can import. What was withdrawn is among
/// them as `entered-in-error`. If there are more than 5,000 values or 1,000 analyses, the newest are sent, without `total` and
/// with an OperationOutcome (`too-costly`) at the end. An import takes 1,000 Observations: if there are more, the OperationOutcome at
/// the end says so (`informational`), and they are sent in several Bundles, each with the Patient.
#[utoipa::path(get, path = "/fhir/Patient/{id}/$everything", tag = "fhir", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient")),
    responses((status = 200, description = "The Bundle", body = Bundle, content_type = "application/fhir+json"),
        (status = 308, description = "The record that has taken everything of this one"),
        (status = 403, description = "One works in no clinic, or may not read patients")))]
async fn everything(State(state): State<AppState>, who: Clinician, Path(id): Path<PatientId>) -> Answer {
    let of = found(&state, &who, ("patient.export", id, "/$everything")).await?;
    let whose = (who.principal.user, id);
    let mut values = values::list::exported(&state.db, whose, true).await?;
    let mut reports = analyses::list::of_patient(&state.db, whose).await?;
    let is_cut = [cut(&mut values, VALUES_MAX), cut(&mut reports, EXPORTED_MAX)].contains(&true);
    let told: Vec<_> = is_cut.then(too_much).into_iter().chain(too_many(values.len())).collect();
    let patient = Resource::Patient(Box::new(outgoing::patient(&of)));
    let values = values.iter().map(|it| Resource::Observation(Box::new(outgoing::observation(it))));
    let reports = reports.iter().map(|it| Resource::DiagnosticReport(Box::new(outgoing::report(it))));
    let base = base(&state);
    let entries = [patient].into_iter().chain(values).chain(reports);
    let mut entries: Vec<_> = entries.map(|it| outgoing::found(it, "match", &base)).collect();
    // How many there are is not known when there are more.
    let total = u32::try_from(entries.len()).ok().filter(|_| !is_cut);
    if !told.is_empty() {
        let told = Resource::Outcome(Box::new(Outcome::of(told)));
        entries.push(outgoing::found(told, "outcome", &base));
    }
    answer(StatusCode::OK, &Bundle { total, ..Bundle::of("searchset", entries) })
}

/// There is more than one answer holds.
fn too_much() -> Issue {
    let diagnostics = format!(
        "only the newest {VALUES_MAX} values and {EXPORTED_MAX} analyses are here: read the values by \
         Observation?patient=, page by page"
    );
    Issue { severity: "warning", code: "too-costly", details: None, diagnostics, expression: Vec::new() }
}

/// There is more than one import takes.
fn too_many(values: usize) -> Option<Issue> {
    let diagnostics = format!(
        "{values} Observations are here, and an import takes {OBSERVATIONS_MAX}: send them in several Bundles, each with the Patient"
    );
    let issue = Issue {
        severity: "information",
        code: "informational",
        details: None,
        diagnostics,
        expression: Vec::new(),
    };
    (values > OBSERVATIONS_MAX).then_some(issue)
}

/// Which values.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Search {
    /// The patient: an id, or `Patient/` and the id.
    #[param(pattern = "^(Patient/)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    patient: String,
    /// A code: LOINC's, or `system|code`.
    #[param(max_length = 200)]
    code: Option<String>,
    /// Most entries of the page.
    #[serde(rename = "_count")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    count: Option<u32>,
    /// Where to go on: stands in the link `next`.
    #[serde(rename = "_cursor")]
    cursor: Option<String>,
}

fn wrong(parameter: &str, code: &'static str, detail: String) -> Problem {
    Problem::invalid_parameters(vec![FieldError::query(parameter, code, detail)])
}

/// Lists the values of a patient as FHIR resources, those observed last first; not those that were withdrawn.
#[utoipa::path(get, path = "/fhir/Observation", tag = "fhir", security(("bearer" = [])), params(Search),
    responses((status = 200, description = "A Bundle with a page of values", body = Bundle, content_type = "application/fhir+json"),
        (status = 308, description = "The record that has taken everything of this one"),
        (status = 403, description = "One works in no clinic, or may not read patients"),
        (status = 404, description = "There is no such patient")))]
async fn search(
    State(state): State<AppState>,
    who: Clinician,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<Search>,
) -> Answer {
    let id = query.patient.strip_prefix("Patient/").unwrap_or(&query.patient);
    let id: PatientId =
        id.parse().map_err(|_| wrong("patient", "invalid", "must be an id of a patient".to_owned()))?;
    let limit = query.count.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(wrong("_count", "out_of_range", format!("must be from 1 to {MAX_LIMIT}")));
    }
    let analyte = query.code.as_deref().map(|token| {
        find::by_token(token)
            .ok_or_else(|| wrong("code", "unknown_code", "is of nothing that is kept here".to_owned()))
    });
    let analyte = analyte.transpose()?;
    found(&state, &who, ("patient.read_values", id, "")).await?;
    let named = id.to_string();
    let code = analyte.map_or("", |it| it.code);
    let hash = FilterHash::of("fhir.observation", [("patient", named.as_str()), ("code", code)]);
    let after: Option<After> =
        query.cursor.as_deref().map(|cursor| state.cursors.read(hash, cursor)).transpose()?;
    let filter = values::list::Filter {
        analyte: analyte.map(|it| it.code.to_owned()),
        ..values::list::Filter::default()
    };
    let of = (who.principal.user, id);
    let mut rows = values::list::list(&state.db, of, &filter, after, i64::from(limit) + 1).await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let base = base(&state);
    let mut link = vec![Link {
        relation: "self",
        url: format!("{base}/Observation?{}", uri.query().unwrap_or_default()),
    }];
    if let Some(last) = rows.last().filter(|_| has_more) {
        let cursor = state.cursors.write(hash, &After(last.observed_on, last.id));
        let pairs = [
            ("patient", Some(named.as_str())),
            ("code", query.code.as_deref()),
            ("_count", Some(&limit.to_string())),
            ("_cursor", Some(&cursor)),
        ]
        .map(|(name, value)| value.map(|value| (name, value.to_owned())));
        let pairs: Vec<_> = pairs.into_iter().flatten().collect();
        let query = serde_urlencoded::to_string(&pairs).map_err(Problem::internal)?;
        link.push(Link { relation: "next", url: format!("{base}/Observation?{query}") });
    }
    let entries = rows.iter().map(|it| Resource::Observation(Box::new(outgoing::observation(it))));
    let entries = entries.map(|it| outgoing::found(it, "match", &base)).collect();
    answer(StatusCode::OK, &Bundle { link, ..Bundle::of("searchset", entries) })
}
