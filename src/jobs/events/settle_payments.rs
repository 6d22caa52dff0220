//! Finishes payments whose outcome is open: the provider did not answer, or we died before we could write it down.
//! Run every minute.

use crate::{
    events::payments::{Provider, apply, open},
    jobs::{Job, JobContext, Outcome},
};

/// Asks the provider what became of open payments.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SettlePayments {}

impl Job for SettlePayments {
    const KIND: &'static str = "events.settle_payments";

    /// Safe to run twice: settling moves an open payment once.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(provider) = Provider::named(&ctx.config.payments.provider) else {
            anyhow::bail!("payments.provider is not known")
        };
        for (payment, reference) in open(&ctx.db, ctx.clock.now()).await? {
            let verdict = provider.status(payment, &reference).await?;
            let mut tx = ctx.db.begin("events.settle_payments").await?;
            let settled = apply(&mut tx, payment, &verdict, ctx.clock.now(), getrandom::u64()?).await?;
            super::follow_up(&ctx.jobs, &mut tx, settled.as_ref()).await?;
            tx.commit().await?;
        }
        Ok(Outcome::Done)
    }
}
