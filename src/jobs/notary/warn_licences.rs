//! Tells notaries that their licence ends within 30 days, once for each last day. Run every morning.

use crate::{
    jobs::{
        Job, JobContext, NewJob, Outcome, QueueName,
        notary::{Occasion, SendOfficeMail},
    },
    notary::{
        administration::{BATCH, due},
        time::today,
    },
};

/// Warns of licences that end soon.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct WarnLicences {}

impl Job for WarnLicences {
    const KIND: &'static str = "notary.warn_licences";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: an office is marked as warned in the transaction that enqueues its mail.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        loop {
            let mut tx = ctx.db.begin("notary.warn_licences").await?;
            let warnings = due(&mut tx, today(ctx.clock.now())).await?;
            let mails: Vec<NewJob> = warnings
                .iter()
                .map(|warning| {
                    let occasion = Occasion::LicenceEnding { on: warning.ends_on };
                    NewJob::of(&SendOfficeMail { user: warning.user, notary: warning.notary, occasion })
                })
                .collect();
            ctx.jobs.insert(&mut tx, &mails).await?;
            tx.commit().await?;
            if (warnings.len() as i64) < BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
