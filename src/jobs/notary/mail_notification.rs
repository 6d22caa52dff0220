//! Mails a notification to its person. Enqueued in the transaction that writes it.

use crate::{
    actors::data::mailer::MailError,
    ids::NotificationId,
    jobs::{Job, JobContext, Outcome, QueueName},
    notary::notifications::{in_words, mailed, to_mail},
};

/// Mails a notification.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct MailNotification {
    /// Which.
    pub notification: NotificationId,
}

impl Job for MailNotification {
    const KIND: &'static str = "notary.mail_notification";
    const QUEUE: QueueName = QueueName::Mail;

    /// Safe to run twice: the mail's id is the notification's, and the outbox keeps one per id.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(it) = to_mail(&ctx.db, self.notification).await? else {
            return Ok(Outcome::Cancel("the notification or its person is gone".to_owned()));
        };
        let id = format!("notification.{}", self.notification);
        let mail = in_words(it.kind, &it.facts, it.language, (&it.email, &it.name), id)?;
        match ctx.mailer.send(mail).await {
            Ok(()) => {
                let mut tx = ctx.db.begin("notary.notification_mailed").await?;
                mailed(&mut tx, self.notification, ctx.clock.now()).await?;
                tx.commit().await?;
                Ok(Outcome::Done)
            }
            Err(error @ (MailError::Invalid(_) | MailError::Refused(_))) => {
                Ok(Outcome::Discard(error.to_string()))
            }
            Err(error @ MailError::Temporary(_)) => Err(error.into()),
        }
    }
}
