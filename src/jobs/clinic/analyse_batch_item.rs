//! Does one analysis of a batch that another system has asked for. Enqueued with the batch; what is asked for stands in its
//! row, and is forgotten there with its end.

use serde_json::{Value, json};

use super::summary_changed;
use crate::{
    audit::{self, Entry, Who},
    clinic::{
        emr::{
            batch::{self, Turn},
            request::{self, Failed},
        },
        patients::entries::Refused,
        scores,
    },
    ids::AnalysisBatchId,
    jobs::{Job, JobContext, Outcome, QueueName},
};

/// Makes an analysis.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct AnalyseBatchItem {
    /// Of which batch.
    pub batch: AnalysisBatchId,
    /// At which place.
    pub position: i32,
}

impl Job for AnalyseBatchItem {
    const KIND: &'static str = "clinic.analyse_batch_item";
    const QUEUE: QueueName = QueueName::Default;
    /// People wait for other things.
    const PRIORITY: i16 = 150;

    /// Runs once: the analysis, the end of its row and the acknowledgement are one transaction.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let place = (self.batch, self.position);
        let mut tx = ctx.db.begin("clinic.analyse_batch_item").await?;
        let Some(turn) = batch::turn(&mut tx, place).await? else {
            return Ok(Outcome::Cancel("it has ended".to_owned()));
        };
        let now = ctx.clock.now();
        match request::perform(&mut tx, turn.user, &turn.request, now).await {
            Ok(made) => {
                scores::changed(&mut tx, &ctx.jobs, made.patient_id).await?;
                let details = json!({ "analysis": made.id, "kind": made.graded.kind(), "batch": self.batch });
                let told = Entry::new(now, who(&turn), "patient.analyse", "patient", made.patient_id);
                audit::record(&mut tx, &[Entry { details, ..told }]).await?;
                batch::end(&mut tx, place, Ok(made.id)).await?;
                summary_changed(&mut tx, (&ctx.jobs, &ctx.config.clinic), now).await?;
            }
            Err(Failed::Refused(Refused::Db(error))) => return Err(error.into()),
            Err(failed) => batch::end(&mut tx, place, Err(&told(&failed))).await?,
        }
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}

fn who(turn: &Turn) -> Who {
    turn.key.map_or(Who::Person(turn.user, None), |key| Who::Key(turn.user, key))
}

/// What is told of an item that failed.
fn told(failed: &Failed) -> Value {
    match failed {
        Failed::Refused(refused) => json!({ "code": refused.code(), "detail": refused.to_string() }),
        Failed::Wrong(wrong) => {
            let error = |it: &crate::clinic::rules::checks::Invalid| {
                json!({ "in": "body", "pointer": format!("/input{}", it.pointer), "code": it.problem.code(),
                    "detail": it.problem.to_string() })
            };
            let errors: Vec<_> = wrong.0.iter().map(error).collect();
            json!({ "code": "validation_failed", "detail": wrong.to_string(), "errors": errors })
        }
        Failed::Unreadable(_) => json!({ "code": "unreadable", "detail": failed.to_string() }),
    }
}
