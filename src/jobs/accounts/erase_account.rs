//! Erases a person whose account is closed. Enqueued in the transaction that closes it.

use std::time::Duration;

use crate::{
    accounts::erasure::{self, After, STEPS},
    actors::data::cache::Tag,
    audit::{self, Entry, Who},
    ids::UserId,
    jobs::{Job, JobContext, Outcome, QueueName, documents::RemoveObjects},
};

/// Bookings whose mails are forgotten at once.
const MAILS: i64 = 1_000;

/// Erases a person. It carries no subject: it would end itself when it forgets the others.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct EraseAccount {
    /// Who.
    pub user: UserId,
}

impl Job for EraseAccount {
    const KIND: &'static str = "accounts.erase";
    const QUEUE: QueueName = QueueName::Maintenance;
    const TIMEOUT: Duration = Duration::from_secs(600);
    /// It is never given up: hours lie between the last attempts.
    const MAX_ATTEMPTS: u16 = 100;

    /// Safe to run twice, and to be killed anywhere: each step is a transaction of its own that leaves nothing for a
    /// second run.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let (user, now) = (self.user, ctx.clock.now());
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        for step in STEPS {
            loop {
                let mut tx = ctx.db.begin("accounts.erase").await?;
                let After { objects, uploads, events, offices, is_unfinished } =
                    step.run(&mut tx, user, today, now).await?;
                let mut removals: Vec<_> = uploads.into_iter().map(RemoveObjects::of_upload).collect();
                if !objects.is_empty() {
                    removals.push(RemoveObjects { objects, parts_of: None });
                }
                ctx.jobs.enqueue_many(&mut tx, &removals).await?;
                tx.commit().await?;
                if !events.is_empty() {
                    let mut tags: Vec<_> = events.iter().map(|event| Tag::Event(event)).collect();
                    tags.push(Tag::Catalogue);
                    ctx.tags.invalidate(&tags);
                }
                if !offices.is_empty() {
                    let mut tags: Vec<_> = offices.into_iter().map(Tag::Notary).collect();
                    tags.push(Tag::Notaries);
                    ctx.tags.invalidate(&tags);
                }
                if !is_unfinished {
                    break;
                }
            }
        }
        forget_mails(ctx, user).await?;
        let mut tx = ctx.db.begin("accounts.erased").await?;
        let forgotten = ctx.jobs.erase(&mut tx, user).await?;
        let details = serde_json::to_value(forgotten)?;
        let entry = Entry { details, ..Entry::new(now, Who::System, "account.erase", "account", user) };
        audit::record(&mut tx, &[entry]).await?;
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}

/// Mails that were filed because no server takes them are named by the account or by a booking.
async fn forget_mails(ctx: &JobContext, user: UserId) -> anyhow::Result<()> {
    let (mut about, mut last) = (vec![user.0], None);
    loop {
        let bookings = erasure::bookings(&ctx.db, user, last, MAILS).await?;
        about.extend(bookings.iter().map(|booking| booking.0));
        ctx.mailer.forget(std::mem::take(&mut about)).await?;
        last = bookings.last().copied();
        if (bookings.len() as i64) < MAILS {
            return Ok(());
        }
    }
}
