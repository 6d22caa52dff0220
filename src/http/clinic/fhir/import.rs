//! Bundles of Observations that another system sends.

use std::collections::{BTreeSet, HashMap};

use axum::{
    extract::{FromRef as _, Request, State},
    http::{HeaderValue, StatusCode, header},
};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::answer;
use crate::{
    audit::{self, Entry as Told},
    clinic::{
        fhir::{
            bundle,
            import::{self, Became, Changes, ImportError, Imported, Importer},
            incoming::{self, BUNDLE_BYTES_MAX, Here, Issues},
            types::{Bundle, Entry, EntryResponse, Issue, Outcome},
        },
        scores,
        staff::Permission,
    },
    http::{
        clinic::member::Clinician,
        extract::{json_bytes, parse_json},
        problem::{Answer, Problem},
        state::{AppState, BodyLimits},
    },
    ids::PatientId,
    jobs::clinic::summary_changed,
    notary::time::today,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(import))
}

/// Bundles larger than other bodies (`server.max_body_bytes`) that are in memory at once on a server, each up to three times: as
/// it came, taken apart, and as values. Who comes then waits, as long as requests have time (`server.request_deadline`).
const LARGE_AT_ONCE: usize = 2;

static LARGE: Semaphore = Semaphore::const_new(LARGE_AT_ONCE);

/// The Bundle that was sent, with its place among the large ones.
async fn received(
    state: &AppState,
    request: Request,
) -> Result<(bundle::Bundle, Option<SemaphorePermit<'static>>), Problem> {
    let usual = BodyLimits::from_ref(state);
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    let place = match length {
        Some(length) if (0..=usual.max_bytes).contains(&length) => None,
        _ => Some(LARGE.acquire().await.map_err(Problem::internal)?),
    };
    let max_bytes = BUNDLE_BYTES_MAX.max(usual.max_bytes);
    let bytes = json_bytes(request, BodyLimits { max_bytes, ..usual }).await?;
    Ok((parse_json(&bytes)?, place))
}

/// Imports the Observations of a Bundle (`transaction`, `batch`, `collection` or `searchset`; at most 1,000 Observations and
/// 2,002 entries in 16,384,000 bytes, which any export of 1,000 values has) as values
/// of patients who have consented: all of them, or none. More are sent in several Bundles, each with the Patient that its
/// Observations name. An Observation is known by its identifier: sent again, it changes
/// nothing. `amended` and `corrected` put right what was sent before, `entered-in-error` withdraws it; something else that is
/// `final` under the same identifier is refused. Units are UCUM; codes are LOINC, or those of this server; what is not understood, or cannot be (out of range, of a
/// day before the birth, of the other sex), and elements that R4 does not have, are refused with their place. Other
/// resources, and elements that are not kept (a note, say), are passed over, which the answer says.
#[utoipa::path(post, path = "/fhir", tag = "fhir", security(("bearer" = [])),
    request_body(content((Value = "application/fhir+json"), (Value = "application/json"))),
    responses((status = 200, description = "What became of each entry", body = Bundle, content_type = "application/fhir+json"),
        (status = 403, description = "One works in no clinic, or may not write analyses"),
        (status = 409, description = "Nothing was imported: somebody imports or changes the same at this moment; send it again"),
        (status = 422, description = "Nothing was imported: an issue for everything that is wrong")))]
async fn import(State(state): State<AppState>, who: Clinician, request: Request) -> Answer {
    who.need(Permission::WriteAnalyses)?;
    let (bundle, _place) = received(&state, request).await?;
    let now = state.clock.now();
    let read = match incoming::read(&bundle, Here { base: &super::base(&state), today: today(now) }) {
        Ok(read) => read,
        Err(issues) => return refused(issues),
    };
    let importer = Importer { user: who.principal.user, clinic: who.standing.clinic };
    let mut tx = state.db.begin("clinic.fhir.import").await?;
    let done = match import::write(&mut tx, importer, &read, now).await {
        Ok(done) => done,
        Err(ImportError::Wrong(issues)) => {
            drop(tx);
            tell_missing(&state, &who, &read, &issues).await?;
            return refused(issues);
        }
        Err(ImportError::Raced) => return raced(),
        Err(ImportError::Db(error)) => return Err(error.into()),
    };
    let patients: Vec<PatientId> = done.changes.keys().copied().collect();
    let told = |(patient, changes): (&PatientId, &Changes)| {
        let told = who.entry(&state, "patient.import_values", *patient);
        Told { details: details(changes), ..told }
    };
    let told: Vec<Told> = done.changes.iter().map(told).collect();
    scores::all_changed(&mut tx, &state.jobs, &patients).await?;
    audit::record(&mut tx, &told).await?;
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
    tx.commit().await?;
    let kind = if bundle.kind == "batch" { "batch-response" } else { "transaction-response" };
    let became: HashMap<usize, &Imported> = done.imported.iter().map(|it| (it.at, it)).collect();
    let left: HashMap<usize, &[String]> = read.left.iter().map(|(at, left)| (*at, left.as_slice())).collect();
    let passed: HashMap<usize, &str> = read.passed.iter().map(|(at, kind)| (*at, kind.as_str())).collect();
    let entries = (0..bundle.entry.len()).map(|at| {
        let response = match became.get(&at) {
            Some(imported) => became_of(imported, left.get(&at).copied().unwrap_or_default()),
            None => passed_over(at, passed.get(&at).copied().unwrap_or("entry")),
        };
        Entry { full_url: None, resource: None, search: None, response: Some(response) }
    });
    answer(StatusCode::OK, &Bundle::of(kind, entries.collect()))
}

/// Who names patients that are not there for them is in the audit log: once for each import, with the ids.
async fn tell_missing(
    state: &AppState,
    who: &Clinician,
    read: &incoming::Read,
    issues: &[Issue],
) -> Result<(), Problem> {
    let missing = read.sent.iter().filter(|sent| {
        let place = format!("Bundle.entry[{}].resource.subject", sent.at);
        issues.iter().any(|it| it.code == "not-found" && it.expression.contains(&place))
    });
    let ids = missing.clone().filter_map(|sent| match &sent.subject {
        incoming::Subject::Id(id) => Some(*id),
        incoming::Subject::Named(_) => None,
    });
    let (ids, count): (BTreeSet<Uuid>, _) = (ids.collect(), missing.count());
    if count == 0 {
        return Ok(());
    }
    let object = ("clinic", who.standing.clinic.0);
    let details = json!({ "patients": ids, "observations": count });
    who.refused(state, ("patient.import_values", object), ("not_found", details)).await
}

fn refused(issues: Vec<Issue>) -> Answer {
    answer(StatusCode::UNPROCESSABLE_ENTITY, &Outcome::of(issues))
}

/// Sent again, it is known or can be written.
fn raced() -> Answer {
    let mut issues = Issues::default();
    let detail = "the same is being imported or changed at this moment: send it again";
    issues.add("conflict", "raced", "Bundle".to_owned(), detail);
    let mut response = answer(StatusCode::CONFLICT, &Outcome::of(issues.end().err().unwrap_or_default()))?;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    Ok(response)
}

/// What the audit log hears of a patient: ids, never figures. The old and the new number stand in the values.
fn details(changes: &Changes) -> Value {
    let mut details = json!({ "values": changes.new });
    if !changes.withdrawn.is_empty() {
        let each = changes.withdrawn.iter().map(|(id, by)| json!({ "value": id, "replaced_by": by }));
        details["withdrawn"] = each.collect();
    }
    details
}

/// What became of an Observation.
fn became_of(imported: &Imported, left: &[String]) -> EntryResponse {
    let (status, said) = match imported.became {
        Became::New => ("201 Created", None),
        Became::Same | Became::Withdrawn => ("200 OK", None),
        Became::StaysWithdrawn => ("200 OK", Some("it is kept, and was withdrawn: it stays so")),
        Became::Unknown => {
            ("204 No Content", Some("nothing of this identifier is kept: there is nothing to withdraw"))
        }
    };
    EntryResponse {
        status: status.to_owned(),
        location: imported.id.map(|id| format!("Observation/{id}")),
        outcome: told(said, left, imported.at),
    }
}

/// What is to be said of an Observation that was taken.
fn told(said: Option<&str>, left: &[String], at: usize) -> Option<Outcome> {
    let left = (!left.is_empty()).then(|| format!("not kept: {}", left.join(", ")));
    let said = said.map(str::to_owned);
    let all: Vec<String> = said.into_iter().chain(left).collect();
    (!all.is_empty()).then(|| information("informational", all.join("; "), at))
}

/// What became of something else.
fn passed_over(at: usize, kind: &str) -> EntryResponse {
    let outcome = information("not-supported", format!("a {kind} is not imported"), at);
    EntryResponse { status: "204 No Content".to_owned(), location: None, outcome: Some(outcome) }
}

fn information(code: &'static str, diagnostics: String, at: usize) -> Outcome {
    let expression = vec![format!("Bundle.entry[{at}]")];
    Outcome::of(vec![Issue { severity: "information", code, details: None, diagnostics, expression }])
}
