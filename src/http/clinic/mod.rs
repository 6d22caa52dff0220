//! The clinic desk over HTTP. Rules and SQL: [`crate::clinic`].

mod analyses;
mod analysis_input;
mod clinics;
mod document_analysis;
mod document_upload;
mod documents;
mod emr;
mod enter_value;
pub mod fhir;
mod member;
mod members;
mod membership;
mod merges;
mod own_clinic;
mod patient_checks;
mod patient_states;
mod patients;
mod reports;
mod scores;
mod summary;
mod told;
mod values;
mod withdraw_value;

use utoipa_axum::router::OpenApiRouter;

pub use told::Heard;

use super::state::AppState;

/// The routes, under `/api/v1`.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(clinics::routes())
        .merge(own_clinic::routes())
        .merge(members::routes())
        .merge(membership::routes())
        .merge(patients::routes())
        .merge(patient_states::routes())
        .merge(merges::routes())
        .merge(document_upload::routes())
        .merge(documents::routes())
        .merge(document_analysis::routes())
        .merge(values::routes())
        .merge(summary::routes())
        .merge(analyses::routes())
        .merge(enter_value::routes())
        .merge(withdraw_value::routes())
        .merge(emr::routes())
        .merge(fhir::routes())
        .merge(scores::routes())
        .merge(reports::routes())
}
