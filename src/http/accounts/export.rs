//! One's own data: taken along.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use jiff::SignedDuration;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::sender::Sender;
use crate::{
    audit::{self, Who},
    http::{
        auth::CurrentUser,
        extract::Json,
        problem::{Answer, Problem},
        state::AppState,
        tasks::TaskStarted,
    },
    jobs::{Hold, NewJob, accounts::ExportAccount},
};

/// An export reads all that there is of a person: once in this time.
const EVERY: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export))
}

/// Packs everything that is known of one into a ZIP: a file of JSON for each kind of thing, and one's documents. It becomes
/// a document of one's own (the task's result names it), is kept for seven days, and can be asked for once an hour.
#[utoipa::path(post, path = "/me/export", tag = "accounts", security(("bearer" = [])),
    responses((status = 202, description = "It is being packed", body = TaskStarted)))]
async fn export(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
) -> Answer {
    let (user, now) = (principal.user, state.clock.now());
    let job = NewJob::of(&ExportAccount { user })
        .owner(user.0)
        .subject(user)
        .unique(user.to_string(), Hold::Until(now + EVERY));
    let mut tx = state.db.begin("accounts.ask_export").await?;
    let Some(job) = state.jobs.insert(&mut tx, &[job]).await?.into_iter().next().flatten() else {
        return Err(Problem::too_many(EVERY.unsigned_abs()));
    };
    let entry = origin.entry(now, Who::from(&principal), "account.ask_export", Some(user));
    audit::record(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(TaskStarted::of(job))).into_response())
}
