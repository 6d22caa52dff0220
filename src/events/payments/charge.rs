//! Charging a booking: start, ask the provider, settle.

use jiff::{SignedDuration, Timestamp};

use super::provider::Verdict;
use crate::{
    args,
    db::{Db, DbError, Tx},
    events::{
        booking::{Booking, Status, booking_columns},
        cancelling::lock,
        selling::ticket_code,
    },
    ids::{BookingId, PaymentId, UserId},
};

/// A payment older than this is not in the hands of a request any more.
const OPEN_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Why a booking cannot be paid.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// There is none, or it is somebody else's.
    #[error("the booking does not exist")]
    NoSuchBooking,
    /// It is not waiting for money.
    #[error("the booking is {} and cannot be paid", .0.as_str())]
    NotPending(Status),
    /// The hold has run out.
    #[error("the tickets were held until {0}")]
    HoldExpired(Timestamp),
    /// Another payment of it is under way.
    #[error("a payment of this booking is under way")]
    UnderWay,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A payment that is about to be made.
#[derive(Debug, Clone)]
pub struct Started {
    /// Its id.
    pub payment: PaymentId,
    /// What is paid.
    pub booking: Booking,
}

/// Writes down that a payment is about to be made. Commit before asking the provider.
pub async fn start(
    tx: &mut Tx,
    id: BookingId,
    owner: UserId,
    payment: PaymentId,
    provider: &str,
    reference: &str,
    now: Timestamp,
) -> Result<Started, PayError> {
    const UNDER_WAY: &str = "-- events.payments.under_way
        SELECT 1 FROM payments WHERE booking_id = $1 AND kind = 'charge' AND status IN ('started', 'needs_action')";
    const START: &str = "-- events.payments.start
        INSERT INTO payments (id, booking_id, kind, amount_cents, currency, provider, reference, status, created_at,
            updated_at) VALUES ($1, $2, 'charge', $3, $4::text, $5, $6, 'started', $7, $7)";
    let booking = lock(tx, id, Some(owner)).await?.ok_or(PayError::NoSuchBooking)?;
    if booking.status != Status::Pending {
        return Err(PayError::NotPending(booking.status));
    }
    if let Some(until) = booking.hold_expires_at
        && until <= now
    {
        return Err(PayError::HoldExpired(until));
    }
    if tx.query_opt(UNDER_WAY, &[&id]).await?.is_some() {
        return Err(PayError::UnderWay);
    }
    let args: [&(dyn postgres_types::ToSql + Sync); 7] =
        [&payment, &id, &booking.total_cents, &booking.currency, &provider, &reference, &now];
    tx.execute(START, &args).await?;
    Ok(Started { payment, booking })
}

/// What settling a payment did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The booking is now confirmed.
    Confirmed(Paid),
    /// Charged, but the booking had ended: the money must go back.
    Late(Paid),
    /// The buyer must act.
    NeedsAction(Booking),
    /// Refused, or never happened: the booking is still held and may be paid otherwise.
    NotPaid(Booking, String),
    /// It had been settled before (a duplicate webhook, or the job and the request at once).
    Already(Booking),
}

/// A charge that went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The payment.
    pub payment: PaymentId,
    /// The booking, as it is now.
    pub booking: Booking,
}

/// Payments whose outcome is open for longer than a request may take, at most a batch of them.
pub async fn open(db: &Db, now: Timestamp) -> Result<Vec<(PaymentId, String)>, DbError> {
    const OPEN: &str = "-- events.payments.open
        SELECT id, reference FROM payments
        WHERE kind = 'charge' AND status IN ('started', 'needs_action') AND updated_at < $1
        ORDER BY updated_at LIMIT 100";
    let rows = db.read(OPEN, args![now - OPEN_AFTER]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Applies the provider's verdict on a charge, drawing the ticket code from `random`; see [`settle`].
pub async fn apply(
    tx: &mut Tx,
    payment: PaymentId,
    verdict: &Verdict,
    now: Timestamp,
    random: u64,
) -> Result<Option<Settled>, DbError> {
    settle(tx, payment, verdict, &ticket_code(random), now).await
}

/// Applies the provider's verdict on a charge; safe to repeat. `None` when there is no such payment.
pub async fn settle(
    tx: &mut Tx,
    payment: PaymentId,
    verdict: &Verdict,
    code: &str,
    now: Timestamp,
) -> Result<Option<Settled>, DbError> {
    const BOOKING_OF: &str = "-- events.payments.booking_of
        SELECT booking_id FROM payments WHERE id = $1 AND kind = 'charge'";
    const MOVE: &str = "-- events.payments.move
        UPDATE payments SET status = $2, failure = $3, updated_at = $4
        WHERE id = $1 AND status IN ('started', 'needs_action') AND status <> $2 RETURNING id";
    let Some(row) = tx.query_opt(BOOKING_OF, &[&payment]).await? else { return Ok(None) };
    let id: BookingId = row.get(0);
    let booking = lock(tx, id, None).await?.expect("payments_booking refers to it");
    let (status, failure) = match verdict {
        Verdict::Succeeded => ("succeeded", None),
        Verdict::NeedsAction { .. } => ("needs_action", None),
        Verdict::Declined { reason } => ("declined", Some(reason.clone())),
        Verdict::Unknown => ("failed", Some("the provider does not know the payment".to_owned())),
    };
    let moved = tx.query_opt(MOVE, &[&payment, &status, &failure, &now]).await?.is_some();
    Ok(Some(match (moved, verdict) {
        (false, _) => Settled::Already(booking),
        (true, Verdict::Succeeded) => match confirm(tx, id, code, now).await? {
            Some(booking) => Settled::Confirmed(Paid { payment, booking }),
            None => Settled::Late(Paid { payment, booking }),
        },
        (true, Verdict::NeedsAction { .. }) => Settled::NeedsAction(booking),
        (true, _) => Settled::NotPaid(booking, failure.unwrap_or_default()),
    }))
}

/// Confirms a pending booking; `None` when it is not pending any more.
async fn confirm(tx: &mut Tx, id: BookingId, code: &str, now: Timestamp) -> Result<Option<Booking>, DbError> {
    const CONFIRM: &str = concat!(
        "-- events.payments.confirm
        WITH confirmed AS (
            UPDATE bookings SET status = 'confirmed', code = $2, confirmed_at = $3, hold_expires_at = NULL,
                version = version + 1, updated_at = $3
            WHERE id = $1 AND status = 'pending' RETURNING *
        )
        SELECT ",
        booking_columns!(),
        " FROM confirmed b JOIN events e ON e.id = b.event_id"
    );
    Ok(tx.query_opt(CONFIRM, &[&id, &code, &now]).await?.as_ref().map(Booking::from_row))
}
