//! Removes what the notary desk must not keep any longer: appointments of which no act came, drafts of certified mail that nobody
//! touches, letters after ten years. Run every night.

use jiff::{SignedDuration, Timestamp};

use crate::{
    audit::{self, Entry, Who},
    config::values::Period,
    db::Tx,
    jobs::{Job, JobContext, Outcome, QueueName, documents::RemoveObjects},
    notary::{
        certified_mail::retention::{Removed as Mails, remove_old},
        retention::{Removed, remove_appointments},
    },
};

/// Ends the retention of the notary desk.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct EndDeskRetention {}

impl Job for EndDeskRetention {
    const KIND: &'static str = "notary.end_retention";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: what is gone is gone. Each transaction tells the audit log how many it has removed.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let now = ctx.clock.now();
        let (notary, letters) = (&ctx.config.notary, &ctx.config.certified_mail);
        let appointments = (before(now, notary.keep_requests)?, before(now, notary.keep_appointments)?);
        loop {
            let mut tx = ctx.db.begin("notary.end_retention").await?;
            let removed = remove_appointments(&mut tx, appointments).await?;
            let Removed { requests, appointments: held, is_more } = removed;
            if requests + held > 0 {
                let counts = serde_json::json!({ "requests": requests, "appointments": held });
                told(&mut tx, "appointment", counts, now).await?;
            }
            tx.commit().await?;
            if !is_more {
                break;
            }
        }
        let mails = (before(now, letters.keep_drafts)?, before(now, letters.keep)?);
        loop {
            let mut tx = ctx.db.begin("notary.end_mail_retention").await?;
            let Mails { drafts, letters, objects, is_more } = remove_old(&mut tx, mails).await?;
            if drafts + letters > 0 {
                let counts = serde_json::json!({ "drafts": drafts, "letters": letters });
                told(&mut tx, "certified_mail", counts, now).await?;
            }
            if !objects.is_empty() {
                ctx.jobs.enqueue(&mut tx, &RemoveObjects { objects, parts_of: None }).await?;
            }
            tx.commit().await?;
            if !is_more {
                return Ok(Outcome::Done);
            }
        }
    }
}

fn before(now: Timestamp, kept: Period) -> anyhow::Result<Timestamp> {
    Ok(now.saturating_sub(SignedDuration::try_from(*kept)?)?)
}

/// How many of a kind have gone: not which, or they would not have.
async fn told(
    tx: &mut Tx,
    what: &'static str,
    details: serde_json::Value,
    now: Timestamp,
) -> anyhow::Result<()> {
    let entry = Entry::new(now, Who::System, "notary.end_retention", what, "");
    Ok(audit::record(tx, &[Entry { id: None, details, ..entry }]).await?)
}
