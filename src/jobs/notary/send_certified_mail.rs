//! Hands a certified mail over to its provider, and takes the receipts that come with the answer. Enqueued in the transaction that
//! puts the mail into the queue.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;

use super::tell;
use crate::{
    actors::data::contents::{ContentError, Contents},
    audit::{self, Entry, Who},
    db::Tx,
    documents::{check::Kind, orphans::content_key, publish::Stored, versions::Content},
    ids::{CertifiedMailId, UploadId},
    jobs::{Job, JobContext, Outcome, QueueName, Retry},
    mail::transport::MailError,
    notary::{
        certified_mail::{
            certificate::Certificate,
            message::{self, CertifiedMail},
            outgoing::{self, Built, Outgoing, Unsendable},
            provider::CertifiedMailProvider as _,
            receipts,
            signed::{self, Proof},
            transitions,
        },
        notifications::Told,
        rules::machine::certified_mail::State,
    },
};

/// Between two tries while the provider is away: a minute, two, four, … half an hour at most, for `certified_mail.give_up`. Costs no
/// attempt of the job.
const AWAY: Retry = Retry { first: Duration::from_secs(60), max: Duration::from_secs(1800) };
/// One try: a large mail over a slow line. Less than the job has, so that it is the try that ends, and the mail waits.
const TRY: Duration = Duration::from_secs(780);

/// Hands a certified mail over.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SendCertifiedMail {
    /// Which.
    pub mail: CertifiedMailId,
    /// Which of its sendings.
    pub sending: i32,
}

impl Job for SendCertifiedMail {
    const KIND: &'static str = "notary.send_certified_mail";
    const QUEUE: QueueName = QueueName::CertifiedMail;
    const TIMEOUT: Duration = Duration::from_secs(900);
    /// Of ourselves: the database, the storage. What is in the queue must not be lost to a night without one of them.
    const MAX_ATTEMPTS: u16 = 500;
    /// A mail is in memory three times while it is made: as its contents, encoded, and as it is sent.
    const MAX_RUNNING: Option<u16> = Some(4);

    /// Safe to run twice: see [`crate::notary::certified_mail`]. A sending has one Message-ID however often it is tried, and its
    /// state moves on once.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let it = match outgoing::load(&ctx.db, self.mail, self.sending).await? {
            None => return Ok(Outcome::Cancel("it is not in the queue any more".to_owned())),
            Some(Err(error)) => return self.give_up(ctx, &error.to_string()).await,
            Some(Ok(it)) => it,
        };
        let limit = *ctx.config.certified_mail.max_bytes as u64;
        if it.estimated_bytes() > limit {
            return self.quarantine(ctx, it.estimated_bytes()).await;
        }
        let until = ctx.clock.now() + SignedDuration::try_from(Self::TIMEOUT)?;
        let mut tx = ctx.db.begin("notary.begin_certified_mail").await?;
        let is_ours = transitions::begin_try(&mut tx, (self.mail, self.sending), until).await?;
        tx.commit().await?;
        if !is_ours {
            return Ok(Outcome::Cancel("it is not in the queue any more".to_owned()));
        }
        match tokio::time::timeout(TRY, submit(ctx, &it)).await {
            Ok(Ok((built, receipts))) => self.submitted(ctx, &built, &receipts).await,
            Ok(Err(NotSent::Never(problem))) => self.give_up(ctx, &problem).await,
            Ok(Err(NotSent::Now(problem))) => self.wait(ctx, &it, &problem).await,
            Err(_) => self.wait(ctx, &it, "no answer in time").await,
        }
    }
}

/// Why a try was in vain.
enum NotSent {
    /// It will always be.
    Never(String),
    /// It may be otherwise tomorrow.
    Now(String),
}

impl From<MailError> for NotSent {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Refused(_) | MailError::Invalid(_) => Self::Never(error.to_string()),
            MailError::Temporary(_) => Self::Now(error.to_string()),
        }
    }
}

impl From<Unsendable> for NotSent {
    fn from(error: Unsendable) -> Self {
        Self::Never(error.to_string())
    }
}

impl From<ContentError> for NotSent {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Missing(_) | ContentError::Damaged(_) => Unsendable::Attachment.into(),
            ContentError::Storage(_) | ContentError::Key(_) | ContentError::BrokeOff(_) => {
                Self::Now("an attached document cannot be read at present".to_owned())
            }
        }
    }
}

async fn submit(ctx: &JobContext, it: &Outgoing) -> Result<(Built, Vec<Vec<u8>>), NotSent> {
    let mut contents = Vec::with_capacity(it.attachments.len());
    for attached in &it.attachments {
        contents.push(read(&ctx.contents, attached).await?);
    }
    let now = ctx.clock.now();
    let built = outgoing::build(it, contents, now)?;
    let receipts = ctx.certified.submit(it, &built, now).await?;
    Ok((built, receipts))
}

async fn read(contents: &Contents, attached: &Content) -> Result<Vec<u8>, ContentError> {
    let bytes = attached.version.bytes.unsigned_abs();
    let mut read = Vec::with_capacity(bytes as usize);
    let mut opened = pin!(contents.open(attached, 0..bytes).await?);
    while let Some(piece) = opened.next().await {
        read.extend_from_slice(&piece?);
    }
    Ok(read)
}

impl SendCertifiedMail {
    /// The provider has it.
    async fn submitted(
        &self,
        ctx: &JobContext,
        built: &Built,
        receipts: &[Vec<u8>],
    ) -> anyhow::Result<Outcome> {
        let mut kept = Vec::with_capacity(receipts.len());
        for raw in receipts {
            let (certificate, proof) = if ctx.certified.certifies() {
                (Certificate::of_mail(raw)?, Proof::Own)
            } else {
                signed::read(raw, ctx.certified.roots(), ctx.clock.now())?
            };
            let stored = store_receipt(&ctx.contents, raw.clone(), ctx.attempt().token).await?;
            kept.push((certificate, proof, stored));
        }
        let now = ctx.clock.now();
        let mut tx = ctx.db.begin("notary.certified_mail_submitted").await?;
        let Some(mut mail) = self.queued(&mut tx).await? else {
            return Ok(Outcome::Cancel("it is not in the queue any more".to_owned()));
        };
        transitions::submitted(&mut tx, &mut mail, built.bytes.len() as i64, now).await?;
        let mut told = Vec::new();
        for (certificate, proof, stored) in &kept {
            let receipt = (certificate, *proof, stored);
            told.extend(
                receipts::take(&mut tx, &mut mail, self.sending, receipt, now).await?.unwrap_or_default(),
            );
        }
        self.done(ctx, tx, &mail, ("certified_mail.submit", &told)).await
    }

    /// It stays queued.
    async fn wait(&self, ctx: &JobContext, it: &Outgoing, problem: &str) -> anyhow::Result<Outcome> {
        let noise = getrandom::u32()?;
        let tries = i16::try_from(it.tries.saturating_add(1)).unwrap_or(i16::MAX);
        let pause = AWAY.pause(tries, f64::from(noise) / f64::from(u32::MAX));
        let now = ctx.clock.now();
        let at = now + SignedDuration::try_from(pause)?;
        let mut tx = ctx.db.begin("notary.certified_mail_waits").await?;
        transitions::wait(&mut tx, (self.mail, self.sending), problem, at, now).await?;
        tx.commit().await?;
        tracing::warn!(mail.id = %self.mail, tries, "a certified mail was not handed over: {problem}");
        Ok(Outcome::Snooze(pause))
    }

    /// It cannot be sent.
    async fn give_up(&self, ctx: &JobContext, problem: &str) -> anyhow::Result<Outcome> {
        let mut tx = ctx.db.begin("notary.certified_mail_fails").await?;
        let Some(mut mail) = self.queued(&mut tx).await? else {
            return Ok(Outcome::Cancel("it is not in the queue any more".to_owned()));
        };
        let told = transitions::fail(&mut tx, &mut mail, problem, ctx.clock.now()).await?;
        self.done(ctx, tx, &mail, ("certified_mail.fail", &told)).await
    }

    /// It is too large: nothing of it leaves.
    async fn quarantine(&self, ctx: &JobContext, bytes: u64) -> anyhow::Result<Outcome> {
        let limit = *ctx.config.certified_mail.max_bytes as i64;
        let mut tx = ctx.db.begin("notary.certified_mail_quarantine").await?;
        let Some(mut mail) = self.queued(&mut tx).await? else {
            return Ok(Outcome::Cancel("it is not in the queue any more".to_owned()));
        };
        let size = (bytes as i64, limit);
        let told = transitions::quarantine(&mut tx, &mut mail, size, ctx.clock.now()).await?;
        self.done(ctx, tx, &mail, ("certified_mail.quarantine", &told)).await
    }

    /// The mail, locked, if this sending still waits.
    async fn queued(&self, tx: &mut Tx) -> anyhow::Result<Option<CertifiedMail>> {
        let mail = message::lock_any(tx, self.mail).await?;
        Ok(mail.filter(|mail| {
            mail.status == State::Queued && mail.sending == self.sending && !mail.is_submitted
        }))
    }

    /// What has become of it is told and kept together with the acknowledgement.
    async fn done(
        &self,
        ctx: &JobContext,
        mut tx: Tx,
        mail: &CertifiedMail,
        (action, told): (&'static str, &[Told]),
    ) -> anyhow::Result<Outcome> {
        let now = ctx.clock.now();
        tell(&ctx.jobs, &mut tx, told, now).await?;
        let details =
            serde_json::json!({ "sending": self.sending, "status": mail.status, "act": mail.act_id });
        let entry = Entry::new(now, Who::System, action, "certified_mail", mail.id);
        audit::record(&mut tx, &[Entry { details, ..entry }]).await?;
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}

/// Stores a receipt as the content of a document that is still to be made.
pub async fn store_receipt(contents: &Contents, raw: Vec<u8>, token: i64) -> anyhow::Result<Stored> {
    let object = content_key(UploadId(uuid::Uuid::now_v7()), token);
    let bytes = raw.len() as u64;
    let piece = stream::iter([Ok(Bytes::from(raw))]);
    let stored = contents.store(&object, bytes, true, piece).await?;
    // It came from a provider, or was made here: nobody uploads it.
    Ok(Stored { object, kind: Kind::Mail, sha256: stored.sha256, kept: stored.kept, scanned_by: None })
}
