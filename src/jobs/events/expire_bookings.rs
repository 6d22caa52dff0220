//! Gives the tickets of unpaid bookings back. Run every minute.

use crate::{
    actors::data::cache::Tag,
    events::upkeep,
    jobs::{
        Job, JobContext, NewJob, Outcome, QueueName,
        events::{Occasion, SendBookingMail},
    },
};

/// Expires bookings whose hold has run out.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct ExpireBookings {}

impl Job for ExpireBookings {
    const KIND: &'static str = "events.expire_bookings";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: a booking expires once, in the transaction that enqueues its mail.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("events.expire_bookings").await?;
            let expired = upkeep::expire(&mut tx, ctx.clock.now()).await?;
            let mails: Vec<NewJob> = expired
                .iter()
                .map(|booking| {
                    NewJob::of(&SendBookingMail { booking: booking.id, occasion: Occasion::Expired })
                })
                .collect();
            ctx.jobs.insert(&mut tx, &mails).await?;
            tx.commit().await?;
            let events: Vec<_> = expired.iter().map(|booking| Tag::Event(&booking.event)).collect();
            ctx.tags.invalidate(&events);
            if (expired.len() as i64) < upkeep::BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
