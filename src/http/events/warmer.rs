//! Which pages are worth having before anybody asks: the front page's lists, and the events that sell best.

use axum::http::Uri;

use super::catalogue::{Filters, cities_page, event_page, list_page, today};
use crate::{
    actors::data::cache::{Warmed, Warmer},
    db::DbError,
    events::catalogue::{self, Filter, Position, Sort},
    http::{listing::Listing, state::AppState},
};

/// Lists that the front page shows.
const LISTS: [&str; 3] = ["/api/v1/events", "/api/v1/events?featured=true", "/api/v1/events?sort=popular"];
/// Most visits go to few events.
const EVENTS: i64 = 50;

/// Warms the pages of this server.
pub fn warmer(state: AppState) -> Warmer {
    Warmer::new(move || round(state.clone()))
}

async fn round(state: AppState) -> Result<Warmed, DbError> {
    let mut warmed = Warmed::default();
    let mut count = |page: bool| warmed.pages += usize::from(page);
    count(cities_page(&state).await?.is_some());
    for uri in LISTS {
        let asked = Listing::<Filters, Position>::parse(&Uri::from_static(uri), state.cursors.clone());
        let mut list = asked.expect("a test asks for each of these lists");
        let (filter, sort) = Filters::take(&mut list).expect("a test asks for each of these lists");
        count(list_page(&state, filter, sort, list).await?.is_some());
    }
    let (filter, today) = (Filter::default(), today(&state));
    let popular = catalogue::list(&state.db, &filter, Sort::Popular, None, today, EVENTS).await?;
    for event in popular {
        count(event_page(&state, &event.slug).await?.is_some());
    }
    Ok(warmed)
}
