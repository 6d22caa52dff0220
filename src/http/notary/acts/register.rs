//! The protocol register of one's office.

use axum::{extract::State, response::IntoResponse as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    accounts::policy::Principal,
    http::{
        extract::{Json, Query},
        listing::{Listing, Page, PageParameters},
        notary::office::OfficeUser,
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::{ActId, NotaryId},
    notary::{
        acts::{
            register::{self, Entry, Statistics, Wanted},
            transitions::ActError,
        },
        rules::machine::register_entry::State as Stage,
        staff::{self, Permission},
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(statistics))
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Signed in this year.
    year: Option<i16>,
    /// With this prefix.
    prefix: Option<String>,
    /// Where they are in their life.
    #[param(inline)]
    status: Option<Stage>,
}

/// Only who manages the acts of an office sees its register.
async fn allowed(state: &AppState, office: NotaryId, principal: &Principal) -> Result<(), Problem> {
    let may = staff::may(&state.db, (office, principal.user), Permission::ManageActs).await?;
    if may { Ok(()) } else { Err(ActError::NotPermitted.into()) }
}

/// Lists the protocol register of one's office, the newest entry first.
#[utoipa::path(get, path = "/notary/office/register", tag = "notary acts", security(("bearer" = [])),
    params(Filters, PageParameters),
    responses((status = 200, description = "A page of entries", body = Page<Entry>),
        (status = 403, description = "`no_office`; `not_permitted`: one may not manage its acts")))]
async fn list(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    list: Listing<Filters, (Timestamp, ActId)>,
) -> Answer {
    allowed(&state, office, &principal).await?;
    let Filters { year, ref prefix, status } = list.filters;
    let wanted = Wanted { year, prefix: prefix.clone(), status };
    let who = (office, principal.user);
    let found = register::list(&state.db, who, wanted, list.after, list.fetch()).await?;
    Ok(list.answer(found, |entry| (entry.signed_at, entry.act_id), |entry| entry))
}

/// Of which year.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Year {
    /// The year; this one if nothing is said.
    year: Option<i16>,
}

/// A year of the register.
#[derive(Serialize, ToSchema)]
#[schema(as = RegisterYear)]
struct OfYear {
    /// Which.
    year: i16,
    /// By prefix.
    data: Vec<Statistics>,
}

/// Counts what one's office has entered in a year, by prefix.
#[utoipa::path(get, path = "/notary/office/register/statistics", tag = "notary acts", security(("bearer" = [])),
    params(Year),
    responses((status = 200, description = "The year", body = OfYear),
        (status = 403, description = "`no_office`; `not_permitted`: one may not manage its acts")))]
async fn statistics(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    Query(Year { year }): Query<Year>,
) -> Answer {
    allowed(&state, office, &principal).await?;
    let year = year.unwrap_or_else(|| today(state.clock.now()).year());
    let data = register::statistics(&state.db, (office, principal.user), year).await?;
    Ok(Json(OfYear { year, data }).into_response())
}
