//! Fertility scores of patients: the newest one with everything that is to be said of it, and the history.

use axum::{extract::State, response::IntoResponse as _};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::member::{Clinician, NotRead};
use crate::{
    clinic::{
        scores::score::{self, PatientScore, ScoreCard},
        staff::Permission,
    },
    http::{
        extract::{Json, Path},
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::{PatientId, ScoreId},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(newest)).routes(routes!(history))
}

/// Shows the newest fertility score of a patient: method, inputs with their points and sources, what was left out and why, and
/// what the score cannot say. It supports clinicians, and is neither a diagnosis nor a probability of pregnancy.
#[utoipa::path(get, path = "/clinic/patients/{id}/score", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient")),
    responses((status = 200, description = "The score", body = PatientScore), NotRead,
        (status = 404, description = "There is no such patient, or none was computed yet")))]
async fn newest(State(state): State<AppState>, who: Clinician, Path(id): Path<PatientId>) -> Answer {
    who.need(Permission::ReadPatients)?;
    who.read(&state, ("patient.read_score", id, "/score")).await?;
    let found = score::newest(&state.db, who.principal.user, id).await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("score"))?).into_response())
}

/// Lists the fertility scores of a patient, newest first: there is one for each time that something was known that changed it.
/// Figures stay in it, also when what they were computed from was withdrawn or taken away since; of that nothing is shown here.
#[utoipa::path(get, path = "/clinic/patients/{id}/scores", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"), PageParameters),
    responses((status = 200, description = "A page of the history", body = Page<ScoreCard>), NotRead))]
async fn history(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    list: Listing<NoFilters, ScoreId>,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    who.read(&state, ("patient.read_scores", id, "/scores")).await?;
    let bounds = (list.after, list.fetch());
    let found = score::history(&state.db, who.principal.user, id, bounds).await?;
    Ok(list.answer(found, |it| it.id, |it| it))
}
