//! Paying a booking, and what the provider tells us by itself.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    events::{
        booking::Booking,
        payments::{
            Charge, Paid, PayError, Settled, Verdict, Webhook, WebhookStatus, apply, is_first, start, verify,
        },
    },
    http::{
        auth::CurrentUser,
        conditional::ETag,
        extract::{Path, json_bytes, parse_json},
        idempotency::{self, Claim, Keyed, Outcome},
        negotiate::Coding,
        problem::{Answer, Problem},
        state::{AppState, BodyLimits},
        validate::Checks,
    },
    ids::{BookingId, PaymentId},
    jobs::events::follow_up,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(pay)).routes(routes!(webhook))
}

/// How a booking is paid.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Pay {
    /// What the provider gave the buyer's browser; for the built-in provider `tok_success`, `tok_decline`,
    /// `tok_needs_action`, `tok_timeout` or `tok_duplicate_webhook`.
    #[schema(min_length = 1, max_length = 200, example = "tok_success")]
    token: String,
}

/// A payment that is under way.
#[derive(serde::Serialize, ToSchema)]
struct UnderWay {
    /// `needs_action` or `processing`.
    status: &'static str,
    /// Where the buyer must confirm.
    action_url: Option<String>,
    /// The payment.
    payment: PaymentId,
}

/// Pays a booking. A repetition with the same `Idempotency-Key` charges nothing and is answered as before; a declined
/// payment may be tried again.
#[utoipa::path(post, path = "/bookings/{id}/payment", tag = "bookings", security(("bearer" = [])), request_body = Pay,
    params(("id" = uuid::Uuid, Path, description = "The booking"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "1 to 255 printable characters; a repetition with the same key and body is answered as before")),
    responses((status = 200, description = "Paid: the confirmed booking", body = Booking),
        (status = 202, description = "Under way: the buyer must act, or the provider has not answered", body = UnderWay),
        (status = 402, description = "Declined: the tickets are still held"),
        (status = 409, description = "The booking cannot be paid any more, or a payment is under way")))]
async fn pay(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<BookingId>,
    Keyed { body, request }: Keyed<Pay>,
) -> Answer {
    let mut checks = Checks::default();
    let token = checks.line("/token", &body.token, 1..=200).to_owned();
    checks.done()?;
    let now = state.clock.now();
    let payment = PaymentId::new(now);
    let reference = state.payments.reference(payment, &token);
    let claim = request.claim(principal.user);
    let mut tx = state.db.begin("events.pay").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let started = start(&mut tx, id, principal.user, payment, state.payments.name(), &reference, now).await;
    let started = started.map_err(unpayable)?;
    let under_way = UnderWay { status: "processing", action_url: None, payment };
    let processing = Outcome::json(StatusCode::ACCEPTED, &under_way)?;
    idempotency::finish(&mut tx, claim, &processing, now).await?;
    tx.commit().await?;
    let charge = Charge {
        payment,
        amount_cents: started.booking.total_cents,
        currency: started.booking.currency.clone(),
        token,
    };
    let verdict = tokio::time::timeout(*state.config.payments.timeout, state.payments.charge(&charge)).await;
    let Ok(Ok(verdict)) = verdict else {
        // Whether it was charged is open: the settling job will ask.
        return Ok(processing.into_response());
    };
    settle(&state, payment, &verdict, claim).await
}

/// What the buyer hears of a settled payment; with the booking's version, where it is the answer.
fn told(
    settled: Option<Settled>,
    verdict: &Verdict,
    payment: PaymentId,
) -> Result<(Outcome, Option<i64>), Problem> {
    match settled {
        Some(Settled::Confirmed(Paid { booking, .. }) | Settled::Already(booking)) => {
            Ok((Outcome::json(StatusCode::OK, &booking)?, Some(booking.version)))
        }
        Some(Settled::NeedsAction(_)) => {
            let action_url =
                if let Verdict::NeedsAction { url } = verdict { Some(url.clone()) } else { None };
            let under_way = UnderWay { status: "needs_action", action_url, payment };
            Ok((Outcome::json(StatusCode::ACCEPTED, &under_way)?, None))
        }
        Some(Settled::NotPaid(_, reason)) => {
            Err(Problem::new(StatusCode::PAYMENT_REQUIRED, "payment_declined", reason))
        }
        Some(Settled::Late(_)) => {
            Err(Problem::conflict("booking_ended", "the booking ended meanwhile; the money is returned"))
        }
        None => Err(Problem::not_found("payment")),
    }
}

fn unpayable(error: PayError) -> Problem {
    let detail = error.to_string();
    match error {
        PayError::NoSuchBooking => Problem::not_found("booking"),
        PayError::NotPending(_) => Problem::conflict("not_pending", detail),
        PayError::HoldExpired(_) => Problem::conflict("hold_expired", detail),
        PayError::UnderWay => Problem::conflict("payment_under_way", detail),
        PayError::Db(error) => error.into(),
    }
}

/// Applies the provider's verdict, and stores what the buyer hears with it.
async fn settle(state: &AppState, payment: PaymentId, verdict: &Verdict, claim: Option<Claim>) -> Answer {
    let random = getrandom::u64().map_err(|error| Problem::internal(error.to_string()))?;
    let mut tx = state.db.begin("events.settle").await?;
    let settled = apply(&mut tx, payment, verdict, state.clock.now(), random).await?;
    follow_up(&state.jobs, &mut tx, settled.as_ref()).await?;
    let told = told(settled, verdict, payment);
    idempotency::amend(&mut tx, claim, told.as_ref().ok().map(|(outcome, _)| outcome)).await?;
    tx.commit().await?;
    let (outcome, version) = told?;
    let mut response = outcome.into_response();
    if let Some(version) = version {
        response.headers_mut().insert(header::ETAG, ETag::of_version(version).header(Coding::Identity));
    }
    Ok(response)
}

/// Takes a message of the payment provider: signed, and applied once however often it comes.
#[utoipa::path(post, path = "/payments/webhook", tag = "bookings", request_body = Webhook,
    params(("Sportello-Signature" = Option<String>, Header, description = "t=<unix seconds>,v1=<HMAC-SHA256 of t.body>")),
    responses((status = 204, description = "Taken"),
        (status = 401, description = "The signature is missing, wrong or old")))]
async fn webhook(State(state): State<AppState>, headers: HeaderMap, request: Request) -> Answer {
    let limits = BodyLimits {
        max_bytes: *state.config.server.max_body_bytes,
        deadline: *state.config.server.body_deadline,
    };
    let bytes = json_bytes(request, limits).await?;
    let signature =
        headers.get("sportello-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (now, secret) = (state.clock.now(), state.config.payments.webhook_secret.expose());
    verify(secret, signature, &bytes, now)
        .map_err(|error| Problem::invalid_credentials("invalid_signature", error.to_string()))?;
    let message: Webhook = parse_json(&bytes)?;
    let mut checks = Checks::default();
    checks.line("/id", &message.id, 1..=200);
    checks.done()?;
    let verdict = match message.status {
        WebhookStatus::Succeeded => Verdict::Succeeded,
        WebhookStatus::Declined => Verdict::Declined { reason: "the provider declined".to_owned() },
    };
    let random = getrandom::u64().map_err(|error| Problem::internal(error.to_string()))?;
    let mut tx = state.db.begin("events.webhook").await?;
    if is_first(&mut tx, &message.id, now).await? {
        let settled = apply(&mut tx, message.payment, &verdict, now, random).await?;
        if settled.is_none() {
            return Err(Problem::not_found("payment"));
        }
        follow_up(&state.jobs, &mut tx, settled.as_ref()).await?;
        tx.commit().await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
