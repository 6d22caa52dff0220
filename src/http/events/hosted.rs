//! What hosts read: their events with what was sold, and the sales of each day.

use axum::{extract::State, response::IntoResponse};
use jiff::{Timestamp, ToSpan, civil::Date};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    catalogue::today,
    hosting::{manager, tagged},
};
use crate::{
    events::hosting::{self, Day, Hosted, HostedEvent, Status},
    http::{
        auth::HostUser,
        extract::{Json, Path, Query},
        listing::{Listing, Page, PageParameters},
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Ends,
    },
    ids::EventId,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(sales))
}

/// Days shown unless it is said which.
const DAYS: i32 = 30;
/// Most days in one answer.
const DAYS_MAX: i32 = 366;

/// Filters of one's events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Whether they can be found and booked.
    #[param(inline)]
    status: Option<Status>,
}

/// Lists one's events with what was sold, newest first.
#[utoipa::path(get, path = "/me/events", tag = "hosting", security(("bearer" = [])), params(Filters, PageParameters),
    responses((status = 200, description = "A page of events", body = Page<HostedEvent>),
        (status = 403, description = "Only hosts may do this")))]
async fn list(
    State(state): State<AppState>,
    HostUser(principal): HostUser,
    list: Listing<Filters, (Timestamp, EventId)>,
) -> Answer {
    let found =
        hosting::list(&state.db, principal.user, list.filters.status, list.after, list.fetch()).await?;
    Ok(list.answer(found, |event| (event.created_at, event.id), |event| event))
}

/// Shows one of one's events as it can be changed, also when it was withdrawn. Administrators see everybody's.
#[utoipa::path(get, path = "/me/events/{slug}", tag = "hosting", security(("bearer" = [])),
    params(("slug" = String, Path, description = "The event's name in URLs")),
    responses((status = 200, description = "The event, with the ETag for changing it", body = Hosted),
        (status = 403, description = "Only hosts may do this")))]
async fn show(
    State(state): State<AppState>,
    HostUser(principal): HostUser,
    Path(slug): Path<String>,
) -> Answer {
    let event = hosting::find(&state.db, slug, manager(&principal)).await?;
    Ok(tagged(event.ok_or_else(|| Problem::not_found("event"))?))
}

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Period {
    /// The first day, not later than `to`; thirty days unless said otherwise.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// The last day; today unless said otherwise. At most 366 days in all.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Date>,
}

/// The sales of an event, day by day in its time zone.
#[derive(Debug, serde::Serialize, ToSchema)]
struct Sales {
    /// The event's name in URLs.
    event: String,
    /// The first day.
    #[schema(value_type = String, format = Date)]
    from: Date,
    /// The last day.
    #[schema(value_type = String, format = Date)]
    to: Date,
    /// The days on which something happened.
    days: Vec<Day>,
}

/// Shows the sales of one of one's events by day. Administrators see everybody's.
#[utoipa::path(get, path = "/me/events/{slug}/sales", tag = "hosting", security(("bearer" = [])),
    params(("slug" = String, Path, description = "The event's name in URLs"), Period),
    responses((status = 200, description = "The sales by day", body = Sales),
        (status = 403, description = "Only hosts may do this")))]
async fn sales(
    State(state): State<AppState>,
    HostUser(principal): HostUser,
    Path(slug): Path<String>,
    Query(period): Query<Period>,
) -> Answer {
    let to = period.to.unwrap_or_else(|| today(&state));
    let from = period.from.unwrap_or_else(|| to.saturating_sub((DAYS - 1).days()));
    let mut errors = Vec::new();
    Ends { from: ("from", Some(from)), to: ("to", Some(to)), above: "later", below: "earlier" }
        .check(&mut errors);
    if to >= from.saturating_add(DAYS_MAX.days()) {
        for name in ["from", "to"] {
            errors.push(FieldError::query(name, "out_of_range", "at most 366 days are shown at once"));
        }
    } else if from.year() < 1 {
        errors.push(FieldError::query("from", "out_of_range", "is before our era"));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid_parameters(errors));
    }
    let days = hosting::by_day(&state.db, slug.clone(), manager(&principal), from, to).await?;
    let days = days.ok_or_else(|| Problem::not_found("event"))?;
    Ok(Json(Sales { event: slug, from, to, days }).into_response())
}
