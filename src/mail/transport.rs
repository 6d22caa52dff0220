//! How mails leave: over SMTP, or as files of an outbox where no server is configured.
//!
//! The outbox is a directory like a maildir: a mail is written under `tmp`, synced, and renamed into `new`, so that a
//! reader never sees half a mail. Its file is named by the Message-ID: sent twice, it is there once.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor, address::Envelope};
use tokio::io::AsyncWriteExt as _;

use crate::config::values::Secret;

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
    #[must_use]
    pub fn without(mut self, address: &str) -> Self {
        let (Self::Invalid(text) | Self::Refused(text) | Self::Temporary(text)) = &mut self;
        *text = text.replace(address, "(the addressee)");
        self
    }
}

/// Where mails go.
pub enum Transport {
    /// To a server.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// Into a directory.
    Outbox(PathBuf),
}

impl Transport {
    /// To the server of this address, whose every answer comes within `timeout`; `key` is where it is configured.
    pub fn smtp(url: &Secret, timeout: Duration, key: &str) -> anyhow::Result<Self> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
            .map_err(|error| anyhow::anyhow!("{key} cannot be used: {error}"))?;
        Ok(Self::Smtp(builder.timeout(Some(timeout)).build()))
    }

    /// What it is called in figures.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Smtp(_) => "smtp",
            Self::Outbox(_) => "outbox",
        }
    }

    /// Returns when a mail is with the server, or safe in the outbox under this id.
    pub async fn send(&self, id: &str, envelope: &Envelope, mail: &[u8]) -> Result<(), MailError> {
        match self {
            Self::Smtp(smtp) => smtp.send_raw(envelope, mail).await.map(drop).map_err(|error| {
                let about_us = error.status().is_some_and(|code| ABOUT_US.contains(&u16::from(code)));
                if error.is_permanent() && !about_us {
                    MailError::Refused(error.to_string())
                } else {
                    MailError::Temporary(error.to_string())
                }
            }),
            Self::Outbox(path) => {
                file(path, id, mail).await.map_err(|error| MailError::Temporary(error.to_string()))
            }
        }
    }
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
