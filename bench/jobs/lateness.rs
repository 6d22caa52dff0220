//! Scheduled lateness: jobs fall due at a steady pace, alone and beside a great many that wait for a far time.

use std::time::Duration;

use hdrhistogram::Histogram;
use jiff::{SignedDuration, Timestamp};
use sportello::jobs::NewJob;

use super::{
    Case, Figures, Report, Site, Target, Variant,
    kinds::{Due, Nothing, late},
    meter::Meter,
    site::{self, Engine},
};

/// Jobs that fall due per second.
const PACE: u64 = 300;
/// Enqueued at once.
const BATCH: u64 = 30;
/// Enqueued so long before they are due.
const AHEAD: SignedDuration = SignedDuration::from_millis(500);
/// The others wait for at least this long.
const FAR: SignedDuration = SignedDuration::from_hours(24 * 30);
/// What is to be reached, in milliseconds.
const P99: f64 = 10.0;
/// Of the time, not counted.
const WARM_UP: f64 = 0.1;

pub(crate) async fn run(site: &Site, report: &mut Report) -> anyhow::Result<()> {
    let waiting = site.options.waiting;
    let title = format!("lateness of scheduled jobs, {PACE}/s falling due");
    if !site.options.common.wants(&title) {
        return Ok(());
    }
    site.clean().await?;
    let mut variants = Vec::new();
    for (name, others) in [("nothing else waits".to_owned(), 0), (format!("{waiting} others wait"), waiting)]
    {
        if others > 0 {
            let feeder = site.feeder().await?;
            let far = feeder.clock.now() + FAR;
            let at = move |number: usize| far + SignedDuration::from_millis(number as i64);
            site::fill(&feeder, others, move |number| NewJob::of(&Nothing).at(at(number))).await?;
            feeder.stop().await;
            site.client().batch_execute("CHECKPOINT").await?;
        }
        let engine = site.engine(|_| {}).await?;
        let (figures, jobs) = measure(site, &engine).await?;
        site.end(engine, jobs, others as u64).await?;
        variants.push(Variant { name, rounds: vec![figures] });
    }
    site.clean().await?;
    let p99 = variants[1].median(|it| it.p99_ms).into_iter().collect();
    let targets = vec![Target::below(format!("p99 ms with {waiting} waiting"), P99, p99)];
    report.add(Case { name: title, variants, targets });
    Ok(())
}

async fn measure(site: &Site, engine: &Engine) -> anyhow::Result<(Figures, u64)> {
    let app = &engine.app;
    let gap = SignedDuration::from_micros(1_000_000 / PACE as i64);
    let batches = (site.options.long().as_secs_f64() * PACE as f64 / BATCH as f64).ceil() as u64;
    late().clear();
    let meter = Meter::read(site.client()).await?;
    let first: Timestamp = app.clock.now() + AHEAD;
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 * BATCH / PACE));
    for batch in 0..batches {
        ticks.tick().await;
        let due = |number: u64| first + gap * (batch * BATCH + number) as i32;
        let jobs: Vec<NewJob> = (0..BATCH).map(due).map(|at| NewJob::of(&Due { at }).at(at)).collect();
        let mut tx = app.db.begin("bench.lateness").await?;
        app.jobs.insert(&mut tx, &jobs).await?;
        tx.commit().await?;
    }
    let jobs = batches * BATCH;
    engine.acknowledges(jobs).await?;
    let figures = meter.figures(site.client(), jobs).await?;
    let mut times = Histogram::<u64>::new(3)?;
    for us in late().iter().skip((jobs as f64 * WARM_UP) as usize) {
        times.record(*us)?;
    }
    Ok((figures.with_times(&times), jobs))
}
