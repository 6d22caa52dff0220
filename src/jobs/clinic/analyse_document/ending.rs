//! How an analysis ends without a result.

use super::AnalyseDocument;
use crate::{
    audit::{self, Entry, Outcome as Told, Who},
    clinic::{
        analysis::state,
        documents::{PatientDocument, list, pages},
    },
    db::{DbError, Tx},
    documents::publish,
    jobs::{JobContext, Outcome, clinic::summary_changed, documents::RemoveObjects},
};

/// What has failed by no fault of the file and against nobody's will: another analysis may find it, so it is kept for a while (see
/// [`crate::clinic::documents::arrival::KEEP_UNREAD`]).
const OF_THE_MOMENT: [&str; 2] = ["archived", INTERNAL_ERROR];
/// What we did wrong.
pub(super) const INTERNAL_ERROR: &str = "internal_error";
/// Of a patient who does not want it, or is nobody any more, nothing that was just read is kept.
const FORBIDDEN: [&str; 2] = ["anonymised", "consent_missing"];

impl AnalyseDocument {
    /// Says of the document why nothing comes of it. A file that was refused goes.
    pub(super) async fn failed(&self, ctx: &JobContext, why: &str) -> anyhow::Result<Outcome> {
        let (now, run) = (ctx.clock.now(), (self.document, self.run));
        let mut tx = ctx.db.begin("clinic.fail_analysis").await?;
        if state::failed(&mut tx, run, why, now).await?
            && let Some(document) = list::of_analysis(&mut tx, self.document).await?
        {
            if !OF_THE_MOMENT.contains(&why) {
                self.clear(ctx, &mut tx, &document).await?;
            }
            self.leave_text(&mut tx, FORBIDDEN.contains(&why)).await?;
            let action = "patient_document.analyse";
            let mut entry = Entry::new(now, Who::System, action, "patient", document.patient_id);
            entry.outcome = Told::Refused;
            entry.details = serde_json::json!({ "document": self.document, "run": self.run, "reason": why });
            audit::record(&mut tx, &[entry]).await?;
            summary_changed(&mut tx, (&ctx.jobs, &ctx.config.clinic), now).await?;
        }
        ctx.attempt().answer(&serde_json::json!({ "status": "failed", "failure": why }))?;
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }

    /// There is nobody any more to whom a result could be told. The file is that of a newer analysis, or has gone with the document.
    pub(super) fn gone() -> Outcome {
        Outcome::Cancel("the document was taken away, or is analysed anew".to_owned())
    }

    /// The text of an earlier run, in which its values stand, is that of the document again.
    async fn leave_text(&self, tx: &mut Tx, is_forbidden: bool) -> Result<(), DbError> {
        pages::fall_back(tx, &[self.document]).await?;
        if is_forbidden {
            pages::forget(tx, (self.document, self.run)).await?;
        }
        Ok(())
    }

    /// Removes the file as it has arrived, if nobody has made a content of it.
    async fn clear(&self, ctx: &JobContext, tx: &mut Tx, document: &PatientDocument) -> anyhow::Result<()> {
        // What an older server has written down names no upload.
        let Some(upload) = document.upload_id.or(self.upload) else { return Ok(()) };
        let objects = publish::forget(tx, &[upload]).await?;
        if !objects.is_empty() {
            ctx.jobs.enqueue(tx, &RemoveObjects { objects, parts_of: Some(upload) }).await?;
        }
        Ok(())
    }
}
