//! Enqueueing alone: nobody runs the jobs.

use std::time::Instant;

use hdrhistogram::Histogram;
use sportello::app::App;
use tokio::task::JoinSet;

use super::{Case, Figures, Report, Site, Variant, kinds::Nothing, meter::Meter};
use crate::support::report::order;

/// Jobs per transaction, and tasks at once.
const WAYS: [(usize, usize); 6] = [(1_000, 1), (1_000, 4), (100, 1), (100, 4), (1, 1), (1, 16)];

pub(crate) async fn run(site: &Site, report: &mut Report) -> anyhow::Result<()> {
    let title = "enqueue alone (times are those of a transaction)".to_owned();
    if !site.options.common.wants(&title) {
        return Ok(());
    }
    let ways = site.options.few(&WAYS, 2);
    let name = |(batch, tasks): &(usize, usize)| {
        format!("{batch} per transaction, {tasks} task{}", if *tasks == 1 { "" } else { "s" })
    };
    let mut variants: Vec<Variant> = ways.iter().map(|way| Variant::new(name(way))).collect();
    let feeder = site.feeder().await?;
    for round in 0..site.options.common.rounds {
        for index in order(round, ways.len()) {
            let figures = measure(site, &feeder, ways[index]).await?;
            eprintln!(
                "{title}, round {}: {} {:.0}/s",
                round + 1,
                variants[index].name,
                figures.rate.unwrap_or_default()
            );
            variants[index].rounds.push(figures);
        }
    }
    feeder.stop().await;
    site.clean().await?;
    report.add(Case { name: title, variants, targets: Vec::new() });
    Ok(())
}

async fn measure(site: &Site, feeder: &App, (batch, tasks): (usize, usize)) -> anyhow::Result<Figures> {
    site.clean().await?;
    let meter = Meter::read(site.client()).await?;
    let until = Instant::now() + site.options.common.time();
    let mut producers = JoinSet::new();
    for _ in 0..tasks {
        let (db, jobs, nothing) = (feeder.db.clone(), feeder.jobs.clone(), vec![Nothing; batch]);
        producers.spawn(async move {
            let mut times = Histogram::<u64>::new(3)?;
            while Instant::now() < until {
                let began = Instant::now();
                let mut tx = db.begin("bench.enqueue").await?;
                jobs.enqueue_many(&mut tx, &nothing).await?;
                tx.commit().await?;
                times.record(began.elapsed().as_micros() as u64)?;
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Histogram::<u64>::new(3)?;
    while let Some(ended) = producers.join_next().await {
        times.add(ended??)?;
    }
    let jobs = times.len() * batch as u64;
    let figures = meter.figures(site.client(), jobs).await?;
    site.holds(jobs, 0).await?;
    Ok(figures.with_times(&times))
}

impl Figures {
    /// With the percentiles of microseconds.
    pub(super) fn with_times(self, times: &Histogram<u64>) -> Self {
        let ms = |us: u64| Some(us as f64 / 1e3);
        Self {
            p50_ms: ms(times.value_at_quantile(0.5)),
            p99_ms: ms(times.value_at_quantile(0.99)),
            max_ms: ms(times.max()),
            ..self
        }
    }
}
