//! The mailer: hands mails to an SMTP server, or files them in an outbox when none is configured.
//!
//! It keeps nothing: whoever sends a mail is a job that tries again. A crash loses what is in the mailbox, the jobs hear
//! it and come back; a mail may then arrive twice, with the same Message-ID.
//!
//! A stop waits for the mails that somebody waits for: jobs have had `server.stop_grace`, and what was cut off then is sent
//! again. A mail server that hangs keeps nobody longer.
//!
//! The outbox is a directory like a maildir: a mail is written under `tmp`, synced, and renamed into `new`, so that a
//! reader never sees half a mail. Its file is named by the Message-ID: sent twice, it is there once.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart},
};
use tokio::{io::AsyncWriteExt, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::private;
use crate::{
    actors::kernel::{Behaviour, CallError, Context, Failure, Handle, Reply},
    config::Config,
    mail::Mail,
    metrics,
};

/// Mails being handed over at once.
const SENDING: usize = 8;

/// Refusals of ourselves, not of a mail: a log-in or encryption is wanted, or the password is wrong (RFC 4954, 3207).
/// An operator mends them, and the mails that waited go out.
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

/// Why a mail was not sent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MailError {
    /// The address or a header is not one: trying again is useless.
    #[error("the mail cannot be sent: {0}")]
    Invalid(String),
    /// The server refused it for good (SMTP 5xx).
    #[error("the mail server refused the mail: {0}")]
    Refused(String),
    /// The server or the disk is away: try again.
    #[error("the mail could not be handed over: {0}")]
    Temporary(String),
}

impl MailError {
    /// What servers say of an address is kept in the history of jobs; the address itself is not.
    fn without(mut self, address: &str) -> Self {
        let (Self::Invalid(text) | Self::Refused(text) | Self::Temporary(text)) = &mut self;
        *text = text.replace(address, "(the addressee)");
        self
    }
}

/// Messages of the mailer.
pub enum MailerMsg {
    /// Send a mail.
    Send {
        /// The mail.
        mail: Box<Mail>,
        /// Where the outcome goes.
        reply: Reply<Result<(), MailError>>,
    },
    /// Remove mails from the outbox.
    Forget {
        /// What they are about: the first part of their Message-IDs.
        about: Vec<Uuid>,
        /// Where the outcome goes.
        reply: Reply<Result<(), MailError>>,
    },
}
crate::kinds!(MailerMsg: Send, Forget);

/// Sends mails. Cheap to clone.
#[derive(Clone)]
pub struct Mailer(Handle<MailerMsg>);

impl Mailer {
    /// The handle of the mailer.
    pub fn new(handle: Handle<MailerMsg>) -> Self {
        Self(handle)
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<MailerMsg> {
        &self.0
    }

    /// Returns when the mail is with the server, or safe in the outbox.
    pub async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let mail = Box::new(mail);
        self.ask(|reply| MailerMsg::Send { mail, reply }).await
    }

    /// Removes from the outbox what is about these. A mail that a server has taken is its addressee's.
    pub async fn forget(&self, about: Vec<Uuid>) -> Result<(), MailError> {
        self.ask(|reply| MailerMsg::Forget { about, reply }).await
    }

    async fn ask(
        &self,
        msg: impl FnOnce(Reply<Result<(), MailError>>) -> MailerMsg,
    ) -> Result<(), MailError> {
        match self.0.call(msg).await {
            Ok(outcome) => outcome,
            Err(error @ (CallError::Overloaded | CallError::Down | CallError::Crashed)) => {
                Err(MailError::Temporary(error.to_string()))
            }
        }
    }
}

enum Transport {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Outbox(PathBuf),
}

/// The mailer actor.
pub struct MailerActor {
    transport: Arc<Transport>,
    from: Mailbox,
    domain: String,
    timeout: Duration,
    sending: Arc<Semaphore>,
    figures: metrics::Mails,
}

impl MailerActor {
    /// As `[mail]` of the configuration says.
    pub fn new(config: &Config, figures: metrics::Mails) -> anyhow::Result<Self> {
        let from: Mailbox =
            config.mail.from.parse().map_err(|_| {
                anyhow::anyhow!("mail.from is not an address; write \"Name <name@example.org>\"")
            })?;
        let domain = from.email.domain().to_owned();
        let transport = match config.mail.smtp_url.as_ref() {
            Some(url) => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
                    .map_err(|error| anyhow::anyhow!("mail.smtp_url cannot be used: {error}"))?;
                Transport::Smtp(builder.timeout(Some(*config.mail.timeout)).build())
            }
            None => Transport::Outbox(outbox(config)),
        };
        Ok(Self {
            transport: Arc::new(transport),
            from,
            domain,
            timeout: *config.mail.timeout,
            sending: Arc::new(Semaphore::new(SENDING)),
            figures,
        })
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let invalid = |error: &dyn std::fmt::Display| MailError::Invalid(error.to_string());
        let to = Mailbox::new(Some(mail.name.clone()), mail.to.parse().map_err(|error| invalid(&error))?);
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&mail.subject)
            .message_id(Some(format!("<{}@{}>", mail.id, self.domain)))
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| invalid(&error))
    }
}

/// Where mails are filed without an SMTP server.
pub fn outbox(config: &Config) -> PathBuf {
    config.mail.outbox.0.clone().unwrap_or_else(|| config.database.data_dir.join("outbox"))
}

impl Behaviour for MailerActor {
    type Msg = MailerMsg;
    type State = u64;

    async fn init(&self, _: &Context<MailerMsg>) -> Result<u64, Failure> {
        if let Transport::Outbox(path) = &*self.transport {
            for path in [path.clone(), path.join("tmp"), path.join("new")] {
                private::make(&path)?;
            }
        }
        Ok(0)
    }

    async fn handle(&self, ctx: &Context<MailerMsg>, msg: MailerMsg, taken: &mut u64) -> Result<(), Failure> {
        let (mail, mut reply) = match msg {
            MailerMsg::Send { mail, reply } => (mail, reply),
            MailerMsg::Forget { about, reply } => {
                let transport = self.transport.clone();
                ctx.spawn(async move { reply.send(transport.forget(about).await) });
                return Ok(());
            }
        };
        *taken += 1;
        let message = match self.message(&mail) {
            Ok(message) => message,
            Err(error) => {
                reply.send(Err(error));
                return Ok(());
            }
        };
        let (transport, timeout, sending) = (self.transport.clone(), self.timeout, self.sending.clone());
        let (figures, stopping) = (self.figures.clone(), ctx.stopping());
        ctx.spawn(async move {
            let place = tokio::select! {
                place = sending.acquire_owned() => place,
                () = unwanted(&stopping, &mut reply) => return,
            };
            // Whoever wanted it has been cancelled, or its time is up: it may come again.
            if place.is_err() || reply.is_abandoned() {
                return;
            }
            let sent = tokio::select! {
                sent = tokio::time::timeout(timeout, transport.send(&mail.id, message)) => sent,
                () = unwanted(&stopping, &mut reply) => return,
            };
            let sent = sent.unwrap_or_else(|_| Err(MailError::Temporary("no answer in time".to_owned())));
            let sent = sent.map_err(|error| error.without(&mail.to));
            figures.handed_over(transport.name(), sent.is_ok());
            reply.send(sent);
        });
        Ok(())
    }

    fn view(&self, taken: &u64) -> serde_json::Value {
        let to = self.transport.name();
        serde_json::json!({ "transport": to, "taken": taken, "places_free": self.sending.available_permits() })
    }
}

/// Returns when we stop and nobody waits for the answer. While we serve, a mail under way is not cut off: its connection
/// will carry others.
async fn unwanted<R>(stopping: &CancellationToken, reply: &mut Reply<R>) {
    stopping.cancelled().await;
    reply.abandoned().await;
}

impl Transport {
    const fn name(&self) -> &'static str {
        match self {
            Self::Smtp(_) => "smtp",
            Self::Outbox(_) => "outbox",
        }
    }

    async fn forget(&self, about: Vec<Uuid>) -> Result<(), MailError> {
        let Self::Outbox(path) = self else { return Ok(()) };
        let (path, about): (_, HashSet<Uuid>) = (path.clone(), about.into_iter().collect());
        let removed = tokio::task::spawn_blocking(move || remove_about(&path, &about)).await;
        let removed = removed.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        removed.map_err(|error| MailError::Temporary(error.to_string()))
    }

    async fn send(&self, id: &str, message: Message) -> Result<(), MailError> {
        match self {
            Self::Smtp(smtp) => smtp.send(message).await.map(drop).map_err(|error| {
                let about_us = error.status().is_some_and(|code| ABOUT_US.contains(&u16::from(code)));
                if error.is_permanent() && !about_us {
                    MailError::Refused(error.to_string())
                } else {
                    MailError::Temporary(error.to_string())
                }
            }),
            Self::Outbox(path) => file(path, id, &message.formatted())
                .await
                .map_err(|error| MailError::Temporary(error.to_string())),
        }
    }
}

/// Removes the mails about these; also those that a crash has left half written, or a reader has moved to `cur`.
fn remove_about(outbox: &Path, about: &HashSet<Uuid>) -> std::io::Result<()> {
    for folder in ["new", "cur", "tmp"] {
        let Ok(entries) = std::fs::read_dir(outbox.join(folder)) else { continue };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let first = name.to_str().and_then(|name| name.split('.').next()?.parse().ok());
            if first.is_some_and(|first: Uuid| about.contains(&first)) {
                match std::fs::remove_file(entry.path()) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// Files a mail so that it is there whole, or not at all, also after a power cut. Mails hold ticket codes: only their
/// owner reads them.
async fn file(outbox: &Path, id: &str, bytes: &[u8]) -> std::io::Result<()> {
    let (tmp, new) = (outbox.join("tmp").join(id), outbox.join("new").join(format!("{id}.eml")));
    let mut options = tokio::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&tmp).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    tokio::fs::rename(tmp, new).await?;
    tokio::fs::File::open(outbox.join("new")).await?.sync_all().await // the name, too
}

#[cfg(test)]
mod tests {
    use super::MailError;

    #[test]
    fn what_a_server_says_of_a_mail_is_kept_without_the_address() {
        let said = MailError::Refused("550 5.1.1 <anna@example.org>: unknown".to_owned());
        let kept = said.without("anna@example.org").to_string();
        assert!(kept.contains("550 5.1.1 <(the addressee)>") && !kept.contains("anna"), "{kept}");
    }
}
