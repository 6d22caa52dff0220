//! One's own sessions: which there are, and ending them.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::sender::Sender;
use crate::{
    accounts::{
        open_sessions::{self, OpenSession},
        sessions::Ending,
    },
    audit::{self, Entry, Who},
    http::{
        auth::CurrentUser,
        extract::Path,
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::SessionId,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, revoke_others)).routes(routes!(revoke))
}

/// Lists one's open sessions, newest first.
#[utoipa::path(get, path = "/me/sessions", tag = "accounts", security(("bearer" = [])), params(PageParameters),
    responses((status = 200, description = "A page of sessions", body = Page<OpenSession>)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    list: Listing<NoFilters, SessionId>,
) -> Answer {
    let (current, page) = (principal.session(), (list.after, list.fetch()));
    let found = open_sessions::list(&state.db, principal.user, current, state.clock.now(), page).await?;
    Ok(list.answer(found, |session| session.id, |session| session))
}

/// Ends one of one's sessions; its tokens are worthless from now on.
#[utoipa::path(delete, path = "/me/sessions/{id}", tag = "accounts", security(("bearer" = [])),
    params(("id" = SessionId, Path, description = "The session")),
    responses((status = 204, description = "Ended")))]
async fn revoke(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Path(id): Path<SessionId>,
) -> Answer {
    let mut tx = state.db.begin("accounts.revoke_session").await?;
    if !state.accounts.sessions().end_own(&mut tx, principal.user, id).await? {
        return Err(Problem::not_found("session"));
    }
    let entry = origin.entry(state.clock.now(), Who::from(&principal), "session.revoke", None);
    audit::record(&mut tx, &[Entry { object: "session", id: Some(id.to_string()), ..entry }]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends all of one's sessions but this one.
#[utoipa::path(delete, path = "/me/sessions", tag = "accounts", security(("bearer" = [])),
    responses((status = 204, description = "Ended, as many as there were")))]
async fn revoke_others(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
) -> Answer {
    let mut tx = state.db.begin("accounts.revoke_sessions").await?;
    let (user, keep) = (principal.user, principal.session());
    let ended = state.accounts.sessions().end_others(&mut tx, user, keep, Ending::Revoked).await?;
    let entry = origin.entry(state.clock.now(), Who::from(&principal), "account.revoke_sessions", Some(user));
    audit::record(&mut tx, &[Entry { details: serde_json::json!({ "ended": ended }), ..entry }]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
