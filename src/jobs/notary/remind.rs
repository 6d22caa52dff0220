//! Reminds people of appointments, each as many hours before as it says. Run every few minutes.

use super::tell;
use crate::{
    jobs::{Job, JobContext, Outcome, QueueName},
    notary::agenda::decisions::{self, BATCH},
};

/// Reminds of appointments.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RemindOfAppointments {}

impl Job for RemindOfAppointments {
    const KIND: &'static str = "notary.remind_of_appointments";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: an appointment is marked in the transaction that tells its people.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let now = ctx.clock.now();
            let mut tx = ctx.db.begin("notary.remind_of_appointments").await?;
            let (marked, told) = decisions::remind(&mut tx, now).await?;
            tell(&ctx.jobs, &mut tx, &told, now).await?;
            tx.commit().await?;
            if (marked as i64) < BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
