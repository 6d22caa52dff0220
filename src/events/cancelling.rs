//! Giving tickets back: by the buyer under the refund rule, or because the event is withdrawn.
//!
//! Invariant: one statement ends the booking and returns its tickets, and only a booking that held tickets returns them.

use jiff::Timestamp;

use super::{
    booking::{Booking, Status, booking_columns},
    refund::{Refund, TooLate, refund},
};
use crate::{
    db::{DbError, Tx},
    ids::{BookingId, EventId, UserId},
};

/// Why a booking could not be cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// There is none, or it is somebody else's.
    #[error("the booking does not exist")]
    NoSuchBooking,
    /// It has ended already.
    #[error("the booking is {} and cannot be cancelled", .0.as_str())]
    Ended(Status),
    /// The rule forbids it.
    #[error(transparent)]
    TooLate(#[from] TooLate),
    /// It was changed meanwhile.
    #[error("the booking was changed meanwhile")]
    Changed,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Locks a booking for a change. Owners see only their own.
pub async fn lock(tx: &mut Tx, id: BookingId, owner: Option<UserId>) -> Result<Option<Booking>, DbError> {
    // The event is locked first, as sales do: the order of locks is the same everywhere.
    const EVENT: &str = "-- events.cancelling.lock_event
        SELECT id FROM events WHERE id = (SELECT event_id FROM bookings WHERE id = $1) FOR NO KEY UPDATE";
    const LOCK: &str = concat!(
        "-- events.cancelling.lock\n SELECT ",
        booking_columns!(),
        "
        FROM bookings b JOIN events e ON e.id = b.event_id
        WHERE b.id = $1 AND ($2::uuid IS NULL OR b.user_id = $2) FOR NO KEY UPDATE OF b"
    );
    tx.query_opt(EVENT, &[&id]).await?;
    Ok(tx.query_opt(LOCK, &[&id, &owner]).await?.as_ref().map(Booking::from_row))
}

/// Cancels a booking of its owner. `version` is what the client saw, if it said so.
pub async fn cancel(
    tx: &mut Tx,
    id: BookingId,
    owner: UserId,
    version: Option<i64>,
    now: Timestamp,
) -> Result<Booking, CancelError> {
    let booking = lock(tx, id, Some(owner)).await?.ok_or(CancelError::NoSuchBooking)?;
    if version.is_some_and(|version| version != booking.version) {
        return Err(CancelError::Changed);
    }
    let refund = match booking.status {
        // Nothing was paid: nothing to return, and no reason to hold anybody.
        Status::Pending => Refund { percent: 100, cents: 0 },
        Status::Confirmed => refund(&booking.visit(), booking.total_cents, now)?,
        ended => return Err(CancelError::Ended(ended)),
    };
    Ok(end(tx, id, Status::Cancelled, "buyer", refund, now).await?.expect("the booking is locked and live"))
}

/// Ends a live booking and returns its tickets; `None` when it had ended.
pub(super) async fn end(
    tx: &mut Tx,
    id: BookingId,
    status: Status,
    why: &'static str,
    refund: Refund,
    now: Timestamp,
) -> Result<Option<Booking>, DbError> {
    const END: &str = concat!("-- events.cancelling.end
        WITH ended AS (
            UPDATE bookings SET status = $2, cancelled_why = $3, cancelled_at = $6, refund_percent = $4,
                refund_cents = $5, version = version + 1, updated_at = $6
            WHERE id = $1 AND status IN ('pending', 'confirmed') RETURNING *
        ), returned AS (
            UPDATE events e SET tickets_left = e.tickets_left + b.tickets, bookings_count = e.bookings_count - 1
            FROM ended b WHERE e.id = b.event_id RETURNING e.*
        )
        SELECT ", booking_columns!(), " FROM ended b JOIN returned e ON e.id = b.event_id");
    let row = tx.query_opt(END, &[&id, &status.as_str(), &why, &refund.percent, &refund.cents, &now]).await?;
    Ok(row.as_ref().map(Booking::from_row))
}

/// Live bookings of a withdrawn event, at most `limit`: each is then ended by [`withdraw`].
pub async fn live_of(tx: &mut Tx, event: EventId, limit: i64) -> Result<Vec<BookingId>, DbError> {
    const LIVE: &str = "-- events.cancelling.live
        SELECT b.id FROM bookings b JOIN events e ON e.id = b.event_id
        WHERE b.event_id = $1 AND e.status = 'withdrawn' AND b.status IN ('pending', 'confirmed') LIMIT $2";
    Ok(tx.query(LIVE, &[&event, &limit]).await?.iter().map(|row| row.get(0)).collect())
}

/// Ends a booking because its event was withdrawn: what was paid is returned in full.
pub async fn withdraw(tx: &mut Tx, id: BookingId, now: Timestamp) -> Result<Option<Booking>, DbError> {
    let Some(booking) = lock(tx, id, None).await? else { return Ok(None) };
    let paid = if booking.status == Status::Confirmed { booking.total_cents } else { 0 };
    end(tx, id, Status::Cancelled, "withdrawn", Refund { percent: 100, cents: paid }, now).await
}
