//! What the client says of the case in the end.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{check_survey, done, locked};
use crate::{
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        extract::{Json, Path},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::ActId,
    notary::acts::{
        act::{Act, Survey},
        changes,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(complete))
}

/// Completes the survey of an act, which archiving needs: the client does, once it is signed, and may do so again until it
/// is archived.
#[utoipa::path(put, path = "/acts/{id}/survey", tag = "notary acts", security(("bearer" = [])), request_body = Survey,
    params(("id" = uuid::Uuid, Path, description = "The act")),
    responses((status = 200, description = "The act, with its ETag", body = Act),
        (status = 403, description = "`not_for_you`: this is for the client; the office sends it when it archives"),
        (status = 409, description = "`not_in_this_state`: it is not signed, or archived or annulled")))]
async fn complete(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<ActId>,
    Json(body): Json<Survey>,
) -> Answer {
    let mut checks = Checks::default();
    let survey = check_survey(&mut checks, "", &body);
    checks.done()?;
    let mut tx = state.db.begin("notary.acts.survey").await?;
    let found = locked(&mut tx, &principal, id).await?;
    if !found.standing.is_client {
        return Err(Problem::forbidden("not_for_you", "the survey is the client's"));
    }
    changes::survey(&mut tx, &found, &survey, state.clock.now()).await?;
    done(&state, tx, (&principal, client), ("act.survey", id, serde_json::json!({}))).await
}
