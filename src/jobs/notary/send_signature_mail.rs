//! Writes to whom an office asks to sign a document: that it asks, or the code that proves who signs.

use minijinja::context;

use crate::{
    accounts::users,
    actors::data::mailer::MailError,
    ids::{SignatureRequestId, UserId},
    jobs::{Job, JobContext, NewJob, Outcome, QueueName},
    mail::{Text, date, render},
    notary::{
        rules::machine::signature_request::State,
        signatures::{answering, request},
        time::today,
    },
};

/// Mails a signer.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SendSignatureMail {
    /// Which request.
    pub request: SignatureRequestId,
    /// The signer.
    pub user: UserId,
    /// Why.
    pub occasion: SignatureMail,
}

/// Why a signer is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureMail {
    /// The office asks.
    Asked,
    /// Here is the code.
    Code,
}

impl SendSignatureMail {
    /// As the signer's.
    pub fn new_job(&self) -> NewJob {
        NewJob::of(self).subject(self.user)
    }
}

impl Job for SendSignatureMail {
    const KIND: &'static str = "notary.send_signature_mail";
    const QUEUE: QueueName = QueueName::Mail;

    /// Safe to run twice: the mail's id is made from the job's, and so is the code; the outbox keeps one per id.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(user) = users::find(&ctx.db, self.user).await? else {
            return Ok(Outcome::Cancel("the account is gone".to_owned()));
        };
        let found = request::find(&ctx.db, self.user, self.request).await?;
        let Some(found) = found.filter(|it| it.status == State::Pending) else {
            return Ok(Outcome::Cancel("the request is not open any more".to_owned()));
        };
        let mut code = String::new();
        if self.occasion == SignatureMail::Code {
            let (codes, thing, now) = (ctx.signing.codes(), self.request, ctx.clock.now());
            code = codes.code(thing.0, ctx.id().0);
            let mut tx = ctx.db.begin("notary.signature_requests.set_code").await?;
            let is_set = answering::set_code(&mut tx, thing, codes.hash(thing.0, &code), now).await?;
            tx.commit().await?;
            if !is_set {
                return Ok(Outcome::Cancel("the request is not open any more".to_owned()));
            }
        }
        let text = match self.occasion {
            SignatureMail::Asked => Text::SignatureAsked,
            SignatureMail::Code => Text::SignatureCode,
        };
        let values = context! {
            name => &user.name, title => &found.title, message => &found.message, code => code,
            date => date(today(found.expires_at), user.language), url => ctx.config.server.base_url(),
        };
        let id = format!("{}.{}.{}", user.id, text.name(), ctx.id());
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
