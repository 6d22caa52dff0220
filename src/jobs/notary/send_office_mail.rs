//! Writes to a person about an office. Enqueued in the transaction that gives the reason.

use jiff::civil::Date;
use minijinja::context;

use crate::{
    accounts::users,
    actors::data::mailer::MailError,
    ids::{NotaryId, UserId},
    jobs::{Job, JobContext, Outcome, QueueName},
    mail::{Text, date, render},
    notary::{
        administration::{self, AdminOffice},
        collaborators,
        time::today,
    },
};

/// Mails somebody about an office.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SendOfficeMail {
    /// To whom.
    pub user: UserId,
    /// Which office.
    pub notary: NotaryId,
    /// Why.
    pub occasion: Occasion,
}

/// Why a person is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// The person is invited to work there.
    CollaboratorInvited,
    /// The licence of the person's office ends soon.
    LicenceEnding {
        /// Its last day.
        on: Date,
    },
}

impl Occasion {
    const fn text(self) -> Text {
        match self {
            Self::CollaboratorInvited => Text::CollaboratorInvited,
            Self::LicenceEnding { .. } => Text::LicenceEnding,
        }
    }
}

impl SendOfficeMail {
    /// Why the mail is not to be sent any more.
    async fn overtaken(
        &self,
        ctx: &JobContext,
        office: &AdminOffice,
    ) -> anyhow::Result<Option<&'static str>> {
        Ok(match self.occasion {
            Occasion::CollaboratorInvited => {
                let now = collaborators::of_person(&ctx.db, self.user).await?;
                let stands = now.is_some_and(|it| it.notary_id == self.notary && it.agreed_at.is_none());
                (!stands).then_some("the invitation was taken back, or answered")
            }
            Occasion::LicenceEnding { on } => {
                (office.licence.terms.ends_on != Some(on)).then_some("the licence ends on another day now")
            }
        })
    }
}

impl Job for SendOfficeMail {
    const KIND: &'static str = "notary.send_office_mail";
    const QUEUE: QueueName = QueueName::Mail;

    /// Safe to run twice: the mail's id is made from the job's, and the outbox keeps one per id.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(user) = users::find(&ctx.db, self.user).await? else {
            return Ok(Outcome::Cancel("the account is gone".to_owned()));
        };
        let Some(office) = administration::find(&ctx.db, self.notary, today(ctx.clock.now())).await? else {
            return Ok(Outcome::Cancel("the office is gone".to_owned()));
        };
        if let Some(why) = self.overtaken(ctx, &office).await? {
            return Ok(Outcome::Cancel(why.to_owned()));
        }
        let day = match self.occasion {
            Occasion::LicenceEnding { on } => date(on, user.language),
            Occasion::CollaboratorInvited => String::new(),
        };
        let (text, url) = (self.occasion.text(), ctx.config.server.base_url());
        let id = format!("{}.{}.{}", user.id, text.name(), ctx.id());
        let values = context! { name => &user.name, office => &office.office_name, date => day, url => url };
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
