//! Pickup: from the moment the enqueueing transaction's commit returned to the first line of the handler, at a given pace.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use sportello::{app::App, db::DbError, jobs::Jobs};
use tokio::task::JoinSet;

use super::{
    Case, Figures, Report, Site, Target, Variant,
    kinds::{Mark, Stamp, marks},
    meter::Meter,
    site::Engine,
};

/// Jobs per second.
const PACES: [u32; 2] = [50, 300];
/// What is to be reached, in milliseconds.
const P50: f64 = 0.3;
const P99: f64 = 2.0;
/// Transactions open at once at most: where the database cannot follow, the pace falls.
const OPEN_MAX: usize = 200;
/// A transaction that found no place is tried again after this.
const TRY_AGAIN: Duration = Duration::from_millis(5);
/// Of the time, not counted: connections are opened, statements prepared.
const WARM_UP: f64 = 0.1;

pub(crate) async fn run(site: &Site, report: &mut Report) -> anyhow::Result<()> {
    let title = "pickup: commit to the handler's first line".to_owned();
    if !site.options.common.wants(&title) {
        return Ok(());
    }
    let (mut variants, mut targets) = (Vec::new(), Vec::new());
    for pace in site.options.few(&PACES, 1) {
        site.clean().await?;
        let engine = site.engine(|_| {}).await?;
        let (figures, jobs) = paced(site, &engine, pace, site.options.long()).await?;
        site.end(engine, jobs, 0).await?;
        let mut variant = Variant::new(format!("{pace}/s"));
        variant.rounds.push(figures);
        targets.push(Target::below(format!("p50 ms at {pace}/s"), P50, figures.p50_ms.into_iter().collect()));
        targets.push(Target::below(format!("p99 ms at {pace}/s"), P99, figures.p99_ms.into_iter().collect()));
        variants.push(variant);
    }
    report.add(Case { name: title, variants, targets });
    Ok(())
}

/// Enqueues `pace` jobs a second for `time`, each in a transaction of its own and none waiting for another. The rate is
/// that of acknowledgements within the time; and how many jobs there were.
pub(super) async fn paced(
    site: &Site,
    engine: &Engine,
    pace: u32,
    time: Duration,
) -> anyhow::Result<(Figures, u64)> {
    let count = (time.as_secs_f64() * f64::from(pace)).ceil() as usize;
    *marks() = vec![Mark::default(); count];
    let (meter, began, before) = (Meter::read(site.client()).await?, Instant::now(), engine.acknowledged());
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / pace);
    let mut tasks = JoinSet::new();
    for number in 0..count {
        ticks.tick().await;
        let App { db, jobs, .. } = &engine.app;
        let (db, jobs) = (db.clone(), jobs.clone());
        tasks.spawn(async move { patiently(&db, &jobs, number).await });
        while let Some(ended) = tasks.try_join_next() {
            ended??;
        }
        if tasks.len() >= OPEN_MAX
            && let Some(ended) = tasks.join_next().await
        {
            ended??;
        }
    }
    let done = engine.acknowledged() - before;
    let took = began.elapsed();
    let figures = meter.figures(site.client(), done).await?;
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    engine.acknowledges(before + count as u64).await?;
    let mut times = Histogram::<u64>::new(3)?;
    for mark in marks().iter().skip((count as f64 * WARM_UP) as usize) {
        let (Some(committed), Some(started)) = (mark.committed, mark.started) else {
            anyhow::bail!("a job was not committed or did not start: {mark:?}");
        };
        // A look that happened to come then may claim a job before its commit has returned.
        times.record(started.saturating_duration_since(committed).as_micros() as u64)?;
    }
    let rate = Some(done as f64 / took.as_secs_f64());
    Ok((Figures { rate, ..figures }.with_times(&times), count as u64))
}

/// Where the pool has no place, the pace falls.
async fn patiently(db: &sportello::db::Db, jobs: &Jobs, number: usize) -> Result<(), DbError> {
    let mut tries = tokio::time::interval(TRY_AGAIN);
    loop {
        tries.tick().await;
        match stamp(db, jobs, number).await {
            Err(DbError::Overloaded) => {}
            ended => return ended,
        }
    }
}

async fn stamp(db: &sportello::db::Db, jobs: &Jobs, number: usize) -> Result<(), DbError> {
    let mut tx = db.begin("bench.pickup").await?;
    // Before the engine's own hook, which may start the job before it returns.
    tx.on_commit(move || marks()[number].committed = Some(Instant::now()));
    jobs.enqueue(&mut tx, &Stamp(number)).await?;
    tx.commit().await
}
