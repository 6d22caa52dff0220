//! The port to a provider of certified mail, and two of them.
//!
//! A real one is `operator`: an accredited operator (gestore) takes the mail over SMTP, and its receipts come back by mail, later;
//! they are handed in and taken by [`super::receipts`]. Whoever has an operator with an interface of its own implements
//! [`CertifiedMailProvider`] and adds a variant to [`Provider`]:
//! - `submit` returns when the operator has the mail for good, and not before. The same Message-ID may come twice (see the
//!   module): an operator that can tell must take it once.
//! - What can never be taken is [`MailError::Refused`] or [`MailError::Invalid`]; everything that may be otherwise tomorrow is
//!   [`MailError::Temporary`]: the mail stays queued, for days.
//! - Receipts that come with the answer are returned as they are; whatever comes later is handed in as it comes, and is
//!   believed when it is signed under [`CertifiedMailProvider::roots`].
//!
//! `local`, the built-in one, has nobody behind it: it sends over SMTP like any mail, and certifies itself what SMTP told it.
//! That is for trials, and for offices that have no legal use for the receipts. They are not signed by an operator.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{
    certificate::{Certificate, ReceiptKind},
    outgoing::{Built, Outgoing},
};
use crate::{
    config::{Config, sections},
    mail::transport::{MailError, Transport},
};

/// Somebody who sends certified mail.
pub trait CertifiedMailProvider: Send + Sync {
    /// What it is called in the configuration.
    fn name(&self) -> &'static str;

    /// Whether it sends blind copies: the rules forbid them (RFC 6109, 3.1.1).
    fn hides(&self) -> bool;

    /// Whether it makes receipts itself, here; those of others are read as they are signed.
    fn certifies(&self) -> bool;

    /// Who vouches for the signatures of its receipts. Without any, a receipt is believed because of who has handed it in, and
    /// says that nobody has looked at its signature.
    fn roots(&self) -> &[CertificateDer<'static>];

    /// Hands a mail over; gives the receipts that came with the answer.
    fn submit(
        &self,
        mail: &Outgoing,
        built: &Built,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Vec<u8>>, MailError>> + Send;
}

/// Whom the configuration names. Cheap to clone.
#[derive(Clone)]
pub enum Provider {
    /// The built-in one.
    Local(Arc<Local>),
    /// An accredited operator.
    Operator(Arc<Operator>),
}

/// Sends over SMTP, and certifies what it was told.
pub struct Local {
    transport: Transport,
    domain: String,
}

/// Sends over the SMTP of an operator, whose receipts come by mail.
pub struct Operator {
    transport: Transport,
    roots: Vec<CertificateDer<'static>>,
}

/// Where mails are filed without a server.
pub fn outbox(config: &Config) -> PathBuf {
    let default = || config.database.data_dir.join("certified-outbox");
    config.certified_mail.outbox.0.clone().unwrap_or_else(default)
}

impl Provider {
    /// As `[certified_mail]` of the configuration says. The outbox, if it is needed, is made by the caller.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let section = &config.certified_mail;
        let transport = match section.smtp_url.as_ref() {
            Some(url) => Transport::smtp(url, *section.timeout, "certified_mail.smtp_url")?,
            None => Transport::Outbox(outbox(config)),
        };
        Ok(match section.provider.as_str() {
            "operator" => Self::Operator(Arc::new(Operator { transport, roots: roots(section)? })),
            _ => Self::Local(Arc::new(Local { transport, domain: section.domain.clone() })),
        })
    }

    /// The outbox, where there is no server.
    pub fn outbox(&self) -> Option<&std::path::Path> {
        let transport = match self {
            Self::Local(local) => &local.transport,
            Self::Operator(operator) => &operator.transport,
        };
        match transport {
            Transport::Outbox(path) => Some(path),
            Transport::Smtp(_) => None,
        }
    }
}

/// The certificates of a file (PEM), if one is named.
fn roots(section: &sections::CertifiedMail) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let Some(path) = &*section.operator_roots else { return Ok(Vec::new()) };
    let read = || -> anyhow::Result<Vec<CertificateDer<'static>>> {
        let found = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
        anyhow::ensure!(!found.is_empty(), "there is no certificate in it");
        for root in &found {
            webpki::anchor_from_trusted_cert(root)?;
        }
        Ok(found)
    };
    read().with_context(|| format!("certified_mail.operator_roots: {}", path.display()))
}

impl CertifiedMailProvider for Provider {
    fn name(&self) -> &'static str {
        match self {
            Self::Local(local) => local.name(),
            Self::Operator(operator) => operator.name(),
        }
    }

    fn hides(&self) -> bool {
        match self {
            Self::Local(local) => local.hides(),
            Self::Operator(operator) => operator.hides(),
        }
    }

    fn certifies(&self) -> bool {
        match self {
            Self::Local(local) => local.certifies(),
            Self::Operator(operator) => operator.certifies(),
        }
    }

    fn roots(&self) -> &[CertificateDer<'static>] {
        match self {
            Self::Local(local) => local.roots(),
            Self::Operator(operator) => operator.roots(),
        }
    }

    async fn submit(
        &self,
        mail: &Outgoing,
        built: &Built,
        now: Timestamp,
    ) -> Result<Vec<Vec<u8>>, MailError> {
        match self {
            Self::Local(local) => local.submit(mail, built, now).await,
            Self::Operator(operator) => operator.submit(mail, built, now).await,
        }
    }
}

/// What the outbox calls a mail: one file for all tries of a sending.
fn file_name(mail: &Outgoing) -> String {
    format!("{}.{}", mail.id, mail.sending)
}

impl CertifiedMailProvider for Operator {
    fn name(&self) -> &'static str {
        "operator"
    }

    fn hides(&self) -> bool {
        false
    }

    fn certifies(&self) -> bool {
        false
    }

    fn roots(&self) -> &[CertificateDer<'static>] {
        &self.roots
    }

    async fn submit(&self, mail: &Outgoing, built: &Built, _: Timestamp) -> Result<Vec<Vec<u8>>, MailError> {
        self.transport.send(&file_name(mail), &built.envelope, &built.bytes).await?;
        Ok(Vec::new())
    }
}

impl CertifiedMailProvider for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn hides(&self) -> bool {
        true
    }

    fn certifies(&self) -> bool {
        true
    }

    fn roots(&self) -> &[CertificateDer<'static>] {
        &[]
    }

    async fn submit(
        &self,
        mail: &Outgoing,
        built: &Built,
        now: Timestamp,
    ) -> Result<Vec<Vec<u8>>, MailError> {
        self.transport.send(&file_name(mail), &built.envelope, &built.bytes).await?;
        let certificate = |kind, recipient: Option<&str>| Certificate {
            kind,
            sender: mail.sender.clone(),
            recipients: mail.recipients.iter().map(|it| it.address.clone()).collect(),
            subject: mail.subject.clone(),
            provider: format!("Sportello ({})", self.domain),
            certified_at: now,
            identifier: format!("sportello.{}.{}@{}", mail.id, mail.sending, self.domain),
            message_id: mail.message_id.clone(),
            recipient: recipient.map(str::to_owned),
            problem: None,
        };
        let accepted = certificate(ReceiptKind::Acceptance, None);
        let delivered =
            mail.recipients.iter().map(|it| certificate(ReceiptKind::Delivery, Some(&it.address)));
        let receipts = std::iter::once(accepted).chain(delivered);
        receipts
            .map(|it| it.to_mail(&self.domain).map_err(|error| MailError::Invalid(error.to_string())))
            .collect()
    }
}
