//! Ends the bookings of a withdrawn event, returns what was paid in full, and tells the buyers. Enqueued in the
//! transaction that withdraws the event.

use crate::{
    actors::data::cache::Tag,
    events::{
        cancelling::{live_of, withdraw},
        payments::request_refund,
    },
    ids::{EventId, PaymentId},
    jobs::{
        Job, JobContext, NewJob, Outcome,
        events::{Occasion, RefundBooking, SendBookingMail},
    },
};

/// Bookings looked for at once.
const BATCH: i64 = 100;

/// Ends the bookings of a withdrawn event.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct WithdrawBookings {
    /// The event.
    pub event: EventId,
}

impl Job for WithdrawBookings {
    const KIND: &'static str = "events.withdraw_bookings";
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);

    /// Safe to run twice: each booking ends once, in the transaction that enqueues its mail and its refund.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("events.withdraw_bookings").await?;
            let live = live_of(&mut tx, self.event, BATCH).await?;
            tx.rollback().await?;
            for id in &live {
                let mut tx = ctx.db.begin("events.withdraw_booking").await?;
                let now = ctx.clock.now();
                if let Some(booking) = withdraw(&mut tx, *id, now).await? {
                    let mut jobs =
                        vec![NewJob::of(&SendBookingMail { booking: *id, occasion: Occasion::Withdrawn })];
                    if request_refund(&mut tx, PaymentId::new(now), *id, booking.refund_cents, now).await? {
                        jobs.push(NewJob::of(&RefundBooking { booking: *id }));
                    }
                    ctx.jobs.insert(&mut tx, &jobs).await?;
                    tx.commit().await?;
                    ctx.tags.invalidate(&[Tag::Event(&booking.event)]);
                }
            }
            if (live.len() as i64) < BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
