//! Makes a conservation package: the files, their hashes, the signature and the time stamp of the manifest, in one ZIP that
//! becomes a document of the office. Enqueued with the plan.

use std::time::Duration;

use anyhow::Context as _;
use sha2::Digest as _;

use super::{HandOverConservationPackage, PlanConservation};
use crate::{
    audit::{self, Entry, Who},
    documents::{
        made::{self, Kept, Made},
        orphans::content_key,
        versions::Sha256,
    },
    ids::{ConservationPackageId, DocumentId, UploadId},
    jobs::{
        Job, JobContext, Outcome, QueueName,
        archive::{self, Archive, Shrink},
    },
    notary::conservation::{
        HOLDER,
        manifest::{
            CERTIFICATES, FORMAT, HOW_TO_VERIFY, Item, MANIFEST, Manifest, READ_ME, SIGNATURE, SUMS,
            TIME_STAMP, sums,
        },
        package::{self, Package},
        planning::{self, Found},
        progress,
    },
    notary::{rules::machine::conservation_package::State, signatures::signer},
    signing::pem,
};

/// Where it is found among the notary's documents.
const DESK: &str = "notary";

/// Makes a package.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct MakeConservationPackage {
    /// Which.
    pub package: ConservationPackageId,
}

/// What is written beside the files.
struct Papers {
    manifest: Vec<u8>,
    sha256: Sha256,
    sums: String,
    signature: Vec<u8>,
    time_stamp: Vec<u8>,
    authorities: String,
}

impl Job for MakeConservationPackage {
    const KIND: &'static str = "notary.make_conservation_package";
    const QUEUE: QueueName = QueueName::Media;
    const TIMEOUT: Duration = Duration::from_secs(1800);

    /// Safe to run twice: each attempt stores an object of its own, and the package gets its document with the
    /// acknowledgement. What an attempt that died has stored is an orphan.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(package) = package::get(&ctx.db, self.package).await? else {
            return Ok(Outcome::Cancel("the package is gone".to_owned()));
        };
        if package.status != State::Pending {
            return Ok(Outcome::Cancel("the package was made already".to_owned()));
        }
        let (found, has_more) = planning::contents(&ctx.db, package.notary_id, package.month).await?;
        if found.is_empty() {
            return drop_plan(ctx, &package, "nothing is left to be conserved").await;
        }
        let papers = papers(ctx, &package, &found).await?;
        let now = ctx.clock.now();
        let id = DocumentId::new(now);
        let object = content_key(UploadId(id.0), ctx.attempt().token);
        let stored =
            archive::store(ctx, object, async |archive| fill(ctx, archive, &papers, &found).await).await?;
        let name = format!("{}-{:02}.zip", package.month.strftime("%Y-%m"), package.part);
        let (title, kept) = (format!("Conservazione {name}"), Kept::HeldBy(HOLDER, self.package.0));
        let made =
            Made { id, owner: package.owner, title: &title, desk: DESK, name: &name, stored: &stored, kept };
        let mut tx = ctx.db.begin("notary.make_conservation_package").await?;
        if !made::make(&mut tx, &made, now).await? {
            tx.rollback().await?;
            ctx.storage.delete(&stored.object).await?;
            return drop_plan(ctx, &package, "the notary's account is not active").await;
        }
        progress::export(&mut tx, self.package, (id, &papers.sha256), &found, now).await?;
        let details = serde_json::json!({ "items": found.len(), "document": id });
        let entry = Entry::new(now, Who::System, "conservation.export", "conservation_package", self.package);
        audit::record(&mut tx, &[Entry { details, ..entry }]).await?;
        ctx.jobs.enqueue(&mut tx, &HandOverConservationPackage { package: self.package }).await?;
        if has_more {
            ctx.jobs.enqueue(&mut tx, &PlanConservation { month: Some(package.month) }).await?;
        }
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}

/// There is nothing to be made: what is to be conserved is planned again when it can be.
async fn drop_plan(ctx: &JobContext, package: &Package, why: &str) -> anyhow::Result<Outcome> {
    let mut tx = ctx.db.begin("notary.drop_conservation_plan").await?;
    planning::drop(&mut tx, package.id).await?;
    tx.commit().await?;
    Ok(Outcome::Cancel(why.to_owned()))
}

/// The manifest with its signature and its time stamp.
async fn papers(ctx: &JobContext, package: &Package, found: &[Found]) -> anyhow::Result<Papers> {
    let items: Vec<Item> = found.iter().map(|found| found.item.clone()).collect();
    let manifest = Manifest {
        format: FORMAT,
        package: package.id,
        office: &package.office_name,
        month: package.month,
        part: package.part,
        items: &items,
    }
    .to_json();
    let sha256 = Sha256(sha2::Sha256::digest(&manifest).into());
    let now = ctx.clock.now();
    // By an automatic procedure, in the name of the notary whose files they are (DPCM 22 February 2013, art. 35).
    let signer = signer::of(&ctx.db, package.owner).await?.context("the notary's account is gone")?;
    let signature = ctx.signing.detached(sha256.0, &signer, now).await?;
    let stamp = ctx.signing.time_stamp(sha256.0, now).await?;
    Ok(Papers {
        sums: sums(&sha256, &items),
        manifest,
        sha256,
        signature: signature.der,
        time_stamp: stamp.der,
        authorities: pem::encode("CERTIFICATE", &ctx.signing.roots(now).await?),
    })
}

async fn fill(
    ctx: &JobContext,
    archive: &mut Archive,
    papers: &Papers,
    found: &[Found],
) -> anyhow::Result<()> {
    for (name, content) in [
        (READ_ME, HOW_TO_VERIFY.as_bytes()),
        (MANIFEST, &papers.manifest),
        (SUMS, papers.sums.as_bytes()),
        (SIGNATURE, &papers.signature),
        (TIME_STAMP, &papers.time_stamp),
        (CERTIFICATES, papers.authorities.as_bytes()),
    ] {
        archive.start(name, Shrink::Yes)?;
        archive.write(content).await?;
    }
    for (done, file) in found.iter().enumerate() {
        archive.start(&file.item.path, Shrink::No)?;
        let sha256 = archive.content(ctx, &file.content).await?;
        anyhow::ensure!(
            sha256 == file.item.sha256,
            "document {} is damaged: its content is not what its hash says",
            file.document
        );
        ctx.attempt().progress(100.0 * (done + 1) as f32 / found.len() as f32, &file.item.path, None);
    }
    Ok(())
}
