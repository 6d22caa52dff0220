//! What another system may ask: what there is, an analysis as a report, everything of a patient.

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    clinic::{
        analyses::{Kind, analysis},
        clinics,
        emr::{
            batch::ITEMS_MAX,
            csv,
            export::{self, PatientExport},
            report::AnalysisReport,
        },
        patients::patient,
        staff::Permission,
        tiers::Tier,
    },
    http::{
        clinic::{
            analyses::thing,
            member::{Clinician, NotRead},
        },
        extract::{Json, Path, Query},
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::{AnalysisId, ClinicId, PatientId},
    mail::Language,
};

/// Whether there is more than an export holds: a table has no other place to say it.
const IS_TRUNCATED: HeaderName = HeaderName::from_static("x-is-truncated");

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(info)).routes(routes!(report)).routes(routes!(export))
}

/// What another system finds here.
#[derive(Debug, Serialize, ToSchema)]
struct ProgramInfo {
    /// Of this server.
    version: &'static str,
    /// Of FHIR, at `/api/v1/fhir`.
    fhir_version: &'static str,
    /// The clinic.
    clinic_id: ClinicId,
    /// What it has.
    tier: Tier,
    /// Requests an hour of all keys of the clinic's members together; the owner of a key may have set less for it. `RateLimit`
    /// tells what is left.
    quota_per_hour: i32,
    /// What can be graded.
    kinds: &'static [Kind],
    /// Analyses of one batch.
    batch_max: usize,
}

/// Tells what another system finds here: kinds of analyses, bounds, the quota of its clinic's keys.
#[utoipa::path(get, path = "/clinic/emr/info", tag = "clinic programs", security(("bearer" = [])),
    responses((status = 200, description = "What there is", body = ProgramInfo),
        (status = 403, description = "`no_clinic`: one works in none")))]
async fn info(State(state): State<AppState>, who: Clinician) -> Answer {
    let clinic = clinics::of_member(&state.db, who.principal.user).await?;
    let clinic = clinic.ok_or_else(|| Problem::not_found("clinic"))?;
    let info = ProgramInfo {
        version: env!("CARGO_PKG_VERSION"),
        fhir_version: "4.0.1",
        clinic_id: clinic.id,
        tier: clinic.tier,
        quota_per_hour: clinic.tier.quota(),
        kinds: Kind::ALL,
        batch_max: ITEMS_MAX,
    };
    Ok(Json(info).into_response())
}

/// In which language.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InLanguage {
    /// `it` if nothing is said.
    #[param(inline)]
    language: Option<ReportLanguage>,
}

/// A language.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReportLanguage {
    /// Italian.
    It,
    /// English.
    En,
}

/// Shows an analysis as a report in one language: findings, limits, sources.
#[utoipa::path(get, path = "/clinic/emr/report/{id}", tag = "clinic programs", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The analysis"), InLanguage),
    responses((status = 200, description = "The report", body = AnalysisReport),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not read patients")))]
async fn report(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<AnalysisId>,
    Query(query): Query<InLanguage>,
) -> Answer {
    const ACTION: &str = "patient.report_analysis";
    who.need(Permission::ReadPatients)?;
    let user = who.principal.user;
    let Some(found) = analysis::find(&state.db, user, id).await? else {
        return Err(who.missed_alone(&state, ACTION, thing(id)).await?);
    };
    let of = patient::find(&state.db, user, found.patient_id).await?;
    let of = of.ok_or_else(|| Problem::not_found("analysis"))?;
    who.looked(&state, (ACTION, of.id), Some(thing(id))).await?;
    let language = match query.language {
        Some(ReportLanguage::En) => Language::En,
        Some(ReportLanguage::It) | None => Language::It,
    };
    let report = AnalysisReport::of(found, &of, language, state.clock.now());
    Ok(([(header::CONTENT_LANGUAGE, report.language)], Json(report)).into_response())
}

/// As what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AsWhat {
    /// `json` if nothing is said.
    #[param(inline)]
    format: Option<ExportFormat>,
}

/// What an export is written as.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ExportFormat {
    /// One document.
    #[default]
    Json,
    /// A line for each thing, with its `type`.
    Ndjson,
    /// The values alone, as a table.
    Csv,
}

/// Exports everything of a patient in figures: what the clinic says, values that count, analyses, scores. If there is more of
/// something than is exported, the answer says so: `is_truncated`, also in the last line of `ndjson`, and the header
/// `X-Is-Truncated`.
#[utoipa::path(get, path = "/clinic/emr/export/{id}", tag = "clinic programs", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"), AsWhat),
    responses((status = 200, description = "The export", content((PatientExport = "application/json"),
            (String = "application/x-ndjson"), (String = "text/csv")),
            headers(("x-is-truncated" = bool, description = "Whether there is more than was exported"))), NotRead))]
async fn export(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    Query(query): Query<AsWhat>,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    let found = who.read(&state, ("patient.export", id, "")).await?;
    let all = export::of(&state.db, who.principal.user, found).await?;
    let is_truncated = all.is_truncated;
    let mut response = match query.format.unwrap_or_default() {
        ExportFormat::Json => Json(all).into_response(),
        ExportFormat::Ndjson => {
            file(all.lines().map_err(Problem::internal)?, "application/x-ndjson", "patient.ndjson")
        }
        ExportFormat::Csv => file(csv::of_values(&all.values), "text/csv; charset=utf-8", "values.csv"),
    };
    let said = HeaderValue::from_static(if is_truncated { "true" } else { "false" });
    response.headers_mut().insert(IS_TRUNCATED, said);
    Ok(response)
}

fn file(text: String, kind: &'static str, name: &'static str) -> Response {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let disposition = disposition.expect("names of files are visible ASCII");
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_DISPOSITION, disposition)];
    (headers, text).into_response()
}
