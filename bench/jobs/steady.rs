//! A steady flow: producers enqueue while the engine runs jobs that wait for a millisecond. Producers rest while too many
//! wait, so that what is measured is both together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use sportello::app::App;
use tokio::task::JoinSet;

use super::{
    Case, Figures, Report, Site, Variant,
    kinds::{Work, ran},
    meter::{Meter, dead_tuples},
};
use crate::support::report::order;

/// Tasks that enqueue.
const PRODUCERS: usize = 8;
/// Jobs per transaction.
const BULK: usize = 100;
/// Producers rest while so many wait.
const BACKLOG: u64 = 10_000;
/// For connections, plans and the pace of the crew.
const WARM_UP: Duration = Duration::from_millis(500);
/// Workers: as configured, and as many as others are measured with.
const WORKERS: usize = 256;

pub(crate) async fn run(site: &Site, report: &mut Report) -> anyhow::Result<()> {
    let title = format!("steady enqueue and run, 1 ms per job, {PRODUCERS} producers");
    if !site.options.common.wants(&title) {
        return Ok(());
    }
    let configured = site.ground.config().jobs.workers;
    let ways = [(BULK, configured), (1, configured), (BULK, WORKERS), (1, WORKERS)];
    let ways = site.options.few(&ways, 2);
    let name = |(batch, workers): &(usize, usize)| format!("{batch} per transaction, {workers} workers");
    let mut variants: Vec<Variant> = ways.iter().map(|way| Variant::new(name(way))).collect();
    for round in 0..site.options.common.rounds {
        for index in order(round, ways.len()) {
            let figures = measure(site, ways[index]).await?;
            eprintln!(
                "{title}, round {}: {} {:.0}/s",
                round + 1,
                variants[index].name,
                figures.rate.unwrap_or_default()
            );
            variants[index].rounds.push(figures);
        }
    }
    report.add(Case { name: title, variants, targets: Vec::new() });
    Ok(())
}

async fn measure(site: &Site, (batch, workers): (usize, usize)) -> anyhow::Result<Figures> {
    site.clean().await?;
    let dead_before = dead_tuples(site.client()).await?;
    let engine = site.engine(|config| config.jobs.workers = workers).await?;
    let flow =
        Arc::new(Flow { ran_before: ran(), enqueued: AtomicU64::new(0), is_over: AtomicBool::new(false) });
    let mut producers = JoinSet::new();
    for _ in 0..PRODUCERS {
        producers.spawn(flow.clone().produce(&engine.app, batch));
    }
    tokio::time::sleep(WARM_UP.min(site.options.common.time())).await;
    let (meter, before) = (Meter::read(site.client()).await?, engine.acknowledged());
    tokio::time::sleep(site.options.common.time()).await;
    let jobs = engine.acknowledged() - before;
    let mut figures = meter.figures(site.client(), jobs).await?;
    flow.is_over.store(true, Relaxed);
    while let Some(ended) = producers.join_next().await {
        ended??;
    }
    let all = flow.enqueued.load(Relaxed);
    engine.acknowledges(all).await?;
    (figures.claim_batch, figures.ack_batch) = engine.batches();
    site.end(engine, all, 0).await?;
    let dead = dead_tuples(site.client()).await? - dead_before;
    figures.dead_tuples = Some(dead as f64 / all as f64);
    Ok(figures)
}

/// What producers share.
struct Flow {
    ran_before: u64,
    enqueued: AtomicU64,
    is_over: AtomicBool,
}

impl Flow {
    fn produce(
        self: Arc<Self>,
        app: &App,
        batch: usize,
    ) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
        let (db, jobs, work) = (app.db.clone(), app.jobs.clone(), vec![Work; batch]);
        async move {
            while !self.is_over.load(Relaxed) {
                if self.enqueued.load(Relaxed) > ran() - self.ran_before + BACKLOG {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    continue;
                }
                let mut tx = db.begin("bench.steady").await?;
                jobs.enqueue_many(&mut tx, &work).await?;
                tx.commit().await?;
                self.enqueued.fetch_add(batch as u64, Relaxed);
            }
            Ok(())
        }
    }
}
