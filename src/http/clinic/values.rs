//! Values of a patient.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::member::{Clinician, NotRead};
use crate::{
    clinic::{
        staff::Permission,
        values::{
            LaboratoryValue,
            list::{self, After, Filter},
        },
    },
    http::{
        extract::Path,
        listing::{Listing, Page, PageParameters},
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    ids::PatientId,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Lists values of a patient, those observed last first; of one analyte, its trend. Those that were
/// withdrawn are left out, unless they are asked for.
#[utoipa::path(get, path = "/clinic/patients/{id}/values", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"), Filter, PageParameters),
    responses((status = 200, description = "A page of values", body = Page<LaboratoryValue>), NotRead))]
async fn list(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    list: Listing<Filter, After>,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    if list.filters.analyte.as_deref().is_some_and(|code| !list::is_analyte(code)) {
        let detail = "is no analyte that is known here";
        return Err(Problem::invalid_parameters(vec![FieldError::query("analyte", "unknown_value", detail)]));
    }
    who.read(&state, ("patient.read_values", id, "/values")).await?;
    let of = (who.principal.user, id);
    let found = list::list(&state.db, of, &list.filters, list.after, list.fetch()).await?;
    Ok(list.answer(found, |it| After(it.observed_on, it.id), |it| it))
}
