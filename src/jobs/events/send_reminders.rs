//! Reminds buyers a day before their visit. Run every few minutes.

use jiff::SignedDuration;

use crate::{
    events::upkeep,
    jobs::{
        Job, JobContext, NewJob, Outcome, QueueName,
        events::{Occasion, SendBookingMail},
    },
};

/// Announces upcoming visits.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SendReminders {}

impl Job for SendReminders {
    const KIND: &'static str = "events.send_reminders";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: a booking is marked as announced in the transaction that enqueues its mail.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let before = SignedDuration::try_from(*ctx.config.events.reminder_before)?;
        loop {
            let mut tx = ctx.db.begin("events.send_reminders").await?;
            let announced = upkeep::announce(&mut tx, ctx.clock.now(), before).await?;
            let mails: Vec<NewJob> = announced
                .iter()
                .map(|booking| {
                    NewJob::of(&SendBookingMail { booking: booking.id, occasion: Occasion::Reminder })
                })
                .collect();
            ctx.jobs.insert(&mut tx, &mails).await?;
            tx.commit().await?;
            if (announced.len() as i64) < upkeep::BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
