//! The mailer: hands mails to an SMTP server, or files them in an outbox when none is configured.
//!
//! It keeps nothing: whoever sends a mail is a job that tries again. A crash loses what is in the mailbox, the jobs hear
//! it and come back; a mail may then arrive twice, with the same Message-ID.
//!
//! A stop waits for the mails that somebody waits for: jobs have had `server.stop_grace`, and what was cut off then is sent
//! again. A mail server that hangs keeps nobody longer.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lettre::{
    Message,
    message::{Mailbox, MultiPart, header::ContentType},
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::private;
pub use crate::mail::transport::MailError;
use crate::{
    actors::kernel::{Behaviour, CallError, Context, Failure, Handle, Reply},
    config::Config,
    mail::{Mail, transport::Transport},
    metrics,
};

/// Mails being handed over at once.
const SENDING: usize = 8;

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
            Some(url) => Transport::smtp(url, *config.mail.timeout, "mail.smtp_url")?,
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
            .multipart(body(mail))
            .map_err(|error| invalid(&error))
    }
}

/// The text in both forms, and what comes with it.
fn body(mail: &Mail) -> MultiPart {
    let text = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
    if mail.attachments.is_empty() {
        return text;
    }
    let pdf = || ContentType::parse("application/pdf").expect("it is a content type");
    mail.attachments.iter().fold(MultiPart::mixed().multipart(text), |all, it| {
        all.singlepart(lettre::message::Attachment::new(it.name.clone()).body(it.pdf.to_vec(), pdf()))
    })
}

/// Where mails are filed without an SMTP server.
pub fn outbox(config: &Config) -> PathBuf {
    config.mail.outbox.0.clone().unwrap_or_else(|| config.database.data_dir.join("outbox"))
}

/// Makes the directories of an outbox, which are nobody else's.
pub fn make_outbox(path: &Path) -> std::io::Result<()> {
    [path.to_path_buf(), path.join("tmp"), path.join("new")].iter().try_for_each(|path| private::make(path))
}

impl Behaviour for MailerActor {
    type Msg = MailerMsg;
    type State = u64;

    async fn init(&self, _: &Context<MailerMsg>) -> Result<u64, Failure> {
        if let Transport::Outbox(path) = &*self.transport {
            make_outbox(path)?;
        }
        Ok(0)
    }

    async fn handle(&self, ctx: &Context<MailerMsg>, msg: MailerMsg, taken: &mut u64) -> Result<(), Failure> {
        let (mail, mut reply) = match msg {
            MailerMsg::Send { mail, reply } => (mail, reply),
            MailerMsg::Forget { about, reply } => {
                let transport = self.transport.clone();
                ctx.spawn(async move { reply.send(forget(&transport, about).await) });
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
                sent = tokio::time::timeout(timeout, handed_over(&transport, &mail.id, &message)) => sent,
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

async fn handed_over(transport: &Transport, id: &str, message: &Message) -> Result<(), MailError> {
    transport.send(id, message.envelope(), &message.formatted()).await
}

async fn forget(transport: &Transport, about: Vec<Uuid>) -> Result<(), MailError> {
    let Transport::Outbox(path) = transport else { return Ok(()) };
    let (path, about): (_, HashSet<Uuid>) = (path.clone(), about.into_iter().collect());
    let removed = tokio::task::spawn_blocking(move || remove_about(&path, &about)).await;
    let removed = removed.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    removed.map_err(|error| MailError::Temporary(error.to_string()))
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
