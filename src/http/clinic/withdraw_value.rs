//! Values that were wrong: withdrawn.

use axum::{extract::State, http::StatusCode, response::IntoResponse as _};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::member::Clinician;
use crate::{
    audit::{self, Entry},
    clinic::{scores, staff::Permission, values::record},
    http::{extract::Path, problem::Answer, state::AppState},
    ids::{LaboratoryValueId, PatientId},
    jobs::clinic::summary_changed,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(withdraw))
}

/// Withdraws a value that was entered, sent or read wrongly: it stays readable in the list (`is_withdrawn`), and counts no more.
/// Also without consent. A value has nothing else that could be changed: no `If-Match` is asked for, and to withdraw it again
/// changes nothing.
#[utoipa::path(post, path = "/clinic/patients/{id}/values/{value}/withdrawal", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"), ("value" = uuid::Uuid, Path, description = "The value")),
    responses((status = 204, description = "It is withdrawn"),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write analyses"),
        (status = 409, description = "`merged_into`, `archived`, `anonymised`: nothing is written to this record any more")))]
async fn withdraw(
    State(state): State<AppState>,
    who: Clinician,
    Path((id, value)): Path<(PatientId, LaboratoryValueId)>,
) -> Answer {
    const ACTION: &str = "patient.withdraw_value";
    who.need(Permission::WriteAnalyses)?;
    let now = state.clock.now();
    let tx = state.db.begin("clinic.withdraw_value").await?;
    let (mut tx, _) = who.admit_open(&state, tx, (Permission::WriteAnalyses, ACTION, id)).await?;
    let Some(counted) = record::withdraw(&mut tx, (id, value), now).await? else {
        drop(tx);
        return Err(who.missed_thing(&state, (ACTION, id), ("value", value.0)).await?);
    };
    if counted {
        scores::changed(&mut tx, &state.jobs, id).await?;
        let details = serde_json::json!({ "value": value });
        audit::record(&mut tx, &[Entry { details, ..who.entry(&state, ACTION, id) }]).await?;
        summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
        tx.commit().await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
