//! The slots of an office that are left.

use axum::{extract::State, http::header, response::IntoResponse as _};
use jiff::{Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::requests::earliest;
use crate::{
    http::{
        extract::{Json, Path, Query},
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::{AppointmentId, NotaryId},
    notary::{
        agenda::openings::{self, Wanted},
        rules::slots::Slot,
        time::today,
    },
};

/// Days that are shown if nobody says.
const DAYS: i32 = 14;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(slots))
}

/// Which slots.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// First day; today if nothing is said.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// Last day, within 60 days; two weeks if nothing is said.
    #[param(value_type = Option<String>, format = Date)]
    until: Option<Date>,
    /// How long, in minutes; as the office has it if nothing is said.
    #[param(minimum = 15, maximum = 480)]
    minutes: Option<u16>,
    /// As if this appointment did not exist: for moving it.
    #[param(value_type = Option<uuid::Uuid>)]
    except: Option<AppointmentId>,
}

/// A time at which somebody can be met.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AppointmentSlot)]
struct View {
    /// From.
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// Until.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// Whether one may ask for it here; else by telephone.
    is_online: bool,
}

impl From<Slot> for View {
    fn from(slot: Slot) -> Self {
        Self { starts_at: slot.start, ends_at: slot.end, is_online: slot.online }
    }
}

/// The slots of an office.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AppointmentSlots)]
struct Views {
    /// In order.
    data: Vec<View>,
    /// The time zone of the office.
    time_zone: &'static str,
}

/// Lists the slots of an office that are left, of up to 60 days. An office without a valid licence has none.
#[utoipa::path(get, path = "/notaries/{id}/slots", tag = "notary agenda",
    params(("id" = uuid::Uuid, Path, description = "The office"), Which),
    responses((status = 200, description = "The slots", body = Views)))]
async fn slots(
    State(state): State<AppState>,
    Path(id): Path<NotaryId>,
    Query(which): Query<Which>,
) -> Answer {
    let now = state.clock.now();
    let from = which.from.unwrap_or_else(|| today(now));
    let until = which.until.unwrap_or_else(|| from.saturating_add(DAYS.days()));
    let earliest = earliest(&state, now);
    let wanted =
        Wanted { from, until, today: today(now), minutes: which.minutes, earliest, except: which.except };
    let found = openings::find(&state.db, id, wanted).await?;
    let found = found.ok_or_else(|| Problem::not_found("notary"))?;
    let data = found.slots.into_iter().map(View::from).collect();
    let answer = Json(Views { data, time_zone: found.time_zone });
    Ok(([(header::CACHE_CONTROL, "no-cache")], answer).into_response())
}
