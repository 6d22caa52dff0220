//! Tells somebody that a document was shared with them. Enqueued in the transaction that gives the permission.
//!
//! Only an account whose owner has proved the address is written to: nobody can have us write to an address of their choice.

use jiff::{SignedDuration, Timestamp};
use minijinja::context;

use crate::{
    actors::data::mailer::MailError,
    documents::permissions::{self, SHARED_LATELY, Shared},
    ids::{DocumentId, UserId},
    jobs::{Hold, Job, JobContext, NewJob, Outcome, QueueName},
    mail::{Language, Text, moment, render},
};

/// How long nothing more is said of the same document to the same person, however often it is taken and given again.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Documents that one person may share with another within an hour and have told: the rest is found when looked for.
const MANY: i64 = 10;

/// Mails the person with whom a document is shared.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SendShareMail {
    /// The document.
    pub document: DocumentId,
    /// With whom.
    pub user: UserId,
}

impl SendShareMail {
    /// To be sent now, unless one was enqueued within a [`DAY`].
    pub fn once_a_day(&self, now: Timestamp) -> NewJob {
        let until = now.checked_add(DAY).unwrap_or(Timestamp::MAX);
        let key = format!("{} {}", self.document, self.user);
        NewJob::of(self).unique(key, Hold::Until(until)).subject(self.user)
    }
}

impl Job for SendShareMail {
    const KIND: &'static str = "documents.send_share_mail";
    const QUEUE: QueueName = QueueName::Mail;

    /// Safe to run twice: the mail's id is made from the job's, and the outbox keeps one per id.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let since = ctx.clock.now().checked_sub(SHARED_LATELY).unwrap_or(Timestamp::MIN);
        let shared = permissions::shared(&ctx.db, self.document, self.user, ctx.clock.now(), since).await?;
        let Some(Shared { title, by, name, email, language, until, lately }) = shared else {
            return Ok(Outcome::Cancel("it is not shared any more, or the address is not proved".to_owned()));
        };
        if lately > MANY {
            return Ok(Outcome::Cancel("too many documents of one person within an hour".to_owned()));
        }
        let language = Language::of(&language);
        let zone = &ctx.config.events.time_zone;
        let values = context! {
            name => &name,
            by => by,
            title => title,
            until => until.map(|until| moment(until, zone, language)),
            url => format!("{}/api/v1/documents/{}", ctx.config.server.base_url(), self.document),
        };
        let id = format!("{}.{}.{}", self.user, Text::DocumentShared.name(), ctx.id());
        let mail = render(Text::DocumentShared, language, (&email, &name), values, id)?;
        match ctx.mailer.send(mail).await {
            Ok(()) => Ok(Outcome::Done),
            Err(error @ (MailError::Invalid(_) | MailError::Refused(_))) => {
                Ok(Outcome::Discard(error.to_string()))
            }
            Err(error @ MailError::Temporary(_)) => Err(error.into()),
        }
    }
}
