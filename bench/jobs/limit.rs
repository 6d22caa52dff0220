//! The PostgreSQL limit: the engine's own claim and acknowledgement, with its batch sizes and its session settings, in a
//! loop per connection and nothing around them.

use std::{sync::Arc, time::Duration};

use sportello::{
    db::{Connector, Link, Observer},
    jobs::{
        Ending, Report, Verdict,
        store::{self, acks, claims, workers},
    },
};
use tokio::{sync::Barrier, task::JoinSet};

use super::{Figures, Site, meter::Meter, site::queue_number};

/// Nothing here takes so long.
const LIMIT: Duration = Duration::from_secs(60);
/// Nobody beats for these workers: they are alive for as long.
const ALIVE: Duration = Duration::from_secs(3600);

/// A connection with the settings of the engine's.
pub(super) fn link(connector: &Connector) -> Link {
    Link::new(store::settings(&connector.for_use("bench", LIMIT)), LIMIT, Observer::new(LIMIT))
}

/// Registers a worker that need not beat.
pub(super) async fn worker(link: &Link) -> anyhow::Result<i64> {
    Ok(workers::register(link, "bench", &serde_json::Value::Null).await?)
}

/// Empties the queue through so many connections.
pub(super) async fn run(site: &Site, connections: usize) -> anyhow::Result<Figures> {
    let config = &site.ground.config().jobs;
    let batches = (config.claim, config.ack);
    let queue = queue_number(site.client()).await?;
    let start = Arc::new(Barrier::new(connections + 1));
    let mut loops = JoinSet::new();
    for _ in 0..connections {
        let (link, start) = (link(site.ground.connector()), start.clone());
        loops.spawn(async move {
            let worker = worker(&link).await?;
            start.wait().await;
            let done = empty(&link, queue, worker, batches).await;
            done.map(|jobs| (jobs, link)) // open until all have ended, so that their processor time is seen
        });
    }
    start.wait().await;
    let meter = Meter::read(site.client()).await?;
    let (mut jobs, mut links) = (0, Vec::new());
    while let Some(ended) = loops.join_next().await {
        let (done, link) = ended??;
        jobs += done;
        links.push(link);
    }
    anyhow::ensure!(jobs == site.options.jobs, "{jobs} of {} jobs were acknowledged", site.options.jobs);
    meter.figures(site.client(), jobs as u64).await
}

/// Claims until nothing is left; acknowledges whenever a batch is full.
async fn empty(link: &Link, queue: i16, worker: i64, batches: (usize, usize)) -> anyhow::Result<usize> {
    let (mut claimed_all, mut reports) = (0, Vec::new());
    loop {
        let claimed = claims::claim(link, queue, batches.0, worker, ALIVE).await?;
        claimed_all += claimed.len();
        let is_last = claimed.is_empty();
        let done = Verdict::End(Ending::Done);
        reports.extend(claimed.into_iter().map(|it| Report::new(it.job, it.token, done)));
        while reports.len() >= batches.1 || (is_last && !reports.is_empty()) {
            let rest = reports.split_off(reports.len().min(batches.1));
            let flushed = acks::flush(link, &std::mem::replace(&mut reports, rest)).await?;
            anyhow::ensure!(flushed.stale == 0, "{} reports were stale", flushed.stale);
        }
        if is_last {
            return Ok(claimed_all);
        }
    }
}
