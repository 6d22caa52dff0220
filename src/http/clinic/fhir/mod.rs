//! FHIR R4 over HTTP: `/api/v1/fhir`. Mapping and import: [`crate::clinic::fhir`].
//!
//! Answers, also of the front, are `application/fhir+json`: problems are told as OperationOutcomes ([`outcome`]).

mod import;
pub mod outcome;
mod read;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::http::{problem::Answer, problem::Problem, state::AppState};

/// Everything below it is FHIR.
pub const PATH: &str = "/api/v1/fhir";
/// The media type.
pub const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/fhir+json");

/// The routes.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(read::routes()).merge(import::routes())
}

/// Whether a path is answered in FHIR.
pub fn is_fhir(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A resource as an answer.
fn answer(status: StatusCode, resource: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(resource).map_err(Problem::internal)?;
    Ok((status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response())
}

/// Where this API is, as others reach it.
fn base(state: &AppState) -> String {
    format!("{}{PATH}", state.config.server.base_url())
}

/// A resource with its version.
fn versioned(response: Response, version: i64) -> Response {
    let mut response = response;
    let tag = HeaderValue::try_from(format!("W/\"{version}\"")).expect("numbers are visible ASCII");
    response.headers_mut().insert(header::ETAG, tag);
    response
}
