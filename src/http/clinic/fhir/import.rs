//! Bundles of Observations that another system sends.

use axum::{extract::State, http::StatusCode};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use crate::{
    audit::{self, Entry as Told},
    clinic::{
        fhir::{
            import::{self, ImportError, Imported, Importer},
            incoming,
            types::{Bundle, Entry, EntryResponse, Issue, Outcome},
        },
        scores,
        staff::Permission,
    },
    http::{clinic::member::Clinician, extract::Json, problem::Answer, state::AppState},
    ids::PatientId,
    jobs::clinic::summary_changed,
    notary::time::today,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(import))
}

/// Imports the Observations of a Bundle (`transaction`, `batch`, `collection` or `searchset`, at most 1,000 entries) as values
/// of patients who have consented: all of them, or none. An Observation is known by its identifier: sent again, it changes
/// nothing. Units are UCUM; codes are LOINC, or those of this server; what is not understood is refused with its place. Other
/// resources are passed over, which the answer says.
#[utoipa::path(post, path = "/fhir", tag = "fhir", security(("bearer" = [])),
    request_body(content((Value = "application/fhir+json"), (Value = "application/json"))),
    responses((status = 200, description = "What became of each entry", body = Bundle, content_type = "application/fhir+json"),
        (status = 403, description = "One works in no clinic, or may not write analyses"),
        (status = 422, description = "Nothing was imported: an issue for everything that is wrong")))]
async fn import(
    State(state): State<AppState>,
    who: Clinician,
    Json(bundle): Json<incoming::Bundle>,
) -> Answer {
    who.need(Permission::WriteAnalyses)?;
    let now = state.clock.now();
    let read = match incoming::read(&bundle, today(now)) {
        Ok(read) => read,
        Err(issues) => return refused(issues),
    };
    let importer = Importer { user: who.principal.user, clinic: who.standing.clinic };
    let mut tx = state.db.begin("clinic.fhir.import").await?;
    let imported = match import::write(&mut tx, importer, &read, now).await {
        Ok(imported) => imported,
        Err(ImportError::Wrong(issues)) => return refused(issues),
        Err(ImportError::Db(error)) => return Err(error.into()),
    };
    for (patient, count) in changed(&imported) {
        scores::changed(&mut tx, &state.jobs, patient).await?;
        let told = who.entry(&state, "patient.import_values", patient);
        audit::record(&mut tx, &[Told { details: json!({ "values": count }), ..told }]).await?;
    }
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
    tx.commit().await?;
    let kind = if bundle.kind == "batch" { "batch-response" } else { "transaction-response" };
    let entries = (0..bundle.entry.len()).map(|at| entry(at, &imported, &read.passed)).collect();
    answer(StatusCode::OK, &Bundle::of(kind, entries))
}

fn refused(issues: Vec<Issue>) -> Answer {
    answer(StatusCode::UNPROCESSABLE_ENTITY, &Outcome::of(issues))
}

/// Whose values are new, and how many.
fn changed(imported: &[Imported]) -> std::collections::BTreeMap<PatientId, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for it in imported.iter().filter(|it| it.is_new) {
        *counts.entry(it.patient).or_insert(0) += 1;
    }
    counts
}

/// What became of an entry.
fn entry(at: usize, imported: &[Imported], passed: &[(usize, String)]) -> Entry {
    let response = if let Some(it) = imported.iter().find(|it| it.at == at) {
        EntryResponse {
            status: if it.is_new { "201 Created" } else { "200 OK" }.to_owned(),
            location: Some(format!("Observation/{}", it.id)),
            outcome: None,
        }
    } else {
        let kind = passed.iter().find(|(place, _)| *place == at).map_or("entry", |(_, kind)| kind.as_str());
        let issue = Issue {
            severity: "information",
            code: "not-supported",
            details: None,
            diagnostics: format!("a {kind} is not imported"),
            expression: vec![format!("Bundle.entry[{at}]")],
        };
        EntryResponse {
            status: "204 No Content".to_owned(),
            location: None,
            outcome: Some(Outcome::of(vec![issue])),
        }
    };
    Entry { full_url: None, resource: None, search: None, response: Some(response) }
}
