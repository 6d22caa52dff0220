//! What is known of documents: lists, one of them, its versions; renaming and deleting.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{sending::tag, told::Teller};
use crate::{
    audit,
    documents::{
        documents::{self, Change, DESK_MAX, Document, Filter, TITLE_MAX, Wish},
        quota::{self, Usage},
        versions::{self, Version},
    },
    http::{
        auth::CurrentUser,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::DocumentId,
    jobs::documents::RemoveObjects,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, change, remove))
        .routes(routes!(history))
        .routes(routes!(usage))
}

/// A document with its tag.
pub(super) fn tagged(document: Document) -> Response {
    ([(header::ETAG, tag(&document))], Json(document)).into_response()
}

/// Lists documents that one may see, newest first. Administrators see what is known of everybody's.
#[utoipa::path(get, path = "/documents", tag = "documents", security(("bearer" = [])), params(Filter, PageParameters),
    responses((status = 200, description = "A page of documents", body = Page<Document>)))]
async fn list(State(state): State<AppState>, teller: Teller, list: Listing<Filter, DocumentId>) -> Answer {
    let (viewer, now) = (teller.viewer(), state.clock.now());
    let found = documents::list(&state.db, viewer, &list.filters, list.after, list.fetch(), now).await?;
    teller.looked(&state, "document.list", DocumentId(uuid::Uuid::nil())).await?;
    Ok(list.answer(found, |document| document.id, |document| document))
}

/// Shows what is known of a document.
#[utoipa::path(get, path = "/documents/{id}", tag = "documents", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document")),
    responses((status = 200, description = "The document, with its ETag", body = Document)))]
async fn show(State(state): State<AppState>, teller: Teller, Path(id): Path<DocumentId>) -> Answer {
    let found = documents::find(&state.db, teller.viewer(), id, state.clock.now()).await?;
    let Some(document) = found else { return Err(teller.missed(&state, "document.show", id).await?) };
    teller.looked(&state, "document.show", id).await?;
    Ok(tagged(document))
}

/// What is changed of a document; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeDocument {
    /// What it is called.
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
    /// Where it belongs.
    #[schema(min_length = 1, max_length = 50)]
    desk: Option<String>,
}

/// Renames a document, or moves it to another desk.
#[utoipa::path(patch, path = "/documents/{id}", tag = "documents", security(("bearer" = [])),
    request_body = ChangeDocument,
    params(("id" = uuid::Uuid, Path, description = "The document"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed document, with its ETag", body = Document),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    if_match: IfMatch,
    Json(body): Json<ChangeDocument>,
) -> Answer {
    let mut checks = Checks::default();
    let title = body.title.map(|title| checks.line("/title", &title, 1..=TITLE_MAX).to_owned());
    let desk = body.desk.map(|desk| checks.line("/desk", &desk, 1..=DESK_MAX).to_owned());
    checks.done()?;
    let now = state.clock.now();
    let mut tx = state.db.begin("documents.change").await?;
    let Some(locked) = documents::lock_to(&mut tx, Wish::Write, teller.principal.user, id, now).await? else {
        drop(tx);
        return Err(teller.not_allowed(&state, "document.change", id).await?);
    };
    if_match.check(&ETag::of_version(locked.version))?;
    let changed = documents::change(&mut tx, locked, Change { title, desk }, now).await?;
    audit::record(&mut tx, &[teller.entry(now, "document.change", id)]).await?;
    tx.commit().await?;
    Ok(tagged(changed))
}

/// Deletes a document with all its versions; nothing of it is kept.
#[utoipa::path(delete, path = "/documents/{id}", tag = "documents", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 204, description = "Deleted"),
        (status = 409, description = "`must_be_kept`: the law forbids to delete it before `keep_until`; `in_use`: a desk needs it"),
        (status = 412, description = "It was changed meanwhile")))]
async fn remove(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    if_match: IfMatch,
) -> Answer {
    let now = state.clock.now();
    let mut tx = state.db.begin("documents.remove").await?;
    let Some(locked) = documents::lock_to(&mut tx, Wish::Delete, teller.principal.user, id, now).await?
    else {
        drop(tx);
        return Err(teller.not_allowed(&state, "document.delete", id).await?);
    };
    if if_match.0.is_some() {
        if_match.check(&ETag::of_version(locked.version))?;
    }
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    if let Some(until) = locked.keep_until.filter(|until| *until > today) {
        let detail = format!("the law forbids to delete it before {until}");
        return Err(Problem::conflict("must_be_kept", detail));
    }
    if documents::is_held(&mut tx, id).await? {
        let detail = "a desk relies on it (an appointment, an act, a certified mail): take it back there, or wait until that has ended";
        return Err(Problem::conflict("in_use", detail));
    }
    let objects = documents::remove(&mut tx, id).await?;
    state.jobs.enqueue(&mut tx, &RemoveObjects { objects, parts_of: None }).await?;
    audit::record(&mut tx, &[teller.entry(now, "document.delete", id)]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lists the versions of a document, newest first.
#[utoipa::path(get, path = "/documents/{id}/versions", tag = "documents", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document"), PageParameters),
    responses((status = 200, description = "A page of versions", body = Page<Version>)))]
async fn history(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    list: Listing<NoFilters, i32>,
) -> Answer {
    let (viewer, now) = (teller.viewer(), state.clock.now());
    let found = versions::list(&state.db, viewer, id, list.after, list.fetch(), now).await?;
    if found.is_empty() && list.after.is_none() {
        return Err(teller.missed(&state, "document.show", id).await?);
    }
    teller.looked(&state, "document.show", id).await?;
    Ok(list.answer(found, |version| version.number, |version| version))
}

/// How much one has stored.
#[derive(serde::Serialize, ToSchema)]
struct DocumentQuota {
    /// What there is.
    #[serde(flatten)]
    usage: Usage,
    /// How much there may be.
    quota: usize,
    /// How large one file may be.
    max_bytes: usize,
}

/// Shows how much one has stored, and may store.
#[utoipa::path(get, path = "/me/documents/quota", tag = "documents", security(("bearer" = [])),
    responses((status = 200, description = "In bytes", body = DocumentQuota)))]
async fn usage(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let usage = quota::usage(&state.db, principal.user).await?;
    let config = &state.config.documents;
    Ok(Json(DocumentQuota { usage, quota: *config.quota, max_bytes: *config.max_bytes }).into_response())
}
