//! The catalogue of acts, documents and appointments, in the reader's language.

use std::{future::Future, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    actors::data::cache::Tag,
    db::{Db, DbError},
    http::{
        VARY_LANGUAGE,
        extract::Path,
        negotiate,
        pages::page,
        problem::{Answer, Problem},
        state::AppState,
        stored::Stored,
    },
    mail::Language,
    notary::catalogue::{self, ActCategory, ActTypeDetail, AppointmentType, DocumentType},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(act_types))
        .routes(routes!(act_type))
        .routes(routes!(document_types))
        .routes(routes!(appointment_types))
}

/// No code is longer.
const CODE_MAX: usize = 50;

/// All of something: there are few, and no more pages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CatalogueOf)]
struct Whole<T> {
    /// The elements.
    data: Vec<T>,
}

async fn whole<T, F>(
    state: AppState,
    (headers, name, language): (&HeaderMap, &str, Language),
    load: impl Fn(Db) -> F,
) -> Answer
where
    T: Serialize,
    F: Future<Output = Result<Vec<T>, DbError>> + Send + 'static,
{
    let load = || {
        let loading = load(state.db.clone());
        async move { Ok(Some(page(&Whole { data: loading.await? }))) }
    };
    let key = format!("{name} {}", language.code());
    let found = state.pages.get(&state.pages.act_catalogue, &key, &[Tag::Notaries], load).await?;
    shown(found, headers, language)
}

fn shown(found: Option<Arc<Stored>>, headers: &HeaderMap, language: Language) -> Result<Response, Problem> {
    let mut response = found.ok_or_else(|| Problem::not_found("act type"))?.answer(headers);
    let headers = response.headers_mut();
    headers.insert(header::VARY, VARY_LANGUAGE);
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.code()));
    Ok(response)
}

/// The reader's language.
fn language(state: &AppState, headers: &HeaderMap) -> Language {
    negotiate::language(headers, Language::of(&state.config.mail.language))
}

/// Lists every type of acts by its category, in Italian or English.
#[utoipa::path(get, path = "/notary/catalogue/act-types", tag = "notary",
    params(("Accept-Language" = Option<String>, Header, description = "`it` or `en`; the server's language unless one of them is preferred")),
    responses((status = 200, description = "The categories", body = Whole<ActCategory>),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn act_types(State(state): State<AppState>, headers: HeaderMap) -> Answer {
    let language = language(&state, &headers);
    let load = move |db: Db| async move { catalogue::act_types(&db, language).await };
    whole(state, (&headers, "act_types", language), load).await
}

/// Shows a type of acts and the documents that it needs, in Italian or English.
#[utoipa::path(get, path = "/notary/catalogue/act-types/{code}", tag = "notary",
    params(("code" = String, Path, description = "The code of the type"),
        ("Accept-Language" = Option<String>, Header, description = "`it` or `en`; the server's language unless one of them is preferred")),
    responses((status = 200, description = "The type", body = ActTypeDetail),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn act_type(State(state): State<AppState>, headers: HeaderMap, Path(code): Path<String>) -> Answer {
    let language = language(&state, &headers);
    if code.len() > CODE_MAX {
        return Err(Problem::not_found("act type"));
    }
    let load = || {
        let (db, code) = (state.db.clone(), code.clone());
        async move { Ok(catalogue::act_type(&db, &code, language).await?.map(|found| page(&found))) }
    };
    let key = format!("act_type {code} {}", language.code());
    let found = state.pages.get(&state.pages.act_catalogue, &key, &[Tag::Notaries], load).await?;
    shown(found, &headers, language)
}

/// Lists every type of documents, in Italian or English.
#[utoipa::path(get, path = "/notary/catalogue/document-types", tag = "notary",
    params(("Accept-Language" = Option<String>, Header, description = "`it` or `en`; the server's language unless one of them is preferred")),
    responses((status = 200, description = "The types", body = Whole<DocumentType>),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn document_types(State(state): State<AppState>, headers: HeaderMap) -> Answer {
    let language = language(&state, &headers);
    let load = move |db: Db| async move { catalogue::document_types(&db, language).await };
    whole(state, (&headers, "document_types", language), load).await
}

/// Lists every type of appointments, in Italian or English.
#[utoipa::path(get, path = "/notary/catalogue/appointment-types", tag = "notary",
    params(("Accept-Language" = Option<String>, Header, description = "`it` or `en`; the server's language unless one of them is preferred")),
    responses((status = 200, description = "The types", body = Whole<AppointmentType>),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn appointment_types(State(state): State<AppState>, headers: HeaderMap) -> Answer {
    let language = language(&state, &headers);
    let load = move |db: Db| async move { catalogue::appointment_types(&db, language).await };
    whole(state, (&headers, "appointment_types", language), load).await
}
