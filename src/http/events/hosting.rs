//! Publishing, changing and withdrawing events. Rules and SQL live in [`crate::events::hosting`].

use std::ops::RangeInclusive;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{ToSpan, civil::Date};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::catalogue::today;
use crate::{
    accounts::policy::Principal,
    actors::data::cache::Tag,
    events::hosting::{self, Content, CreateError, Hosted, Locked, Refusal},
    http::{
        auth::HostUser,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        merge_patch::MergePatch,
        negotiate::Coding,
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{EventId, UserId},
    jobs::events::WithdrawBookings,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(change, withdraw))
}

/// Nobody plans further ahead; a later day is a slip of the keyboard.
const YEARS_AHEAD_MAX: i32 = 5;
/// The longest event: a season.
const DAYS_MAX: i32 = 366;
const PRICES: RangeInclusive<i64> = 0..=10_000_000;
const CAPACITIES: RangeInclusive<i32> = 1..=1_000_000;
const AGES: RangeInclusive<i16> = 0..=99;

/// Whose events somebody manages: one's own, or everybody's.
pub(super) fn manager(principal: &Principal) -> Option<UserId> {
    (!principal.is_admin()).then_some(principal.user)
}

/// An event for its host, with the ETag for changing it.
pub(super) fn tagged(event: Hosted) -> Response {
    let etag = ETag::of_version(event.version).header(Coding::Identity);
    ([(header::ETAG, etag)], Json(event)).into_response()
}

/// Publishes an event.
#[utoipa::path(post, path = "/events", tag = "hosting", security(("bearer" = [])), request_body = Content,
    responses((status = 201, description = "The event, with its ETag", body = Hosted),
        (status = 403, description = "Only hosts may do this, and only administrators feature an event")))]
async fn create(
    State(state): State<AppState>,
    HostUser(principal): HostUser,
    Keyed { body, request }: Keyed<Content>,
) -> Answer {
    let content = checked(&body, None, today(&state))?;
    check_featured(&principal, content.featured, false)?;
    let random = getrandom::u64().map_err(|error| Problem::internal(error.to_string()))?;
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let mut tx = state.db.begin("events.host").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let ids = (EventId::new(now), principal.user);
    let slug = hosting::create(&mut tx, ids, &content, random, now).await.map_err(uncreated)?;
    let event = hosting::find_in(&mut tx, &slug, None).await?.ok_or_else(|| Problem::not_found("event"))?;
    let outcome = Outcome::created(format!("/api/v1/events/{slug}"), &event)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    outdated(&state, &slug);
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, ETag::of_version(event.version).header(Coding::Identity));
    Ok(response)
}

fn uncreated(error: CreateError) -> Problem {
    match error {
        CreateError::NoSuchCity => no_such_city(),
        CreateError::NoName => Problem::internal(error),
        CreateError::Db(error) => error.into(),
    }
}

fn no_such_city() -> Problem {
    Problem::unprocessable(vec![FieldError::body("/city", "unknown", "there is no such city")])
}

/// Changes to an event: a JSON merge patch (RFC 7396). What is left out stays; `null` removes what is optional.
struct ChangeEvent;

impl PartialSchema for ChangeEvent {
    fn schema() -> RefOr<Schema> {
        let mut schema = Content::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.description =
                Some("What is left out stays; `null` removes what is optional (RFC 7396)".to_owned());
        }
        schema
    }
}

impl ToSchema for ChangeEvent {}

/// Changes an event. What was booked keeps its price, its day and its city.
#[utoipa::path(patch, path = "/events/{slug}", tag = "hosting", security(("bearer" = [])),
    request_body(content((ChangeEvent = "application/merge-patch+json"), (ChangeEvent = "application/json"))),
    params(("slug" = String, Path, description = "The event's name in URLs; it never changes"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, or `\"v<version>\"`; without it 428")),
    responses((status = 200, description = "The changed event, with its ETag", body = Hosted),
        (status = 403, description = "Only hosts may do this, and only administrators feature an event"),
        (status = 409, description = "`event_withdrawn`, whatever If-Match says; or in the way of what was booked: \
            `capacity_below_taken`, `days_booked`, `city_booked`"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    HostUser(principal): HostUser,
    Path(slug): Path<String>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Answer {
    let manager = manager(&principal);
    let mut tx = state.db.begin("events.change").await?;
    let locked = hosting::lock(&mut tx, &slug, manager).await?.ok_or_else(|| Problem::not_found("event"))?;
    // First: a version of it that could be read and changed there is no more.
    locked.ensure_published().map_err(refused)?;
    if_match.check(&ETag::of_version(locked.version))?;
    let content = checked(&patch.apply(&locked.content)?, Some(&locked), today(&state))?;
    check_featured(&principal, content.featured, locked.content.featured)?;
    hosting::change(&mut tx, &locked, &content, state.clock.now()).await.map_err(refused)?;
    let event =
        hosting::find_in(&mut tx, &slug, manager).await?.ok_or_else(|| Problem::not_found("event"))?;
    tx.commit().await?;
    outdated(&state, &slug);
    Ok(tagged(event))
}

/// Withdraws an event: nobody finds or books it any more, and its buyers are told by mail and refunded in full.
#[utoipa::path(delete, path = "/events/{slug}", tag = "hosting", security(("bearer" = [])),
    params(("slug" = String, Path, description = "The event's name in URLs"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters; it does not once \
            the event is withdrawn")),
    responses((status = 204, description = "Withdrawn, now or before"),
        (status = 403, description = "Only hosts may do this"), (status = 409, description = "`event_over`: it is over"),
        (status = 412, description = "It was changed meanwhile")))]
async fn withdraw(
    State(state): State<AppState>,
    HostUser(principal): HostUser,
    Path(slug): Path<String>,
    if_match: IfMatch,
) -> Answer {
    let mut tx = state.db.begin("events.withdraw").await?;
    let locked = hosting::lock(&mut tx, &slug, manager(&principal)).await?;
    let locked = locked.ok_or_else(|| Problem::not_found("event"))?;
    if if_match.0.is_some() && locked.ensure_published().is_ok() {
        if_match.check(&ETag::of_version(locked.version))?;
    }
    if hosting::withdraw(&mut tx, &locked, state.clock.now()).await.map_err(refused)? {
        state.jobs.enqueue(&mut tx, &WithdrawBookings { event: locked.id }).await?;
    }
    tx.commit().await?;
    outdated(&state, &slug);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// After the commit of what changes an event, or which events there are.
fn outdated(state: &AppState, slug: &str) {
    state.pages.invalidate(&[Tag::Event(slug), Tag::Catalogue]);
}

fn refused(refusal: Refusal) -> Problem {
    let detail = refusal.to_string();
    let field = |code, pointer: &str| {
        Problem::conflict(code, detail.clone()).with_errors(vec![FieldError::body(
            pointer,
            code,
            detail.clone(),
        )])
    };
    match refusal {
        Refusal::Withdrawn => Problem::conflict("event_withdrawn", detail),
        Refusal::Over => Problem::conflict("event_over", detail),
        Refusal::NoSuchCity => no_such_city(),
        Refusal::CapacityBelowTaken { taken } => {
            field("capacity_below_taken", "/capacity").member("tickets_taken", taken)
        }
        Refusal::DaysBooked { bookings } => field("days_booked", "/starts_on").member("bookings", bookings),
        Refusal::CityBooked { bookings } => field("city_booked", "/city").member("bookings", bookings),
        Refusal::Db(error) => error.into(),
    }
}

fn check_featured(principal: &Principal, wanted: bool, present: bool) -> Result<(), Problem> {
    if wanted == present || principal.is_admin() {
        return Ok(());
    }
    Err(Problem::forbidden(
        "featured_by_administrators",
        "only administrators decide which events are featured",
    ))
}

/// The content with its texts trimmed, or every field that is wrong. Days that stay as they were may be past.
fn checked(content: &Content, before: Option<&Locked>, today: Date) -> Result<Content, Problem> {
    let mut checks = Checks::default();
    let optional = |checks: &mut Checks, pointer: &str, text: Option<&String>| {
        let text = text.map(|text| checks.text(pointer, text, 0..=2000).to_owned());
        text.filter(|text| !text.is_empty())
    };
    let checked = Content {
        title: checks.line("/title", &content.title, 1..=200).to_owned(),
        description: checks.text("/description", &content.description, 1..=10_000).to_owned(),
        city: checks.line("/city", &content.city, 1..=100).to_owned(),
        location: checks.line("/location", &content.location, 1..=200).to_owned(),
        included: optional(&mut checks, "/included", content.included.as_ref()),
        things_to_know: optional(&mut checks, "/things_to_know", content.things_to_know.as_ref()),
        cancellation_policy: optional(
            &mut checks,
            "/cancellation_policy",
            content.cancellation_policy.as_ref(),
        ),
        ..content.clone()
    };
    checks.range("/price_cents", checked.price_cents, PRICES);
    checks.range("/capacity", checked.capacity, CAPACITIES);
    if let Some(age) = checked.age_restriction {
        checks.range("/age_restriction", age, AGES);
    }
    if let Some(time) = checked.start_time {
        let whole = time.second() == 0 && time.subsec_nanosecond() == 0;
        checks.ensure(whole, "/start_time", "not_whole_minutes", "must be whole minutes");
    }
    let before = before.map(|locked| (locked.content.starts_on, locked.content.ends_on));
    if before != Some((checked.starts_on, checked.ends_on)) {
        check_days(&mut checks, &checked, before.map(|(from, _)| from), today);
    }
    checks.done()?;
    Ok(checked)
}

fn check_days(checks: &mut Checks, content: &Content, before: Option<Date>, today: Date) {
    let (from, to) = (content.starts_on, content.ends_on);
    if before != Some(from) {
        checks.ensure(from >= today, "/starts_on", "past", "must not be past");
    }
    let far = today.saturating_add(YEARS_AHEAD_MAX.years());
    checks.ensure(from <= far, "/starts_on", "too_far", "is more than five years ahead");
    checks.ensure(to >= from, "/ends_on", "before_start", "must not be before the first day");
    let last = from.saturating_add(DAYS_MAX.days());
    checks.ensure(to < last, "/ends_on", "too_long", "an event lasts at most 366 days");
}
