//! Finding a partner: those that an administrator has verified.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    http::{
        listing::{Listing, Page, PageParameters},
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    ids::UserId,
    notary::profiles::partner::{self, Card, Kind, Wanted},
};

/// No word that people type is longer.
const CHARS_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which partners.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// What they do.
    #[param(inline)]
    kind: Option<Kind>,
    /// The city, whatever its accents and capitals.
    #[param(max_length = 200)]
    city: Option<String>,
    /// The province, by its two letters.
    #[param(max_length = 200)]
    province: Option<String>,
}

/// Lists partners whom an administrator has verified, by their names.
#[utoipa::path(get, path = "/partners", tag = "notary", params(Filters, PageParameters),
    responses((status = 200, description = "A page of partners", body = Page<Card>)))]
async fn list(State(state): State<AppState>, list: Listing<Filters, (String, UserId)>) -> Answer {
    let Filters { kind, city, province } = &list.filters;
    let too_long = |text: &Option<String>| text.as_ref().is_some_and(|it| it.chars().count() > CHARS_MAX);
    let errors: Vec<FieldError> = [("city", city), ("province", province)]
        .into_iter()
        .filter(|(_, text)| too_long(text))
        .map(|(name, _)| FieldError::query(name, "too_long", "has more than 200 characters"))
        .collect();
    if !errors.is_empty() {
        return Err(Problem::invalid_parameters(errors));
    }
    let given =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
    let wanted =
        Wanted { kind: *kind, city: given(city), province: given(province).map(|it| it.to_uppercase()) };
    let found = partner::find_all(&state.db, wanted, list.after.clone(), list.fetch()).await?;
    Ok(list.answer(found, |card| (card.sorted_by.clone(), card.id), |card| card))
}
