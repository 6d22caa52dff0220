//! The journal: what administrators did, and what crashed.

use axum::extract::State;

use crate::{
    db::Db,
    http::{
        auth::AdminUser,
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::Answer,
    },
    journal::{self, Recorded},
};

/// Shows the journal, newest first.
#[utoipa::path(get, path = "/admin/api/journal", tag = "admin", security(("bearer" = [])), params(PageParameters),
    responses((status = 200, description = "A page of entries", body = Page<Recorded>),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn list(State(db): State<Db>, _: AdminUser, list: Listing<NoFilters, i64>) -> Answer {
    let found = journal::list(&db, list.after, list.fetch()).await?;
    Ok(list.answer(found, |entry| entry.id, |entry| entry))
}
