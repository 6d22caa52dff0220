//! Hands a conservation package over to the conservator. Enqueued when it was made.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;

use super::{MakeConservationPackage, VerifyConservationPackage};
use crate::{
    audit::{self, Entry, Who},
    documents::versions,
    ids::ConservationPackageId,
    jobs::{Job, JobContext, Outcome, QueueName},
    notary::{
        conservation::{
            conservator::{self, ConservatorError, Handover, Taken},
            package::{self, Package},
            progress,
        },
        rules::machine::conservation_package::State,
    },
};

/// Hands a package over.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct HandOverConservationPackage {
    /// Which.
    pub package: ConservationPackageId,
}

impl Job for HandOverConservationPackage {
    const KIND: &'static str = "notary.hand_over_conservation_package";
    const QUEUE: QueueName = QueueName::Media;
    const TIMEOUT: Duration = Duration::from_secs(1800);
    // A conservator that is away for some days is waited for.
    const MAX_ATTEMPTS: u16 = 40;

    /// Safe to run twice: the conservator knows the package by its id and hash, and the row is locked when it moves.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(package) = package::get(&ctx.db, self.package).await? else {
            return Ok(Outcome::Cancel("the package is gone".to_owned()));
        };
        let (State::Exported, Some(document)) = (package.status, package.document_id) else {
            return Ok(Outcome::Cancel("the package is not to be handed over".to_owned()));
        };
        let content = versions::held(&ctx.db, document, 1).await?.context("the package is held")?;
        let now = ctx.clock.now();
        let handover = Handover {
            package: package.id,
            office: package.office_name.clone(),
            bytes: content.version.bytes,
            sha256: content.version.sha256,
            at: now,
        };
        let provider = &ctx.config.conservation.provider;
        let conservator = conservator::of(provider).context("the configuration was checked")?;
        let opened = ctx.contents.open(&content, 0..content.version.bytes.unsigned_abs()).await?;
        match conservator.take_over(&handover, opened.boxed()).await {
            Ok(taken) => taken_over(ctx, &package, conservator.name(), &taken).await?,
            Err(ConservatorError::Refused(why)) => refused(ctx, &package, &why).await?,
            Err(error @ ConservatorError::Away(_)) => return Err(error.into()),
        }
        Ok(Outcome::Done)
    }
}

async fn taken_over(
    ctx: &JobContext,
    package: &Package,
    conservator: &str,
    taken: &Taken,
) -> anyhow::Result<()> {
    let now = ctx.clock.now();
    let sha256 = package.sha256.context("the constraint conservation_package_exported")?;
    let stamp = ctx.signing.time_stamp(sha256.0, now).await?;
    let receipt = serde_json::json!({
        "statement": taken.statement, "time_stamp": data_encoding::BASE64.encode(&stamp.der),
    });
    let mut tx = ctx.db.begin("notary.hand_over_conservation_package").await?;
    progress::conserve(&mut tx, package.id, (conservator, &taken.reference, &receipt), now).await?;
    let details = serde_json::json!({ "conservator": conservator, "reference": taken.reference });
    let entry = Entry::new(now, Who::System, "conservation.conserve", "conservation_package", package.id);
    audit::record(&mut tx, &[Entry { details, ..entry }]).await?;
    ctx.jobs.enqueue(&mut tx, &VerifyConservationPackage { package: package.id }).await?;
    ctx.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}

async fn refused(ctx: &JobContext, package: &Package, why: &str) -> anyhow::Result<()> {
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin("notary.hand_over_conservation_package").await?;
    progress::refuse(&mut tx, package.id, why, now).await?;
    let entry = Entry::new(now, Who::System, "conservation.refuse", "conservation_package", package.id);
    audit::record(&mut tx, &[Entry { details: serde_json::json!({ "reason": why }), ..entry }]).await?;
    ctx.jobs.enqueue(&mut tx, &MakeConservationPackage { package: package.id }).await?;
    ctx.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}
