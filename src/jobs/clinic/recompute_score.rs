//! Computes the fertility score of a patient anew. Enqueued with each change of what counts, once for many of them
//! ([`crate::clinic::scores::changed`]).

use super::summary_changed;
use crate::{
    clinic::{patients::entries::Refused, scores::score},
    ids::PatientId,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Makes a score.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RecomputeScore {
    /// Whose.
    pub patient: PatientId,
}

impl Job for RecomputeScore {
    const KIND: &'static str = "clinic.recompute_score";
    const QUEUE: QueueName = QueueName::Default;

    /// Safe to run twice: a score that says the same as the newest one is not kept.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let mut tx = ctx.db.begin("clinic.recompute_score").await?;
        let now = ctx.clock.now();
        match score::recompute(&mut tx, self.patient, now).await {
            Ok(made) => {
                if made.is_some() {
                    summary_changed(&mut tx, (&ctx.jobs, &ctx.config.clinic), now).await?;
                }
                tx.commit().await?;
                Ok(Outcome::Done)
            }
            Err(Refused::Db(error)) => Err(error.into()),
            Err(refused) => {
                score::rest(&mut tx, self.patient).await?;
                tx.commit().await?;
                Ok(Outcome::Cancel(refused.code().to_owned()))
            }
        }
    }
}
