//! Plans the packages of a month, and makes each of them. Run at the beginning of every month, and again when an office has
//! more than a package holds.

use jiff::civil::Date;

use super::MakeConservationPackage;
use crate::{
    jobs::{Job, JobContext, NewJob, Outcome, QueueName},
    notary::{conservation::planning, time::today},
};

/// Plans packages.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct PlanConservation {
    /// The first day of the month; the month that has ended last if nothing is said.
    #[serde(default)]
    pub month: Option<Date>,
}

impl Job for PlanConservation {
    const KIND: &'static str = "notary.plan_conservation";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: an office with a package under way is left out, and what is in a package is not planned again.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let now = ctx.clock.now();
        let last = today(now).first_of_month().saturating_sub(jiff::Span::new().months(1));
        let month = self.month.unwrap_or(last).first_of_month();
        loop {
            let mut tx = ctx.db.begin("notary.plan_conservation").await?;
            let planned = planning::plan(&mut tx, month, now).await?;
            let jobs: Vec<NewJob> = planned
                .iter()
                .map(|package| NewJob::of(&MakeConservationPackage { package: *package }))
                .collect();
            ctx.jobs.insert(&mut tx, &jobs).await?;
            tx.commit().await?;
            if (planned.len() as i64) < planning::BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}
