//! Returns a buyer's money. Enqueued in the transaction that owes it.

use anyhow::bail;

use crate::{
    events::payments::{Provider, due_refunds, refund_done},
    ids::BookingId,
    jobs::{Job, JobContext, Outcome},
};

/// Makes the refund of a booking.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RefundBooking {
    /// The booking.
    pub booking: BookingId,
}

impl Job for RefundBooking {
    const KIND: &'static str = "events.refund_booking";
    const MAX_ATTEMPTS: u16 = 20;

    /// Safe to run twice: the provider knows the refund by its id, and a finished one is not due any more.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(provider) = Provider::named(&ctx.config.payments.provider) else {
            bail!("payments.provider is not known")
        };
        let mut tx = ctx.db.begin("events.refund_booking").await?;
        let Some(due) = due_refunds(&mut tx, self.booking).await? else {
            return Ok(Outcome::Cancel("nothing is owed".to_owned()));
        };
        tx.rollback().await?; // no transaction stays open while the provider is asked
        let verdict = provider.refund(due.refund, &due.charge_reference, due.amount_cents).await?;
        let mut tx = ctx.db.begin("events.refund_booking").await?;
        refund_done(&mut tx, due.refund, &verdict, ctx.clock.now()).await?;
        ctx.finish(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}
