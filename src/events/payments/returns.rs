//! Returning money: a refund is written with the cancellation and made by a job, once.

use jiff::Timestamp;

use super::provider::Verdict;
use crate::{
    db::{DbError, Tx},
    ids::{BookingId, PaymentId},
};

/// A refund that the provider has not confirmed yet.
#[derive(Debug, Clone)]
pub struct Due {
    /// Our id, the provider's idempotency key.
    pub refund: PaymentId,
    /// The provider's id of the charge.
    pub charge_reference: String,
    /// How much.
    pub amount_cents: i64,
}

/// Writes down that money of a booking's charge must be returned; a second request changes nothing. Returns whether
/// there is something to return: a booking that was never charged has nothing.
pub async fn request_refund(
    tx: &mut Tx,
    refund: PaymentId,
    booking: BookingId,
    amount_cents: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    const REQUEST: &str = "-- events.payments.request_refund
        INSERT INTO payments (id, booking_id, kind, amount_cents, currency, provider, reference, status, created_at,
            updated_at)
        SELECT $1::uuid, p.booking_id, 'refund', least($3, p.amount_cents), p.currency, p.provider, $1::uuid::text, 'started', $4, $4
        FROM payments p WHERE p.booking_id = $2 AND p.kind = 'charge' AND p.status = 'succeeded' AND $3 > 0
        ON CONFLICT DO NOTHING";
    Ok(tx.execute(REQUEST, &[&refund, &booking, &amount_cents, &now]).await? == 1)
}

/// The refund of a booking that still has to be made.
pub async fn due_refunds(tx: &mut Tx, booking: BookingId) -> Result<Option<Due>, DbError> {
    const DUE: &str = "-- events.payments.due_refunds
        SELECT r.id, c.reference, r.amount_cents
        FROM payments r JOIN payments c ON c.booking_id = r.booking_id AND c.kind = 'charge' AND c.status = 'succeeded'
        WHERE r.booking_id = $1 AND r.kind = 'refund' AND r.status = 'started'";
    let row = tx.query_opt(DUE, &[&booking]).await?;
    Ok(row.map(|row| Due { refund: row.get(0), charge_reference: row.get(1), amount_cents: row.get(2) }))
}

/// Records the provider's verdict on a refund.
pub async fn refund_done(
    tx: &mut Tx,
    refund: PaymentId,
    verdict: &Verdict,
    now: Timestamp,
) -> Result<(), DbError> {
    const DONE: &str = "-- events.payments.refund_done
        UPDATE payments SET status = $2, updated_at = $3 WHERE id = $1 AND kind = 'refund' AND status = 'started'";
    let status = match verdict {
        Verdict::Succeeded => "succeeded",
        Verdict::NeedsAction { .. } => return Ok(()), // still under way
        Verdict::Declined { .. } | Verdict::Unknown => "failed",
    };
    tx.execute(DONE, &[&refund, &status, &now]).await?;
    Ok(())
}
