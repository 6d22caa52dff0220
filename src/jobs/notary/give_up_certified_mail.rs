//! Gives up certified mails that could not be handed over for `certified_mail.give_up`, and tells their offices. Run every hour.

use jiff::SignedDuration;

use super::tell;
use crate::{
    audit::{self, Entry, Who},
    jobs::{Job, JobContext, Outcome, QueueName},
    notary::certified_mail::{message, transitions},
};

/// Gives up certified mails.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct GiveUpCertifiedMail {}

impl Job for GiveUpCertifiedMail {
    const KIND: &'static str = "notary.give_up_certified_mail";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what was given up is not in the queue any more.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let give_up = *ctx.config.certified_mail.give_up;
        loop {
            let now = ctx.clock.now();
            let before = now - SignedDuration::try_from(give_up)?;
            let mut tx = ctx.db.begin("notary.overdue_certified_mail").await?;
            let overdue = transitions::overdue(&mut tx, before, None, now).await?;
            tx.commit().await?;
            for id in &overdue {
                let mut tx = ctx.db.begin("notary.give_up_certified_mail").await?;
                let found = message::lock_any(&mut tx, *id).await?;
                let is_so = !transitions::overdue(&mut tx, before, Some(*id), now).await?.is_empty();
                let Some(mut mail) = found.filter(|_| is_so) else { continue };
                let last = mail.problem.clone().unwrap_or_default();
                let problem = if mail.is_submitted {
                    "the provider took it, but no receipt of acceptance came".to_owned()
                } else {
                    let time = humantime::format_duration(give_up);
                    format!("it could not be handed over for {time}; at last: {last}")
                };
                let told = transitions::fail(&mut tx, &mut mail, &problem, now).await?;
                tell(&ctx.jobs, &mut tx, &told, now).await?;
                let entry = Entry::new(now, Who::System, "certified_mail.fail", "certified_mail", *id);
                let details = serde_json::json!({ "sending": mail.sending, "act": mail.act_id });
                audit::record(&mut tx, &[Entry { details, ..entry }]).await?;
                tx.commit().await?;
            }
            if (overdue.len() as i64) < transitions::BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
