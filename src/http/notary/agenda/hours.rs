//! Hours of the week of one's office.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::civil::{Date, Time, Weekday};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{Teller, not_permitted};
use crate::{
    http::{
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        negotiate::Coding,
        notary::office::OfficeUser,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::AvailabilityId,
    notary::{
        agenda::hours::{self, Hours, PER_OFFICE},
        licence,
        rules::slots::{Availability, MINUTES_MAX, MINUTES_MIN},
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace, remove))
}

fn tagged(status: StatusCode, hours: &Hours) -> Response {
    let etag = ETag::of_version(hours.version).header(Coding::Identity);
    (status, [(header::ETAG, etag)], Json(hours)).into_response()
}

/// Hours of the week.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAvailability)]
struct NewHours {
    /// The day of the week (ISO 8601): 1 is Monday, 7 is Sunday.
    #[schema(minimum = 1, maximum = 7)]
    weekday: i8,
    /// From, as the clock of the office shows it; `00:00` to `23:59`, in whole minutes.
    #[schema(value_type = String, example = "09:00")]
    start_time: Time,
    /// Until; `00:00` is the end of the day.
    #[schema(value_type = String, example = "13:00")]
    end_time: Time,
    /// A slot begins every so many minutes, and is as long if nobody says.
    #[serde(default = "half_an_hour")]
    #[schema(minimum = 15, maximum = 480, default = 30)]
    slot_minutes: u16,
    /// Whether people may book it themselves.
    #[serde(default = "yes")]
    #[schema(default = true)]
    is_online: bool,
    /// First day; today if nothing is said.
    #[schema(value_type = Option<String>, format = Date)]
    valid_from: Option<Date>,
    /// Last day; without end if nothing is said.
    #[schema(value_type = Option<String>, format = Date)]
    valid_until: Option<Date>,
}

const fn half_an_hour() -> u16 {
    30
}

const fn yes() -> bool {
    true
}

impl NewHours {
    fn check(&self, today: Date) -> Result<Availability, Problem> {
        let mut checks = Checks::default();
        checks.range("/weekday", self.weekday, 1..=7);
        checks.range("/slot_minutes", self.slot_minutes, MINUTES_MIN..=MINUTES_MAX);
        for (pointer, time) in [("/start_time", self.start_time), ("/end_time", self.end_time)] {
            let is_whole = time.second() == 0 && time.subsec_nanosecond() == 0;
            checks.ensure(is_whole, pointer, "out_of_range", "must be a whole minute");
        }
        let is_ordered = self.start_time < self.end_time || self.end_time == Time::midnight();
        checks.ensure(is_ordered, "/end_time", "out_of_range", "must be later than `start_time`");
        let valid_from = self.valid_from.unwrap_or(today);
        let is_ordered = self.valid_until.is_none_or(|until| until >= valid_from);
        checks.ensure(is_ordered, "/valid_until", "out_of_range", "must not be earlier than `valid_from`");
        checks.done()?;
        Ok(Availability {
            weekday: Weekday::from_monday_one_offset(self.weekday).map_err(Problem::internal)?,
            start: self.start_time,
            end: self.end_time,
            valid_from,
            valid_until: self.valid_until,
            slot_minutes: self.slot_minutes,
            online: self.is_online,
        })
    }
}

/// All hours of an office: there are never more than a hundred.
#[derive(serde::Serialize, ToSchema)]
struct Week {
    /// Through the week.
    data: Vec<Hours>,
}

/// Lists the hours of the week of one's office.
#[utoipa::path(get, path = "/notary/office/availability", tag = "notary agenda", security(("bearer" = [])),
    responses((status = 200, description = "The hours", body = Week),
        (status = 403, description = "`no_office`")))]
async fn list(State(state): State<AppState>, OfficeUser { principal, office }: OfficeUser) -> Answer {
    let data = hours::list(&state.db, office, principal.user).await?;
    Ok(Json(Week { data }).into_response())
}

/// Adds hours to the week of one's office.
#[utoipa::path(post, path = "/notary/office/availability", tag = "notary agenda", security(("bearer" = [])),
    request_body = NewHours,
    responses((status = 201, description = "The hours, with their ETag", body = Hours),
        (status = 403, description = "`no_office`; `not_permitted`; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`too_many_hours`: remove some first")))]
async fn create(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    client: ClientAddress,
    Keyed { body, request }: Keyed<NewHours>,
) -> Answer {
    let now = state.clock.now();
    let rule = body.check(today(now))?;
    let (claim, id) = (request.claim(principal.user), AvailabilityId::new(now));
    let mut tx = state.db.begin("notary.hours.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    licence::require(&mut tx, office, today(now)).await?;
    let Some(made) = hours::create(&mut tx, (id, office, principal.user), &rule, now).await? else {
        drop(tx);
        let is_full = hours::list(&state.db, office, principal.user).await?.len() as i64 >= PER_OFFICE;
        let full =
            || Problem::conflict("too_many_hours", format!("{PER_OFFICE} are the most: remove some first"));
        return Err(if is_full { full() } else { not_permitted() });
    };
    let told = ("availability", id.to_string());
    let teller = Teller { principal: &principal, client };
    teller.told(&state, &mut tx, "availability.create", told, serde_json::json!({})).await?;
    let outcome = Outcome::created(format!("/api/v1/notary/office/availability/{id}"), &made)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, ETag::of_version(made.version).header(Coding::Identity));
    Ok(response)
}

/// Shows hours of one's office.
#[utoipa::path(get, path = "/notary/office/availability/{id}", tag = "notary agenda", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The hours")),
    responses((status = 200, description = "The hours, with their ETag", body = Hours),
        (status = 403, description = "`no_office`")))]
async fn show(
    State(state): State<AppState>,
    OfficeUser { principal, .. }: OfficeUser,
    Path(id): Path<AvailabilityId>,
) -> Answer {
    let found = hours::find(&state.db, id, principal.user).await?;
    Ok(tagged(StatusCode::OK, &found.ok_or_else(|| Problem::not_found("availability"))?))
}

/// Replaces hours of one's office. What is booked stays.
#[utoipa::path(put, path = "/notary/office/availability/{id}", tag = "notary agenda", security(("bearer" = [])),
    request_body = NewHours,
    params(("id" = uuid::Uuid, Path, description = "The hours"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The hours, with their ETag", body = Hours),
        (status = 403, description = "`no_office`"), (status = 412, description = "They were changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn replace(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    client: ClientAddress,
    Path(id): Path<AvailabilityId>,
    if_match: IfMatch,
    Json(body): Json<NewHours>,
) -> Answer {
    let now = state.clock.now();
    let rule = body.check(today(now))?;
    let found = hours::find(&state.db, id, principal.user).await?;
    let found = found.ok_or_else(|| Problem::not_found("availability"))?;
    if_match.check(&ETag::of_version(found.version))?;
    let mut tx = state.db.begin("notary.hours.replace").await?;
    licence::require(&mut tx, office, today(now)).await?;
    let changed = hours::replace(&mut tx, (id, found.version, principal.user), &rule, now).await?;
    let changed = changed.ok_or_else(Problem::precondition_failed)?;
    let told = ("availability", id.to_string());
    let teller = Teller { principal: &principal, client };
    teller.told(&state, &mut tx, "availability.change", told, serde_json::json!({})).await?;
    tx.commit().await?;
    Ok(tagged(StatusCode::OK, &changed))
}

/// Removes hours of one's office. What is booked stays.
#[utoipa::path(delete, path = "/notary/office/availability/{id}", tag = "notary agenda", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The hours")),
    responses((status = 204, description = "Removed"), (status = 403, description = "`no_office`")))]
async fn remove(
    State(state): State<AppState>,
    OfficeUser { principal, .. }: OfficeUser,
    client: ClientAddress,
    Path(id): Path<AvailabilityId>,
) -> Answer {
    let mut tx = state.db.begin("notary.hours.remove").await?;
    if !hours::remove(&mut tx, id, principal.user).await? {
        return Err(Problem::not_found("availability"));
    }
    let told = ("availability", id.to_string());
    let teller = Teller { principal: &principal, client };
    teller.told(&state, &mut tx, "availability.remove", told, serde_json::json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
