//! The waiting room of a meeting by video: the office lets the client in, or turns them away.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{Teller, locked_by_office, tagged};
use crate::{
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        extract::{Json, Path},
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::AppointmentId,
    notary::{
        agenda::{
            appointment::{self, Appointment, Mode},
            changes,
        },
        rules::machine::appointment::State as Stage,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(admit))
}

/// Whether the client comes in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Admission)]
struct Admission {
    /// `true`: they see `meeting_url` from now on; `false`: they do not any more.
    is_admitted: bool,
}

/// Lets the client of a meeting by video in from the waiting room, or turns them away. For the office.
#[utoipa::path(put, path = "/appointments/{id}/admission", tag = "notary agenda", security(("bearer" = [])),
    request_body = Admission, params(("id" = uuid::Uuid, Path, description = "The appointment")),
    responses((status = 200, description = "The appointment, with its ETag", body = Appointment),
        (status = 403, description = "`not_for_you`: this is for the office"),
        (status = 409, description = "`not_in_this_state`: nobody waits before it is ready or after its end; `no_video`")))]
async fn admit(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<AppointmentId>,
    Json(body): Json<Admission>,
) -> Answer {
    let mut tx = state.db.begin("notary.appointments.admit").await?;
    let found = locked_by_office(&mut tx, &principal, id).await?;
    if !matches!(found.status, Stage::Confirmed | Stage::Ready | Stage::InProgress) {
        return Err(Problem::conflict(
            "not_in_this_state",
            "nobody waits before it is ready or after its end",
        ));
    }
    if !found.modes.contains(&Mode::Video) {
        return Err(Problem::conflict("no_video", "this appointment is not by video"));
    }
    changes::admit(&mut tx, &found, body.is_admitted, state.clock.now()).await?;
    let details = serde_json::json!({ "is_admitted": body.is_admitted });
    Teller { principal: &principal, client }.of(&state, &mut tx, "appointment.admit", id, details).await?;
    let changed = appointment::lock(&mut tx, (&principal).into(), id).await?;
    tx.commit().await?;
    Ok(tagged(StatusCode::OK, &changed.ok_or_else(|| Problem::not_found("appointment"))?))
}
