//! Makes the report about a patient, or finds the one that says the same. Enqueued when somebody asks for it.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;

use super::summary_changed;
use crate::{
    audit::{self, Entry, Who},
    clinic::{
        patients::{
            Patient,
            entries::{self, Refused},
        },
        reports::{
            page::page,
            record::{self, Record},
            report::{self, New},
        },
        scores::score,
    },
    db::Tx,
    documents::{check::Kind, orphans::content_key, publish::Stored},
    ids::{DocumentId, PatientId, PatientReportId, UploadId, UserId},
    jobs::{Dependency, Job, JobContext, Key, NewJob, Outage, Outcome, QueueName},
    mail::Language,
    pdf::{RenderError, Rendering as _},
};

/// For programs: the values cannot be set. What the layout says follows, for who looks after it.
const NOT_SET: &str = "not_set";

/// Makes a report.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RenderReport {
    /// About whom; the record may have been merged into another since.
    pub patient: PatientId,
    /// In which language.
    pub language: Language,
    /// Who has asked for it, and was admitted.
    pub user: UserId,
}

impl RenderReport {
    /// As it is enqueued: about one patient one after the other, so that the second finds what the first has made.
    pub fn new_job(&self) -> NewJob {
        let key = Key::at_most(format!("clinic.report {}", self.patient), 1);
        NewJob::of(self).owner(self.user.0).subject(self.user).subject(self.patient).key(key)
    }
}

impl Job for RenderReport {
    const KIND: &'static str = "clinic.render_report";
    const QUEUE: QueueName = QueueName::Media;
    const TIMEOUT: Duration = Duration::from_secs(120);
    const NEEDS: &'static [Dependency] = &[Dependency::Renderer, Dependency::Storage];

    /// Safe to run twice: what looks the same is there once, and comes with the acknowledgement; a score that says the same is
    /// not kept. What an attempt that died has stored is an orphan.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let now = ctx.clock.now();
        if let Err(why) = self.scored(ctx, now).await? {
            return Ok(Outcome::Cancel(why));
        }
        let mut tx = ctx.db.begin("clinic.reports.read").await?;
        let patient = match admitted(&mut tx, self.patient, now).await? {
            Ok(patient) => patient,
            Err(why) => return Ok(Outcome::Cancel(why)),
        };
        let record = record::read(&mut tx, patient).await?;
        let page = page(&record, self.language, now);
        let hash = page.hash();
        let same = (self.language, &hash, &*record.state);
        if let Some(found) = report::still(&mut tx, &record.patient, same, now).await? {
            return self.done(ctx, tx, (&record, found), now).await;
        }
        // While it is set nobody has to wait for the record.
        tx.rollback().await?;
        ctx.attempt().progress(20.0, "rendering", None);
        let document = page.document(now);
        let title = document.title.clone();
        let pdf = match ctx.renderer.render(document).await {
            Ok(pdf) => pdf,
            Err(error @ (RenderError::Busy | RenderError::Late)) => {
                return Err(Outage { dependency: Dependency::Renderer, why: error.to_string() }.into());
            }
            Err(error @ RenderError::Refused(_)) => {
                return Ok(Outcome::Discard(format!("{NOT_SET}: {error}")));
            }
        };
        ctx.attempt().progress(80.0, "storing", None);
        let document = DocumentId::new(now);
        let stored = store(ctx, document, pdf).await?;
        let mut tx = ctx.db.begin("clinic.reports.keep").await?;
        let patient = match admitted(&mut tx, self.patient, now).await? {
            Ok(patient) => patient,
            Err(why) => {
                tx.rollback().await?;
                ctx.storage.delete(&stored.object).await?;
                return Ok(Outcome::Cancel(why));
            }
        };
        if patient.id != record.patient.id {
            tx.rollback().await?;
            ctx.storage.delete(&stored.object).await?;
            anyhow::bail!("the record was merged into another meanwhile"); // the next attempt reads that one
        }
        let id = PatientReportId::new(now);
        let new = New {
            id,
            language: self.language,
            hash: &hash,
            state: &record.state,
            value_count: record.values.len(),
            requested_by: self.user,
            state_at: now,
            title: &title,
            stored: &stored,
        };
        if !report::keep(&mut tx, &patient, &new, document).await? {
            tx.rollback().await?;
            ctx.storage.delete(&stored.object).await?;
            anyhow::bail!("another one has made the same meanwhile"); // the next attempt finds it
        }
        self.done(ctx, tx, (&record, id), now).await
    }
}

impl RenderReport {
    /// The score is that of the values: whoever has changed them has only asked for a new one.
    async fn scored(&self, ctx: &JobContext, now: Timestamp) -> anyhow::Result<Result<(), String>> {
        let mut tx = ctx.db.begin("clinic.reports.score").await?;
        match score::recompute(&mut tx, self.patient, now).await {
            Ok(made) => {
                if made.is_some() {
                    summary_changed(&mut tx, (&ctx.jobs, &ctx.config.clinic), now).await?;
                }
                tx.commit().await?;
                Ok(Ok(()))
            }
            Err(Refused::Db(error)) => Err(error.into()),
            Err(refused) => Ok(Err(refused.code().to_owned())),
        }
    }

    /// Says which report it is, with whatever was written.
    async fn done(
        &self,
        ctx: &JobContext,
        mut tx: Tx,
        (record, report): (&Record, PatientReportId),
        now: Timestamp,
    ) -> anyhow::Result<Outcome> {
        let patient = record.patient.id;
        let entry = Entry::new(now, Who::Person(self.user, None), "patient.report", "patient", patient);
        let details = serde_json::json!({ "report": report, "language": self.language });
        audit::record(&mut tx, &[Entry { details, ..entry }]).await?;
        let path = format!("/api/v1/clinic/patients/{patient}/reports/{report}");
        ctx.attempt()
            .answer(&serde_json::json!({ "patient_id": patient, "report_id": report, "href": path }))?;
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}

/// The record, locked; or why nothing is written about the patient any more, as a stable word.
async fn admitted(tx: &mut Tx, id: PatientId, now: Timestamp) -> anyhow::Result<Result<Patient, String>> {
    match entries::still_admitted(tx, id, now).await {
        Ok(patient) => Ok(Ok(patient)),
        Err(Refused::Db(error)) => Err(error.into()),
        Err(refused) => Ok(Err(refused.code().to_owned())),
    }
}

/// Stores a PDF that was made here: no scanner has to look at it. Without a row it is an orphan.
async fn store(ctx: &JobContext, document: DocumentId, pdf: Bytes) -> anyhow::Result<Stored> {
    let object = content_key(UploadId(document.0), ctx.attempt().token);
    let bytes = pdf.len() as u64;
    let content = stream::iter([Ok(pdf)]);
    let stored =
        ctx.contents.store(&object, bytes, false, content).await.context("the report is not stored")?;
    Ok(Stored { object, kind: Kind::Pdf, sha256: stored.sha256, kept: stored.kept, scanned_by: None })
}
