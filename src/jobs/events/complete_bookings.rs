//! Completes bookings whose day is over. Run every hour.

use crate::{
    events::upkeep,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Completes past bookings.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct CompleteBookings {}

impl Job for CompleteBookings {
    const KIND: &'static str = "events.complete_bookings";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: a completed booking is not confirmed any more.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("events.complete_bookings").await?;
            let completed = upkeep::complete(&mut tx, ctx.clock.now()).await?;
            tx.commit().await?;
            if (completed as i64) < upkeep::BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
