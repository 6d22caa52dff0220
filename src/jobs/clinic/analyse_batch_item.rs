//! Does one analysis of a batch that another system has asked for. Enqueued with the batch; what is asked for stands in its
//! row, and is forgotten there with its end.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::summary_changed;
use crate::{
    accounts::key_use,
    audit::{self, Entry, Who},
    clinic::{
        emr::{
            batch::{self, Fault, Turn},
            request::{self, Failed, Subject},
        },
        patients::{Unfit, entries::Refused},
        scores,
    },
    db::{DbError, Tx},
    ids::{AnalysisBatchId, ApiKeyId},
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
        if has_lost_key(&mut tx, &turn, now).await? {
            let detail = "the key with which it was asked for was revoked, or has expired";
            batch::end(&mut tx, place, Err(&batch::failure("key_not_good", detail, []))).await?;
        } else {
            self.perform(ctx, &mut tx, &turn, now).await?;
        }
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}

impl AnalyseBatchItem {
    async fn perform(
        &self,
        ctx: &JobContext,
        tx: &mut Tx,
        turn: &Turn,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let place = (self.batch, self.position);
        match request::perform(tx, (turn.user, turn.clinic), &turn.request, now).await {
            Ok(made) => {
                scores::changed(tx, &ctx.jobs, made.patient_id).await?;
                let details = json!({ "analysis": made.id, "kind": made.graded.kind(), "batch": self.batch });
                let told = Entry::new(now, who(turn), "patient.analyse", "patient", made.patient_id);
                audit::record(tx, &[Entry { details, ..told }]).await?;
                batch::end(tx, place, Ok(made.id)).await?;
                summary_changed(tx, (&ctx.jobs, &ctx.config.clinic), now).await?;
            }
            Err(Failed::Refused(Refused::Db(error))) => return Err(error.into()),
            Err(failed) => {
                if let (Failed::Refused(Refused::NoSuchPatient), Subject::Id(id)) =
                    (&failed, &turn.request.subject)
                {
                    let told = Entry::new(now, who(turn), "patient.analyse", "patient", id);
                    let details = json!({ "reason": "not_found", "batch": self.batch });
                    let outcome = audit::Outcome::Refused;
                    audit::record(tx, &[Entry { outcome, details, ..told }]).await?;
                }
                batch::end(tx, place, Err(&told(&failed))).await?;
            }
        }
        Ok(())
    }
}

/// What was asked for with a key that is good no more is not done.
async fn has_lost_key(tx: &mut Tx, turn: &Turn, now: Timestamp) -> Result<bool, DbError> {
    match turn.key {
        Some(key) => Ok(!key_use::is_good_in(tx, ApiKeyId(key), now).await?),
        None => Ok(false),
    }
}

fn who(turn: &Turn) -> Who {
    turn.key.map_or(Who::Person(turn.user, None), |key| Who::Key(turn.user, key))
}

const fn pointer_of(unfit: Unfit) -> &'static str {
    match unfit {
        Unfit::BeforeBirth => "/observed_on",
        Unfit::OtherSex => "/kind",
    }
}

/// What is told of an item that failed.
fn told(failed: &Failed) -> Value {
    let detail = failed.to_string();
    match failed {
        Failed::Refused(refused) => batch::failure(refused.code(), &detail, []),
        Failed::Wrong(wrong) => {
            let invalid = wrong.0.iter();
            let said: Vec<_> = invalid
                .map(|it| (format!("/input{}", it.pointer), it.problem.code(), it.problem.to_string()))
                .collect();
            let faults = said.iter().map(|(pointer, code, detail)| Fault { pointer, code, detail });
            batch::failure("validation_failed", &detail, faults)
        }
        Failed::Unfit(unfit) => {
            let said: Vec<_> = unfit.iter().map(|it| (pointer_of(*it), it.code(), it.to_string())).collect();
            let faults = said.iter().map(|(pointer, code, detail)| Fault { pointer, code, detail });
            batch::failure("validation_failed", &detail, faults)
        }
        Failed::Unreadable(_) => batch::failure("unreadable", &detail, []),
    }
}
