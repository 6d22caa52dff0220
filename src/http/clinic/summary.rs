//! The patients of one's clinic at a glance, and all of them together.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::member::Clinician;
use crate::{
    clinic::{
        staff::Permission,
        summary::{
            Freshness,
            list::{self, Filter, PatientSummary},
            refresh::freshness,
            totals::{self, Totals},
        },
    },
    http::{
        extract::Json,
        listing::{Listing, PageParameters},
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    ids::PatientId,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(totals))
}

/// A page of patients, and how old the counts are.
#[derive(Debug, Serialize, ToSchema)]
struct PatientSummaries {
    /// The patients.
    data: Vec<PatientSummary>,
    /// Pass it as `cursor` to go on; `null` at the end.
    next_cursor: Option<String>,
    /// How old the counts are; names and the archive are of this moment.
    #[serde(flatten)]
    freshness: Freshness,
}

/// Lists patients of one's clinic with what there is of each, by what is looked for: values out of range, a low score, no
/// document for months. The counts are some seconds behind; `is_stale` says whether anything has changed since.
#[utoipa::path(get, path = "/clinic/summary", tag = "clinic", security(("bearer" = [])), params(Filter, PageParameters),
    responses((status = 200, description = "A page of patients", body = PatientSummaries),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not read patients")))]
async fn list(
    State(state): State<AppState>,
    who: Clinician,
    list: Listing<Filter, (i64, PatientId)>,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    if list.filters.score_at_most.is_some_and(|score| !(0.0..=100.0).contains(&score)) {
        let error = FieldError::query("score_at_most", "out_of_range", "must be from 0 to 100");
        return Err(Problem::invalid_parameters(vec![error]));
    }
    let freshness = freshness(&state.db, who.standing.clinic).await?;
    let found = list::list(&state.db, who.principal.user, &list.filters, list.after, list.fetch()).await?;
    let page = list.page(found, PatientSummary::key, |it| it);
    let seen: Vec<_> = page.data.iter().map(|it| it.id).collect();
    who.listed(&state, &seen).await?;
    let link = page.next_cursor.as_deref().map(|cursor| list.link(cursor));
    let body = PatientSummaries { data: page.data, next_cursor: page.next_cursor, freshness };
    let mut response: Response = Json(body).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Shows one's clinic in figures. They are some seconds behind; `is_stale` says whether anything has changed since.
#[utoipa::path(get, path = "/clinic/summary/totals", tag = "clinic", security(("bearer" = [])),
    responses((status = 200, description = "The figures", body = Totals),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not read patients")))]
async fn totals(State(state): State<AppState>, who: Clinician) -> Answer {
    who.need(Permission::ReadPatients)?;
    let freshness = freshness(&state.db, who.standing.clinic).await?;
    Ok(Json(totals::of(&state.db, who.principal.user, freshness).await?).into_response())
}
