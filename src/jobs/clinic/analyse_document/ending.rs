//! How an analysis ends without a result.

use super::AnalyseDocument;
use crate::{
    audit::{self, Entry, Outcome as Told, Who},
    clinic::{analysis::state, documents::list},
    db::Tx,
    documents::publish,
    jobs::{JobContext, Outcome, documents::RemoveObjects},
};

impl AnalyseDocument {
    /// Says of the document why nothing comes of it. The file that was not stored goes.
    pub(super) async fn failed(&self, ctx: &JobContext, why: &str) -> anyhow::Result<Outcome> {
        let now = ctx.clock.now();
        let mut tx = ctx.db.begin("clinic.fail_analysis").await?;
        self.clear(ctx, &mut tx).await?;
        if state::failed(&mut tx, (self.document, self.run), why, now).await?
            && let Some(document) = list::of_analysis(&mut tx, self.document).await?
        {
            let action = "patient_document.analyse";
            let mut entry = Entry::new(now, Who::System, action, "patient", document.patient_id);
            entry.outcome = Told::Refused;
            entry.details = serde_json::json!({ "document": self.document, "run": self.run, "reason": why });
            audit::record(&mut tx, &[entry]).await?;
        }
        ctx.attempt().answer(&serde_json::json!({ "status": "failed", "failure": why }))?;
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }

    /// There is nobody any more to whom a result could be told.
    pub(super) async fn gone(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let mut tx = ctx.db.begin("clinic.end_analysis").await?;
        self.clear(ctx, &mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Cancel("the document was taken away, or is analysed anew".to_owned()))
    }

    /// Removes the file as it has arrived, if nobody has made a content of it.
    async fn clear(&self, ctx: &JobContext, tx: &mut Tx) -> anyhow::Result<()> {
        if let Some(upload) = self.upload
            && publish::forget(tx, upload).await?
        {
            ctx.jobs.enqueue(tx, &RemoveObjects::of_upload(upload)).await?;
        }
        Ok(())
    }
}
