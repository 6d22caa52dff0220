//! Makes the summary of patients anew: some seconds after a burst of changes, and every minute in which something has changed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    clinic::summary::refresh,
    config::sections,
    db::{DbError, Tx},
    jobs::{Hold, Job, JobContext, Jobs, NewJob, Outcome, QueueName},
};

/// Of the time, at most a fifth is spent on it, however large it has grown.
const REST: i64 = 4;
/// The schedule comes sooner.
const DELAY_MAX: SignedDuration = SignedDuration::from_mins(10);

/// Refreshes the summary.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RefreshSummary {}

/// Something was changed that is summed up: it will be shown after `clinic.summary_delay`, together with what changes until
/// then. Call it last: others who change something wait for this transaction's end.
pub async fn summary_changed(
    tx: &mut Tx,
    (jobs, config): (&Jobs, &sections::Clinic),
    now: Timestamp,
) -> Result<(), DbError> {
    let delay = SignedDuration::try_from(*config.summary_delay).unwrap_or(DELAY_MAX).min(DELAY_MAX);
    let job = NewJob::of(&RefreshSummary {}).at(now + delay).unique("", Hold::Start);
    jobs.insert(tx, &[job]).await?;
    Ok(())
}

impl Job for RefreshSummary {
    const KIND: &'static str = "clinic.refresh_summary";
    const QUEUE: QueueName = QueueName::Maintenance;
    /// The next one comes within a minute.
    const MAX_ATTEMPTS: u16 = 3;
    const TIMEOUT: Duration = Duration::from_secs(660);
    const MAX_RUNNING: Option<u16> = Some(1);

    /// Safe to run twice: it makes what is there then, and does nothing when nothing has changed.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let due = refresh::due(&ctx.db).await?;
        if !due.is_due {
            return Ok(Outcome::Done);
        }
        let now = ctx.clock.now();
        let rested = now.duration_since(due.refreshed_at);
        let rest = SignedDuration::from_millis(due.took_ms.saturating_mul(REST));
        if let Ok(left) = Duration::try_from(rest - rested)
            && !left.is_zero()
            && !rested.is_negative()
        {
            return Ok(Outcome::Snooze(left));
        }
        let mut tx = ctx.db.begin("clinic.refresh_summary").await?;
        refresh::refresh(&mut tx, now).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}
