//! Finding a notary. Rules and SQL: [`crate::notary::directory`].

use std::{ops::RangeInclusive, sync::Arc};

use axum::{extract::State, http::HeaderMap};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    actors::data::cache::Tag,
    db::DbError,
    http::{
        extract::Path,
        listing::{Listing, Page, PageParameters},
        pages::page,
        problem::{Answer, FieldError, Problem},
        state::AppState,
        stored::Stored,
    },
    ids::NotaryId,
    notary::{
        directory::{self, Card, Filter, Near, Position, RADIUS_KM, Showcase, Sort},
        offices::Specialisation,
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// No word that people type is longer.
const QUERY_CHARS_MAX: usize = 200;
/// Kilometres, if the client does not say how far.
const RADIUS_KM_DEFAULT: f64 = 50.0;

/// Filters of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Words of the names, the office, the place or what it says of itself; the last letters may be missing. Blank is the
    /// same as none.
    #[param(max_length = 200)]
    q: Option<String>,
    /// The city, whatever its accents and capitals.
    #[param(max_length = 200)]
    city: Option<String>,
    /// The province, by its two letters.
    #[param(max_length = 200)]
    province: Option<String>,
    /// Known for this.
    #[param(inline)]
    specialisation: Option<Specialisation>,
    /// At least this rating.
    #[param(minimum = 1, maximum = 5)]
    min_rating: Option<f64>,
    /// Near this point, in degrees north; with `lng`.
    #[param(minimum = -90, maximum = 90)]
    lat: Option<f64>,
    /// Degrees east.
    #[param(minimum = -180, maximum = 180)]
    lng: Option<f64>,
    /// How far from the point, in kilometres over ground; 50 unless said otherwise.
    #[param(minimum = 0.1, maximum = 200)]
    radius_km: Option<f64>,
    /// The order: nearest first when there is a point, else best rated first, unless said otherwise.
    #[param(inline)]
    sort: Option<Sort>,
}

fn within(errors: &mut Vec<FieldError>, name: &str, value: Option<f64>, range: &RangeInclusive<f64>) {
    if value.is_some_and(|value| !range.contains(&value)) {
        let detail = format!("must be from {} to {}", range.start(), range.end());
        errors.push(FieldError::query(name, "out_of_range", detail));
    }
}

impl Filters {
    fn check(self) -> Result<(Filter, Sort), Problem> {
        let mut errors = Vec::new();
        for (name, text) in [("q", &self.q), ("city", &self.city), ("province", &self.province)] {
            if text.as_ref().is_some_and(|text| text.chars().count() > QUERY_CHARS_MAX) {
                errors.push(FieldError::query(name, "too_long", "has more than 200 characters"));
            }
        }
        within(&mut errors, "min_rating", self.min_rating, &(1.0..=5.0));
        within(&mut errors, "lat", self.lat, &(-90.0..=90.0));
        within(&mut errors, "lng", self.lng, &(-180.0..=180.0));
        within(&mut errors, "radius_km", self.radius_km, &RADIUS_KM);
        let mut alone = |name: &str, detail| errors.push(FieldError::query(name, "required", detail));
        let near = match (self.lat, self.lng) {
            (Some(latitude), Some(longitude)) => {
                Some(Near { latitude, longitude, radius_km: self.radius_km.unwrap_or(RADIUS_KM_DEFAULT) })
            }
            (None, None) => {
                if self.radius_km.is_some() {
                    alone("lat", "a radius wants `lat` and `lng`");
                }
                None
            }
            (Some(_), None) => {
                alone("lng", "a point has `lat` and `lng`");
                None
            }
            (None, Some(_)) => {
                alone("lat", "a point has `lat` and `lng`");
                None
            }
        };
        if self.sort == Some(Sort::Distance) && self.lat.is_none() && self.lng.is_none() {
            alone("lat", "the order by distance wants `lat` and `lng`");
        }
        if !errors.is_empty() {
            return Err(Problem::invalid_parameters(errors));
        }
        let default = if near.is_some() { Sort::Distance } else { Sort::Rating };
        let given =
            |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let filter = Filter {
            q: given(self.q),
            city: given(self.city),
            province: given(self.province).map(|province| province.to_uppercase()),
            specialisation: self.specialisation,
            min_rating: self.min_rating.map(|rating| (rating * 100.0).round() as i64),
            near,
        };
        Ok((filter, self.sort.unwrap_or(default)))
    }
}

type Asked = (Filter, Sort, Listing<Filters, Position>);

/// Finds notaries: by words, city, province, specialisation, rating, and near a point.
#[utoipa::path(get, path = "/notaries", tag = "notary", params(Filters, PageParameters),
    responses((status = 400, description = "A parameter is malformed or unknown, or lacks another one"),
        (status = 200, description = "A page of notaries", body = Page<Card>),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn list(
    State(state): State<AppState>,
    headers: HeaderMap,
    mut list: Listing<Filters, Position>,
) -> Answer {
    let (filter, sort) = std::mem::take(&mut list.filters).check()?;
    if list.after.is_some_and(|after| !after.fits(sort)) {
        return Err(Problem::bad_request("invalid_cursor", "the cursor belongs to another order"));
    }
    let (key, is_near) = (list.cache_key(), filter.near.is_some());
    let asked = Arc::new((filter, sort, list));
    if is_near {
        // Hardly two people stand at the same point: kept pages of theirs would only drive out others.
        return Ok(find(state, asked).await?.answer(&headers));
    }
    let load = || {
        let (state, asked) = (state.clone(), asked.clone());
        async move { find(state, asked).await.map(Some) }
    };
    let found = state.pages.get(&state.pages.notaries, &key, &[Tag::Notaries], load).await?;
    found.map(|page| page.answer(&headers)).ok_or_else(|| Problem::not_found("page"))
}

async fn find(state: AppState, asked: Arc<Asked>) -> Result<Stored, DbError> {
    let (filter, sort, list) = &*asked;
    let bounds = (today(state.clock.now()), list.fetch());
    let found = directory::list(&state.db, filter, *sort, list.after.as_ref(), bounds).await?;
    let found = list.page(found, |card| card.position(*sort), |card| card);
    Ok(page(&found).linked(found.next_cursor.as_deref().map(|cursor| list.link(cursor))))
}

/// Shows a notary who can be found: who it is, what it offers and what it costs.
#[utoipa::path(get, path = "/notaries/{id}", tag = "notary",
    params(("id" = uuid::Uuid, Path, description = "The office")),
    responses((status = 200, description = "The notary", body = Showcase),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn show(State(state): State<AppState>, headers: HeaderMap, Path(id): Path<NotaryId>) -> Answer {
    let load = || {
        let state = state.clone();
        async move {
            let found = directory::showcase(&state.db, id, today(state.clock.now())).await?;
            Ok(found.map(|found| page(&found).versioned(found.version)))
        }
    };
    let found = state.pages.get(&state.pages.notary, &id.to_string(), &[Tag::Notary(id)], load).await?;
    found.map(|page| page.answer(&headers)).ok_or_else(|| Problem::not_found("notary"))
}
