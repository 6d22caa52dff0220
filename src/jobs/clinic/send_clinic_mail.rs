//! Writes to somebody who is invited to work in a clinic. Enqueued in the transaction that invites.

use minijinja::context;

use crate::{
    accounts::users,
    actors::data::mailer::MailError,
    clinic::members,
    ids::{ClinicId, UserId},
    jobs::{Job, JobContext, Outcome, QueueName},
    mail::{Text, render},
};

/// Mails an invitation.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SendClinicMail {
    /// To whom.
    pub user: UserId,
    /// Into which clinic.
    pub clinic: ClinicId,
}

impl Job for SendClinicMail {
    const KIND: &'static str = "clinic.send_mail";
    const QUEUE: QueueName = QueueName::Mail;

    /// Safe to run twice: the mail's id is made from the job's, and the outbox keeps one per id.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(user) = users::find(&ctx.db, self.user).await? else {
            return Ok(Outcome::Cancel("the account is gone".to_owned()));
        };
        let member = members::of_person(&ctx.db, self.user).await?;
        let Some(member) = member.filter(|it| it.clinic_id == self.clinic && it.agreed_at.is_none()) else {
            return Ok(Outcome::Cancel("the invitation was taken back, or answered".to_owned()));
        };
        let (text, url) = (Text::ClinicInvited, ctx.config.server.base_url());
        let id = format!("{}.{}.{}", user.id, text.name(), ctx.id());
        let values = context! { name => &user.name, clinic => &member.clinic_name, url => url };
        let mail = render(text, user.language, (&user.email, &user.name), values, id)?;
        match ctx.mailer.send(mail).await {
            Ok(()) => Ok(Outcome::Done),
            Err(error @ (MailError::Invalid(_) | MailError::Refused(_))) => {
                Ok(Outcome::Discard(error.to_string()))
            }
            Err(error @ MailError::Temporary(_)) => Err(error.into()),
        }
    }
}
