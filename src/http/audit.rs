//! The audit log over HTTP: administrators see all of it, everybody what they did themselves.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::CurrentUser,
    listing::{Listing, Page, PageParameters},
    problem::Answer,
    state::AppState,
};
use crate::{
    audit::{Recorded, search},
    db::Db,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Searches the audit log, newest first. Administrators see all entries, others what they did themselves.
#[utoipa::path(get, path = "/audit", tag = "audit", security(("bearer" = [])),
    params(search::Filter, PageParameters),
    responses((status = 200, description = "A page of entries", body = Page<Recorded>)))]
async fn list(
    State(db): State<Db>,
    CurrentUser(principal): CurrentUser,
    list: Listing<search::Filter, i64>,
) -> Answer {
    let only = (!principal.is_admin()).then_some(principal.user);
    let found = search::search(&db, &list.filters, only, list.after, list.fetch()).await?;
    Ok(list.answer(found, |entry| entry.id, |entry| entry))
}
