//! Writes to a person about the account. Enqueued in the transaction that gives the reason.

use jiff::{SignedDuration, Timestamp};
use minijinja::context;

use crate::{
    accounts::{
        account_tokens::{self, MAILS_MAX, Purpose},
        users,
    },
    actors::data::mailer::MailError,
    ids::UserId,
    jobs::{Hold, Job, JobContext, NewJob, Outcome, QueueName},
    mail::{Text, render},
};

/// How long an equal mail that anybody may ask for is not sent again.
pub const MINUTE: SignedDuration = SignedDuration::from_secs(60);

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
    /// The person asked again for the link that verifies the address.
    VerifyEmail,
    /// Somebody, perhaps the person, has forgotten the password.
    ResetPassword,
    /// Log-ins ask for a second factor.
    SecondFactorOn,
    /// And no more.
    SecondFactorOff,
    /// A key for programs was made.
    ApiKeyMade,
    /// The export of one's data is there.
    ExportReady,
}

impl Occasion {
    const fn text(self) -> Text {
        match self {
            Self::Welcome => Text::AccountWelcome,
            Self::PasswordChanged => Text::PasswordChanged,
            Self::VerifyEmail => Text::VerifyEmail,
            Self::ResetPassword => Text::ResetPassword,
            Self::SecondFactorOn => Text::SecondFactorOn,
            Self::SecondFactorOff => Text::SecondFactorOff,
            Self::ApiKeyMade => Text::ApiKeyMade,
            Self::ExportReady => Text::ExportReady,
        }
    }

    /// What the mail's token proves, and the page that takes it.
    const fn link(self) -> Option<(Purpose, &'static str)> {
        match self {
            Self::Welcome | Self::VerifyEmail => Some((Purpose::VerifyEmail, "/account/verify")),
            Self::ResetPassword => Some((Purpose::ResetPassword, "/account/reset")),
            Self::PasswordChanged
            | Self::SecondFactorOn
            | Self::SecondFactorOff
            | Self::ApiKeyMade
            | Self::ExportReady => None,
        }
    }
}

impl SendAccountMail {
    /// To be sent now, unless an equal one was enqueued within a [`MINUTE`].
    pub fn once_a_minute(&self, now: Timestamp) -> NewJob {
        let until = now.checked_add(MINUTE).unwrap_or(Timestamp::MAX);
        let key = format!("{} {}", self.user, self.occasion.text().name());
        NewJob::of(self).unique(key, Hold::Until(until)).subject(self.user)
    }

    /// The link that proves that this mail was read; `None` when there were too many of them lately, or the account is
    /// gone. Another run makes another token; that of the mail which was sent is good all the same.
    async fn link(&self, ctx: &JobContext) -> anyhow::Result<Option<String>> {
        let base = ctx.config.server.base_url();
        let Some((purpose, page)) = self.occasion.link() else { return Ok(Some(base)) };
        let now = ctx.clock.now();
        let is_first = ctx.attempt().number <= 1;
        if is_first && account_tokens::recent(&ctx.db, self.user, purpose, now).await? >= MAILS_MAX {
            return Ok(None);
        }
        let mut tx = ctx.db.begin("accounts.issue_token").await?;
        let issued = account_tokens::issue(&mut tx, self.user, purpose, None, now).await?;
        tx.commit().await?;
        // Behind a #: browsers send it to nobody, and no server logs it.
        Ok(issued.map(|issued| format!("{base}{page}#{}", issued.token.expose())))
    }
}

impl Job for SendAccountMail {
    const KIND: &'static str = "accounts.send_mail";
    const QUEUE: QueueName = QueueName::Mail;

    /// Safe to run twice: the mail's id is made from the job's, and the outbox keeps one per id.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(user) = users::find(&ctx.db, self.user).await? else {
            return Ok(Outcome::Cancel("the account is gone".to_owned()));
        };
        let Some(link) = self.link(ctx).await? else {
            return Ok(Outcome::Cancel("too many such mails within an hour".to_owned()));
        };
        let (text, url) = (self.occasion.text(), ctx.config.server.base_url());
        let id = format!("{}.{}.{}", user.id, text.name(), ctx.id());
        let values = context! { name => &user.name, url => url, link => link };
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
