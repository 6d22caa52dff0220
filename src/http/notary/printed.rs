//! What an office prints: the agenda of a day, and what is known of an act.

use axum::{extract::State, http::HeaderMap};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::office::OfficeUser;
use crate::{
    accounts::users,
    http::{
        auth::CurrentUser,
        extract::{Path, Query},
        paper::{self, Paper},
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    ids::{ActId, UserId},
    mail::Language,
    notary::{
        acts::{
            act, parties,
            printed::{self as of_act, Names},
        },
        agenda::{daily, printed as of_day},
        catalogue,
        time::today,
    },
    pdf::Rendering as _,
};

/// Days before have no name that everybody reads in the same way.
const FIRST_DAY: Date = Date::constant(1, 1, 1);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(agenda)).routes(routes!(act_summary))
}

async fn language(state: &AppState, user: UserId) -> Result<Language, Problem> {
    let user = users::find(&state.db, user).await?.ok_or_else(|| Problem::not_found("account"))?;
    Ok(user.language)
}

/// Which day.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// The day, at the office, from 0001-01-01 to 9999-12-31; today if nothing is said.
    #[param(value_type = Option<String>, format = Date)]
    on: Option<Date>,
}

/// The agenda of one's office on a day as PDF, in one's language: what takes its time, requests not. It says of which moment
/// it is, and is another one each time.
#[utoipa::path(get, path = "/notary/office/agenda.pdf", tag = "notary agenda", security(("bearer" = [])),
    params(Which),
    responses((status = 400, description = "A parameter is malformed or unknown, or no agenda has such a day"),
        (status = 200, description = "The agenda; `Repr-Digest` has its SHA-256", body = inline(Paper),
            content_type = "application/pdf"),
        (status = 403, description = "`no_office`; `not_for_you`: one may not see the agenda of the office")))]
async fn agenda(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Answer {
    let now = state.clock.now();
    let on = which.on.unwrap_or_else(|| today(now));
    if on < FIRST_DAY {
        let error = FieldError::query("on", "out_of_range", "must be from 0001-01-01 to 9999-12-31");
        return Err(Problem::invalid_parameters(vec![error]));
    }
    let language = language(&state, principal.user).await?;
    let day = daily::of_day(&state.db, (office, principal.user), on, (language, true)).await?;
    let refused = || Problem::forbidden("not_for_you", "your office has not permitted you to see its agenda");
    let document = of_day::document(&day.ok_or_else(refused)?, on, language, now);
    let pdf = state.renderer.render(document).await.map_err(paper::as_problem)?;
    Ok(paper::answer(pdf, &format!("agenda-{on}.pdf"), &headers))
}

/// What is known of an act as PDF, in one's language: for those who see it, what they see of it.
#[utoipa::path(get, path = "/acts/{id}/summary.pdf", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The act"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that is known")),
    responses((status = 200, description = "The summary; `Repr-Digest` has its SHA-256", body = inline(Paper),
            content_type = "application/pdf"),
        (status = 304, description = "The summary that is known has not changed")))]
async fn act_summary(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<ActId>,
    headers: HeaderMap,
) -> Answer {
    let missing = || Problem::not_found("act");
    let reader = (&principal).into();
    let act = act::find(&state.db, reader, id).await?.ok_or_else(missing)?;
    let parties = parties::list(&state.db, reader, id).await?.ok_or_else(missing)?;
    let language = language(&state, principal.user).await?;
    let act_type = catalogue::act_type(&state.db, &act.act_type, language).await?;
    let documents = catalogue::document_types(&state.db, language).await?;
    let names = Names {
        act_type: act_type.map_or_else(|| act.act_type.clone(), |it| it.act_type.name),
        documents: documents.into_iter().map(|it| (it.code, it.name)).collect(),
    };
    let document = of_act::document(&act, &parties, &names, language);
    let pdf = state.renderer.render(document).await.map_err(paper::as_problem)?;
    Ok(paper::answer(pdf, &format!("act-{id}.pdf"), &headers))
}
