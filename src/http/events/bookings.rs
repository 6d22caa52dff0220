//! Booking tickets. Rules and SQL live in [`crate::events`], selling in the sales shards.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    actors::{data::cache::Tag, sales::SalesError},
    events::{
        booking::{self, After, Booking, Status},
        cancelling::{self, CancelError},
        payments::request_refund,
        selling::{Order, Refusal, Sale, ticket_code},
    },
    http::{
        auth::CurrentUser,
        conditional::ETag,
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, Page, PageParameters},
        negotiate::Coding,
        problem::{Answer, FieldError, Problem, SOON},
        state::AppState,
        validate::Checks,
    },
    ids::{BookingId, PaymentId},
    jobs::{
        NewJob,
        events::{Occasion, RefundBooking, SendBookingMail},
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(cancel))
}

/// Tickets to be booked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateBooking {
    /// How many.
    #[schema(minimum = 1, maximum = 10)]
    tickets: i16,
    /// The day of the visit; may be left out when the event has only one.
    #[schema(value_type = Option<String>, format = Date)]
    event_date: Option<Date>,
}

/// Books tickets: they are held at once, and paid (unless free) within the time given in the answer.
#[utoipa::path(post, path = "/events/{slug}/bookings", tag = "bookings", security(("bearer" = [])),
    request_body = CreateBooking,
    params(("slug" = String, Path, description = "The event's name in URLs")),
    responses((status = 201, description = "The booking", body = Booking),
        (status = 409, description = "`sold_out`, `event_begun` or `event_withdrawn`")))]
async fn create(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(slug): Path<String>,
    Keyed { body, request }: Keyed<CreateBooking>,
) -> Answer {
    let mut checks = Checks::default();
    checks.range("/tickets", body.tickets, 1..=state.config.events.max_tickets as i16);
    checks.done()?;
    let random = getrandom::u64().map_err(|error| Problem::internal(error.to_string()))?;
    let order = Order {
        id: BookingId::new(state.clock.now()),
        event: slug,
        user: principal.user,
        tickets: body.tickets,
        date: body.event_date,
        code: ticket_code(random),
        claim: request.claim(principal.user).map(Into::into),
    };
    let mut outcome = state.sales.book(order.clone()).await;
    if matches!(outcome, Err(SalesError::Unknown)) && order.claim.is_some() {
        // The shard died with the order. Its key makes a second try safe, and usually there is a shard again.
        tokio::time::sleep(SECOND_TRY).await;
        outcome = state.sales.book(order).await;
    }
    sold(outcome.map_err(unsold)?.map_err(|refusal| refused(&refusal))?)
}

/// A crashed shard is back sooner than this.
const SECOND_TRY: std::time::Duration = std::time::Duration::from_millis(100);

fn sold(sale: Sale) -> Answer {
    let booking = match sale {
        Sale::Sold(booking) => booking,
        Sale::Replayed { status, body } => {
            let status = StatusCode::from_u16(status).map_err(Problem::internal)?;
            return Ok(idempotency::replay(Outcome { status, location: None, body: body.into() }));
        }
    };
    let location = format!("/api/v1/bookings/{}", booking.id);
    let mut response = Outcome::created(location, &*booking)?.into_response();
    response.headers_mut().insert(header::ETAG, ETag::of_version(1).header(Coding::Identity));
    Ok(response)
}

fn unsold(error: SalesError) -> Problem {
    match error {
        SalesError::Overloaded | SalesError::Down => Problem::unavailable(SOON).because(error),
        SalesError::Unknown => Problem::outcome_unknown(),
        SalesError::Db(error) => error.into(),
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::NoSuchEvent => Problem::not_found("event"),
        Refusal::Withdrawn => Problem::conflict("event_withdrawn", detail),
        Refusal::SoldOut { left } => Problem::conflict("sold_out", detail).member("tickets_left", *left),
        Refusal::DateRequired { .. } => {
            Problem::unprocessable(vec![FieldError::body("/event_date", "required", detail)])
        }
        Refusal::DateOutside { .. } => {
            Problem::unprocessable(vec![FieldError::body("/event_date", "out_of_range", detail)])
        }
        Refusal::Begun => Problem::conflict("event_begun", detail),
        Refusal::KeyReused => idempotency::key_reused(),
    }
}

/// Filters of one's bookings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Where they are in their life.
    #[param(inline)]
    status: Option<Status>,
}

/// Lists one's bookings, newest first.
#[utoipa::path(get, path = "/me/bookings", tag = "bookings", security(("bearer" = [])), params(Filters, PageParameters),
    responses((status = 200, description = "A page of bookings", body = Page<Booking>)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    list: Listing<Filters, (Timestamp, BookingId)>,
) -> Answer {
    let after = list.after.map(|(at, id)| After(at, id));
    let found = booking::list(&state.db, principal.user, list.filters.status, after, list.fetch()).await?;
    Ok(list.answer(found, |booking| (booking.created_at, booking.id), |booking| booking))
}

pub(super) fn tagged(booking: Booking) -> Response {
    let etag = ETag::of_version(booking.version).header(Coding::Identity);
    ([(header::ETAG, etag)], Json(booking)).into_response()
}

/// Shows one of one's bookings.
#[utoipa::path(get, path = "/bookings/{id}", tag = "bookings", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The booking")),
    responses((status = 200, description = "The booking, with its ETag", body = Booking)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<BookingId>,
) -> Answer {
    let booking = booking::find(&state.db, id, principal.user).await?;
    Ok(tagged(booking.ok_or_else(|| Problem::not_found("booking"))?))
}

/// Cancels a booking: all is returned seven days ahead, half of it three days ahead, later it is refused.
#[utoipa::path(post, path = "/bookings/{id}/cancel", tag = "bookings", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The booking")),
    responses((status = 200, description = "The cancelled booking", body = Booking),
        (status = 409, description = "It has ended, or it is too late")))]
async fn cancel(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<BookingId>,
) -> Answer {
    let now = state.clock.now();
    let mut tx = state.db.begin("events.cancel").await?;
    let cancelled = cancelling::cancel(&mut tx, id, principal.user, None, now).await.map_err(|error| {
        let detail = error.to_string();
        match error {
            CancelError::NoSuchBooking => Problem::not_found("booking"),
            CancelError::Ended(_) => Problem::conflict("booking_ended", detail),
            CancelError::TooLate(_) => Problem::conflict("too_late", detail),
            CancelError::Changed => Problem::precondition_failed(),
            CancelError::Db(error) => error.into(),
        }
    })?;
    let mut jobs = vec![NewJob::of(&SendBookingMail { booking: id, occasion: Occasion::Cancelled })];
    if request_refund(&mut tx, PaymentId::new(now), id, cancelled.refund_cents, now).await? {
        jobs.push(NewJob::of(&RefundBooking { booking: id }));
    }
    state.jobs.insert(&mut tx, &jobs).await?;
    tx.commit().await?;
    state.pages.invalidate(&[Tag::Event(&cancelled.event)]);
    Ok(tagged(cancelled))
}
