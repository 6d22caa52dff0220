//! Burn-down: jobs that do nothing are enqueued while their queue is paused; then it is opened. Next to it the same
//! statements without the engine, in turns.

use std::time::{Duration, Instant};

use sportello::jobs::{Job, NewJob, QueueName};

use super::{
    Case, Figures, Report, Site, Target, Variant,
    kinds::{Nothing, NothingKept},
    limit,
    meter::{Meter, dead_tuples},
    pgbench, site,
};
use crate::support::report::order;

/// What the engine should reach on four processors, and of the limit.
const RATE: f64 = 100_000.0;
const RATIO: f64 = 0.7;
/// Connections of the limit; the best counts.
const CONNECTIONS: [usize; 2] = [2, 4];
/// Jobs enqueued per second that a burn-down is to be held for: what four processors come to.
const HELD_RATE: f64 = 55_000.0;

/// Who claims and acknowledges.
#[derive(Debug, Clone, Copy)]
enum Way {
    Engine,
    Loops(usize),
    Pgbench(usize),
}

impl Way {
    fn name(self) -> String {
        match self {
            Self::Engine => "the engine".to_owned(),
            Self::Loops(connections) => format!("PostgreSQL limit, {connections} connections"),
            Self::Pgbench(connections) => format!("pgbench, {connections} connections"),
        }
    }
}

pub(crate) async fn run(site: &Site, report: &mut Report) -> anyhow::Result<()> {
    let jobs = site.options.jobs;
    let title = format!("burn-down of {jobs} no-op jobs, nothing kept");
    if site.options.common.wants(&title) {
        let mut ways = ways(site);
        if pgbench::binary(&site.ground).is_some() {
            ways.extend(connections(site).iter().map(|count| Way::Pgbench(*count)));
        }
        report.add(compare(site, title, &Nothing, &ways, true).await?);
    }
    let title = format!("burn-down of {jobs} no-op jobs, a summary kept");
    // The same code: no need to see that it works.
    if site.options.common.wants(&title) && !site.options.common.smoke {
        report.add(compare(site, title, &NothingKept, &ways(site), false).await?);
    }
    Ok(())
}

/// One burn-down that lasts: vacuum, checkpoints and full tables have the time to show what they cost.
pub(crate) async fn hold(site: &mut Site, report: &mut Report, time: Duration) -> anyhow::Result<()> {
    let title = format!("burn-down held for some {time:?}");
    if !site.options.common.wants(&title) {
        return Ok(());
    }
    let before = site.options.clone();
    site.options.jobs = (HELD_RATE * time.as_secs_f64()) as usize;
    site.options.common.rounds = 1;
    let most = CONNECTIONS[CONNECTIONS.len() - 1];
    let case = compare(site, title, &Nothing, &[Way::Engine, Way::Loops(most)], true).await?;
    site.options = before;
    report.add(case);
    Ok(())
}

fn connections(site: &Site) -> Vec<usize> {
    site.options.few(&CONNECTIONS, 1)
}

fn ways(site: &Site) -> Vec<Way> {
    let loops = connections(site).into_iter().map(Way::Loops);
    std::iter::once(Way::Engine).chain(loops).collect()
}

async fn compare<J: Job>(
    site: &Site,
    title: String,
    job: &J,
    ways: &[Way],
    is_first: bool,
) -> anyhow::Result<Case> {
    let job = NewJob::of(job);
    let mut variants: Vec<Variant> = ways.iter().map(|way| Variant::new(way.name())).collect();
    for round in 0..site.options.common.rounds {
        for index in order(round, ways.len()) {
            let figures = measure(site, ways[index], &job).await?;
            eprintln!(
                "{title}, round {}: {} {:.0}/s",
                round + 1,
                variants[index].name,
                figures.rate.unwrap_or_default()
            );
            variants[index].rounds.push(figures);
        }
    }
    let rate = |variant: &Variant, round: usize| variant.rounds[round].rate.unwrap_or_default();
    let ratios = (0..site.options.common.rounds).map(|round| {
        let loops = ways.iter().zip(&variants).filter(|(way, _)| matches!(way, Way::Loops(_)));
        let best = loops.map(|(_, variant)| rate(variant, round)).fold(0.0, f64::max);
        rate(&variants[0], round) / best
    });
    let mut targets = vec![Target::at_least("of the PostgreSQL limit", RATIO, ratios.collect())];
    if is_first {
        let rates = variants[0].rounds.iter().filter_map(|it| it.rate).collect();
        targets.insert(0, Target::at_least("jobs per second", RATE, rates));
    }
    Ok(Case { name: title, variants, targets })
}

async fn measure(site: &Site, way: Way, job: &NewJob) -> anyhow::Result<Figures> {
    site.clean().await?;
    let dead_before = dead_tuples(site.client()).await?;
    let jobs = site.options.jobs;
    let mut figures = match way {
        Way::Engine => engine(site, job).await?,
        Way::Loops(connections) => {
            enqueue(site, job).await?;
            limit::run(site, connections).await?
        }
        Way::Pgbench(connections) => {
            enqueue(site, job).await?;
            pgbench::run(site, connections).await?
        }
    };
    site.holds(0, 0).await?;
    let dead = dead_tuples(site.client()).await? - dead_before;
    figures.dead_tuples = Some(dead as f64 / jobs as f64);
    Ok(figures)
}

/// Enqueues without an engine.
async fn enqueue(site: &Site, job: &NewJob) -> anyhow::Result<()> {
    let feeder = site.feeder().await?;
    let job = job.clone();
    site::fill(&feeder, site.options.jobs, move |_| job.clone()).await?;
    feeder.stop().await;
    site.holds(site.options.jobs as u64, 0).await
}

async fn engine(site: &Site, job: &NewJob) -> anyhow::Result<Figures> {
    let (engine, jobs) = (site.engine(|_| {}).await?, site.options.jobs as u64);
    site.pause(true).await?;
    let job = job.clone();
    site::fill(&engine.app, site.options.jobs, move |_| job.clone()).await?;
    site.holds(jobs, 0).await?;
    let meter = Meter::read(site.client()).await?;
    let began = Instant::now();
    site.pause(false).await?;
    // As whoever resumes a queue does; otherwise the steward would find out within a second.
    engine.app.jobs.heed_orders();
    engine.app.jobs.wake(QueueName::Default);
    let seconds = engine.acknowledges(jobs).await?;
    let took = began.elapsed();
    let mut figures = meter.figures(site.client(), jobs).await?;
    figures.rate = Some(jobs as f64 / took.as_secs_f64());
    figures.slowest = slowest(&seconds);
    (figures.claim_batch, figures.ack_batch) = engine.batches();
    site.end(engine, jobs, 0).await?;
    Ok(figures)
}

/// Jobs per second in the slowest ten seconds, from the sums at the end of each second; `None` where it took no longer.
fn slowest(sums: &[u64]) -> Option<f64> {
    const WINDOW: usize = 10;
    let windows = sums.windows(WINDOW + 1).map(|sums| sums[WINDOW] - sums[0]);
    windows.min().map(|jobs| jobs as f64 / WINDOW as f64)
}
