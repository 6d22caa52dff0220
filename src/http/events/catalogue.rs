//! Finding events. Rules and SQL live in [`crate::events::catalogue`].

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::Response,
};
use jiff::{civil::Date, tz::TimeZone};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    actors::data::cache::Tag,
    db::DbError,
    events::{
        catalogue::{self, Category, Filter, Position, Sort, Suggestion},
        favourites::is_favourite,
    },
    http::{
        VARY_READER,
        auth::MaybeUser,
        extract::{Path, Query},
        listing::{Listing, Page, PageParameters},
        pages::{Pages, page, personal},
        problem::{Answer, FieldError, Problem},
        state::AppState,
        stored::Stored,
        validate::Ends,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(suggest))
        .routes(routes!(show))
        .routes(routes!(cities))
        .routes(routes!(city))
}

/// No word that people type is longer.
const QUERY_CHARS_MAX: usize = 200;

/// The day it is for the desk: what is over today is decided there.
pub(super) fn today(state: &AppState) -> Date {
    let zone = TimeZone::get(&state.config.events.time_zone).unwrap_or(TimeZone::UTC);
    state.clock.now().to_zoned(zone).date()
}

/// Filters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filters {
    /// Words of title, place, category or description; the last letters may be missing. Blank is the same as none.
    #[param(max_length = 200)]
    q: Option<String>,
    /// A city's slug.
    city: Option<String>,
    /// A category.
    #[param(inline)]
    category: Option<Category>,
    /// Takes place on this day, which is not outside of `from` and `to`.
    #[param(value_type = Option<String>, format = Date)]
    date: Option<Date>,
    /// Not over before this day, which is not later than `to`.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// Begins until this day.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Date>,
    /// At least this price, in cents; not more than `max_price`.
    #[param(minimum = 0)]
    min_price: Option<i64>,
    /// At most this price, in cents.
    #[param(minimum = 0)]
    max_price: Option<i64>,
    /// Free of charge, or not.
    free: Option<bool>,
    /// Featured, or not.
    featured: Option<bool>,
    /// A host's id.
    host: Option<uuid::Uuid>,
    /// The order; newest first unless said otherwise.
    #[param(inline)]
    sort: Option<Sort>,
}

impl Filters {
    /// Takes the checked filters out of a list.
    pub(super) fn take(list: &mut Listing<Self, Position>) -> Result<(Filter, Sort), Problem> {
        std::mem::replace(&mut list.filters, Self::none()).check()
    }

    fn check(self) -> Result<(Filter, Sort), Problem> {
        let mut errors = Vec::new();
        if self.q.as_ref().is_some_and(|q| q.chars().count() > QUERY_CHARS_MAX) {
            errors.push(FieldError::query("q", "too_long", "has more than 200 characters"));
        }
        for (name, price) in [("min_price", self.min_price), ("max_price", self.max_price)] {
            if price.is_some_and(|price| price < 0) {
                errors.push(FieldError::query(name, "out_of_range", "must not be negative"));
            }
        }
        let days = |from, to| Ends { from, to, above: "later", below: "earlier" };
        let (date, from, to) = (("date", self.date), ("from", self.from), ("to", self.to));
        for ends in [days(from, to), days(from, date), days(date, to)] {
            ends.check(&mut errors);
        }
        let (from, to) = (("min_price", self.min_price), ("max_price", self.max_price));
        Ends { from, to, above: "more", below: "less" }.check(&mut errors);
        if !errors.is_empty() {
            return Err(Problem::invalid_parameters(errors));
        }
        let Self { q, city, category, date, from, to, min_price, max_price, free, featured, host, sort } =
            self;
        let q = q.filter(|q| !q.trim().is_empty());
        let filter = Filter { q, city, category, date, from, to, min_price, max_price, free, featured, host };
        Ok((filter, sort.unwrap_or_default()))
    }
}

/// Finds events.
#[utoipa::path(get, path = "/events", tag = "events", params(Filters, PageParameters),
    responses((status = 400, description = "A parameter is malformed or unknown, or two of them contradict each other"),
        (status = 200, description = "A page of events", body = Page<catalogue::Summary>),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn list(
    State(state): State<AppState>,
    headers: HeaderMap,
    mut list: Listing<Filters, Position>,
) -> Answer {
    let (filter, sort) = Filters::take(&mut list)?;
    if list.after.as_ref().is_some_and(|after| !after.fits(sort)) {
        return Err(Problem::bad_request("invalid_cursor", "the cursor belongs to another order"));
    }
    let found = list_page(&state, filter, sort, list).await?;
    found.map(|page| page.answer(&headers)).ok_or_else(|| Problem::not_found("page"))
}

pub(super) async fn list_page(
    state: &AppState,
    filter: Filter,
    sort: Sort,
    list: Listing<Filters, Position>,
) -> Result<Option<Arc<Stored>>, DbError> {
    let (key, asked) = (list.cache_key(), Arc::new((filter, sort, list)));
    let load = || find(state.clone(), asked.clone());
    state.pages.get(&state.pages.lists, &key, &[Tag::Catalogue], load).await
}

async fn find(
    state: AppState,
    asked: Arc<(Filter, Sort, Listing<Filters, Position>)>,
) -> Result<Option<Stored>, DbError> {
    let (filter, sort, list) = &*asked;
    let today = today(&state);
    let mut found =
        catalogue::list(&state.db, filter, *sort, list.after.as_ref(), today, list.fetch()).await?;
    if let Some(q) = &filter.q
        && found.is_empty()
        && list.after.is_none()
        && *filter == (Filter { q: Some(q.clone()), ..Filter::default() })
    {
        found = catalogue::similar_titles(&state.db, q, today).await?;
        found.truncate(list.limit as usize);
    }
    let found = list.page(found, |event| event.position(*sort), |event| event);
    Ok(Some(page(&found).linked(found.next_cursor.as_deref().map(|cursor| list.link(cursor)))))
}

impl Filters {
    const fn none() -> Self {
        Self {
            q: None,
            city: None,
            category: None,
            date: None,
            from: None,
            to: None,
            min_price: None,
            max_price: None,
            free: None,
            featured: None,
            host: None,
            sort: None,
        }
    }
}

/// What is being typed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Typed {
    /// The first letters; fewer than two suggest nothing.
    #[param(max_length = 200)]
    q: String,
}

/// Suggestions.
#[derive(Debug, serde::Serialize, ToSchema)]
struct Suggestions {
    /// At most three cities, then at most five events.
    results: Vec<Suggestion>,
}

/// Suggests cities and events while somebody types.
#[utoipa::path(get, path = "/events/autocomplete", tag = "events", params(Typed),
    responses((status = 200, description = "Suggestions", body = Suggestions),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn suggest(State(state): State<AppState>, headers: HeaderMap, Query(typed): Query<Typed>) -> Answer {
    if typed.q.chars().count() > QUERY_CHARS_MAX {
        let error = FieldError::query("q", "too_long", "has more than 200 characters");
        return Err(Problem::invalid_parameters(vec![error]));
    }
    let load = || {
        let (state, q) = (state.clone(), typed.q.clone());
        async move {
            let results = catalogue::suggest(&state.db, &q, today(&state)).await?;
            Ok(Some(page(&Suggestions { results })))
        }
    };
    let found = state.pages.get(&state.pages.suggestions, &typed.q, &[Tag::Catalogue], load).await?;
    found.map(|page| page.answer(&headers)).ok_or_else(|| Problem::not_found("page"))
}

/// An event, as its reader sees it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description: `personal` puts the two together")]
struct Shown {
    #[serde(flatten)]
    event: catalogue::Detail,
    /// Whether it is among the reader's favourites; only for those who are signed in, and null while it cannot be told.
    favourite: Option<bool>,
}

/// Shows an event. Whoever is signed in also learns whether it is a favourite; that answer is in no cache.
#[utoipa::path(get, path = "/events/{slug}", tag = "events", security((), ("bearer" = [])),
    params(("slug" = String, Path, description = "The event's name in URLs")),
    responses((status = 200, description = "The event", body = Shown),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn show(
    State(state): State<AppState>,
    reader: Result<MaybeUser, Problem>,
    headers: HeaderMap,
    Path(slug): Path<String>,
) -> Answer {
    let reader = match reader.map(|MaybeUser(reader)| reader).transpose() {
        Some(Err(problem)) if problem.status() != StatusCode::SERVICE_UNAVAILABLE => return Err(problem),
        reader => reader,
    };
    let found = event_page(&state, &slug).await?.ok_or_else(|| Problem::not_found("event"))?;
    let mut response = match reader {
        None => found.answer(&headers),
        Some(reader) => {
            let favourite = match reader {
                Ok(reader) => is_favourite(&state.db, reader.user, &slug).await.map(Some),
                Err(_) => Ok(None), // while the database is away, nobody can be recognised
            };
            let favourite = match favourite {
                // The page is worth more than the flag.
                Err(error) if error.is_unavailable() => None,
                favourite => favourite?,
            };
            personal(&found, "favourite", &favourite)
        }
    };
    // The same address has an answer for everybody and one for each reader.
    response.headers_mut().insert(header::VARY, VARY_READER);
    Ok(response)
}

/// The page of an event as everybody sees it, if it is kept: what [`show`] would answer, without a handler.
pub(in crate::http) fn kept_event(pages: &Pages, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let slug = uri.path().strip_prefix("/api/v1/events/")?;
    let is_plain = uri.query().is_none() && !slug.contains(['/', '%']);
    if !is_plain || headers.contains_key(header::AUTHORIZATION) {
        return None;
    }
    let mut response = pages.kept(&pages.events, slug)?.answer(headers);
    response.headers_mut().insert(header::VARY, VARY_READER);
    Some(response)
}

pub(super) async fn event_page(state: &AppState, slug: &str) -> Result<Option<Arc<Stored>>, DbError> {
    let load = || {
        let (state, slug) = (state.clone(), slug.to_owned());
        async move {
            let detail = catalogue::detail(&state.db, &slug, today(&state)).await?;
            Ok(detail.map(|detail| page(&detail).versioned(detail.version)))
        }
    };
    state.pages.get(&state.pages.events, slug, &[Tag::Event(slug)], load).await
}

/// Every city.
#[derive(Debug, serde::Serialize, ToSchema)]
struct Cities {
    /// By name.
    data: Vec<catalogue::City>,
}

/// Lists the cities.
#[utoipa::path(get, path = "/cities", tag = "events",
    responses((status = 200, description = "Every city", body = Cities),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn cities(State(state): State<AppState>, headers: HeaderMap) -> Answer {
    let found = cities_page(&state).await?;
    found.map(|page| page.answer(&headers)).ok_or_else(|| Problem::not_found("page"))
}

pub(super) async fn cities_page(state: &AppState) -> Result<Option<Arc<Stored>>, DbError> {
    // A city called "" cannot be asked for: this key is free.
    let load = || {
        let state = state.clone();
        async move {
            let data = catalogue::cities(&state.db, today(&state)).await?;
            Ok(Some(page(&Cities { data })))
        }
    };
    state.pages.get(&state.pages.cities, "", &[Tag::Catalogue], load).await
}

/// Shows a city.
#[utoipa::path(get, path = "/cities/{slug}", tag = "events",
    params(("slug" = String, Path, description = "The city's name in URLs")),
    responses((status = 200, description = "The city", body = catalogue::City),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn city(State(state): State<AppState>, headers: HeaderMap, Path(slug): Path<String>) -> Answer {
    let load = || {
        let (state, slug) = (state.clone(), slug.clone());
        async move { Ok(catalogue::city(&state.db, &slug, today(&state)).await?.as_ref().map(page)) }
    };
    let found = state.pages.get(&state.pages.cities, &slug, &[Tag::Catalogue], load).await?;
    found.map(|page| page.answer(&headers)).ok_or_else(|| Problem::not_found("city"))
}
