//! Writes to a person about the account. Enqueued in the transaction that gives the reason.

use minijinja::context;

use crate::{
    accounts::users,
    actors::data::mailer::MailError,
    ids::UserId,
    jobs::{Job, JobContext, Outcome, QueueName},
    mail::{Text, render},
};

/// Mails the owner of an account.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SendAccountMail {
    /// To whom.
    pub user: UserId,
    /// Why.
    pub occasion: Occasion,
}

/// Why a person is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// The account is new.
    Welcome,
    /// The password was changed.
    PasswordChanged,
}

impl Job for SendAccountMail {
    const KIND: &'static str = "accounts.send_mail";
    const QUEUE: QueueName = QueueName::Mail;

    /// Safe to run twice: the mail's id is made from the job's, and the outbox keeps one per id.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(user) = users::find(&ctx.db, self.user).await? else {
            return Ok(Outcome::Cancel("the account is gone".to_owned()));
        };
        let text = match self.occasion {
            Occasion::Welcome => Text::AccountWelcome,
            Occasion::PasswordChanged => Text::PasswordChanged,
        };
        let url = ctx.config.server.base_url();
        let id = format!("{}.{}.{}", user.id, text.name(), ctx.id());
        let values = context! { name => &user.name, url => url };
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
