//! Compares the hashes of a conservation package: of the archive, and of every file in it as the service still has it.
//! Enqueued when the conservator took it over, every year, and when somebody wants to know.

use std::time::Duration;

use anyhow::Context as _;

use super::stored_hash;
use crate::{
    audit::{self, Entry, Who},
    documents::versions,
    ids::ConservationPackageId,
    jobs::{Job, JobContext, Outcome, QueueName, notary::tell},
    notary::{
        conservation::{
            package::{self, Package},
            planning, progress,
        },
        notifications::{Facts, Kind, Told},
        rules::machine::conservation_package::State,
    },
};

/// Verifies a package.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct VerifyConservationPackage {
    /// Which.
    pub package: ConservationPackageId,
}

impl Job for VerifyConservationPackage {
    const KIND: &'static str = "notary.verify_conservation_package";
    const QUEUE: QueueName = QueueName::Media;
    const TIMEOUT: Duration = Duration::from_secs(1800);

    /// Safe to run twice: it looks, and says what it saw.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(package) = package::get(&ctx.db, self.package).await? else {
            return Ok(Outcome::Cancel("the package is gone".to_owned()));
        };
        if !matches!(package.status, State::Conserved | State::Verified) {
            return Ok(Outcome::Cancel("the package was not taken over yet".to_owned()));
        }
        let damaged = damaged(ctx, &package).await?;
        let now = ctx.clock.now();
        let mut tx = ctx.db.begin("notary.verify_conservation_package").await?;
        progress::verify(&mut tx, package.id, damaged.as_deref(), now).await?;
        let entry = Entry::new(now, Who::System, "conservation.verify", "conservation_package", package.id);
        let details = serde_json::json!({ "damaged": damaged });
        audit::record(&mut tx, &[Entry { details, ..entry }]).await?;
        if let Some(what) = damaged {
            let facts = Facts { office: package.office_name.clone(), reason: what, ..Facts::default() };
            let told =
                Told { user: package.owner, kind: Kind::SystemMessage, facts, appointment: None, act: None };
            tell(&ctx.jobs, &mut tx, &[told], now).await?;
        }
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}

/// What is not as it was, in words for the office.
async fn damaged(ctx: &JobContext, package: &Package) -> anyhow::Result<Option<String>> {
    let document = package.document_id.context("the constraint conservation_package_exported")?;
    let whole = versions::held(&ctx.db, document, 1).await?;
    let is_whole = match &whole {
        Some(content) => stored_hash(ctx, content).await? == Some(content.version.sha256),
        None => false,
    };
    if !is_whole {
        return Ok(Some(format!("{} {}: {}", package.month.strftime("%Y-%m"), package.part, document)));
    }
    let items = planning::items(&ctx.db, package.id).await?;
    for (done, (path, content)) in items.iter().enumerate() {
        if stored_hash(ctx, content).await? != Some(content.version.sha256) {
            return Ok(Some(format!("{} {}: {path}", package.month.strftime("%Y-%m"), package.part)));
        }
        ctx.attempt().progress(100.0 * (done + 1) as f32 / items.len() as f32, path, None);
    }
    Ok(None)
}
