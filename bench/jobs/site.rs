//! Where the cases stand: servers with the benchmark's kinds, filling and emptying the tables, and the check that every
//! job was run and none is left.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use sportello::{
    app::App,
    config::Config,
    jobs::{NewJob, QueueName},
};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::{
    kinds::{kinds, ran},
    options::JobsOptions,
};
use crate::support::Ground;

/// Jobs of one enqueueing transaction when tables are filled, and tasks that do it.
const FILL_BATCH: usize = 1_000;
const FILL_TASKS: usize = 4;
/// An engine that acknowledges nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// The ground, and how to measure.
pub(crate) struct Site {
    pub(crate) ground: Ground,
    pub(crate) options: JobsOptions,
}

/// A running server, and what had been run before it.
pub(crate) struct Engine {
    pub(crate) app: App,
    ran_before: u64,
}

impl Site {
    /// PostgreSQL with the schema.
    pub(crate) async fn open(options: &JobsOptions) -> anyhow::Result<Self> {
        let ground = Ground::open(&options.common).await?;
        Ok(Self { ground, options: options.clone() })
    }

    pub(crate) fn client(&self) -> &Client {
        self.ground.client()
    }

    /// A server that runs jobs, once it does.
    pub(crate) async fn engine(&self, change: impl FnOnce(&mut Config)) -> anyhow::Result<Engine> {
        const READY: &str = "-- bench.jobs.engine_is_ready
            SELECT count(*) FROM job.worker WHERE beat_at > '-infinity'";
        let app = self.ground.app_with(kinds(), change).await?;
        let began = Instant::now();
        while self.client().query_one(READY, &[]).await?.get::<_, i64>(0) == 0 {
            ensure!(began.elapsed() < PATIENCE, "the engine does not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Engine { app, ran_before: ran() })
    }

    /// A server that only enqueues.
    pub(crate) async fn feeder(&self) -> anyhow::Result<App> {
        self.ground.app_with(kinds(), |config| config.jobs.enabled = false).await
    }

    /// Stops the claims of the queue that is measured, or lets them go on.
    pub(crate) async fn pause(&self, is_paused: bool) -> anyhow::Result<()> {
        const PAUSE: &str = "-- bench.jobs.pause
            INSERT INTO job.queue (name, paused_at) VALUES ($1, CASE WHEN $2 THEN now() END)
            ON CONFLICT (name) DO UPDATE SET paused_at = EXCLUDED.paused_at";
        self.client().execute(PAUSE, &[&QueueName::Default.as_str(), &is_paused]).await?;
        Ok(())
    }

    /// Empty tables, and nothing left for the checkpointer to do.
    pub(crate) async fn clean(&self) -> anyhow::Result<()> {
        self.pause(false).await?;
        self.client()
            .batch_execute(
                "TRUNCATE job.ready, job.later, job.lease, job.body, job.uniq, job.done, job.attempt",
            )
            .await?;
        self.client().batch_execute("DELETE FROM job.worker").await?;
        self.client().batch_execute("VACUUM (ANALYZE) job.worker").await?;
        self.client().batch_execute("CHECKPOINT").await?;
        Ok(())
    }

    /// Whether there is exactly what was enqueued: so many ready, and so many for later.
    pub(crate) async fn holds(&self, ready: u64, later: u64) -> anyhow::Result<()> {
        const HELD: &str = "-- bench.jobs.held
            SELECT (SELECT count(*) FROM job.body), (SELECT count(*) FROM job.ready),
                (SELECT count(*) FROM job.later), (SELECT count(*) FROM job.lease),
                (SELECT count(*) FROM job.attempt), (SELECT count(*) FROM job.done WHERE state <> 0)";
        let row = self.client().query_one(HELD, &[]).await?;
        let held: Vec<i64> = (0..6).map(|place| row.get(place)).collect();
        let (ready, later) = (ready as i64, later as i64);
        ensure!(
            held == [ready + later, ready, later, 0, 0, 0],
            "bodies, ready, later, leases, failed attempts, bad ends are {held:?} where {ready} should be ready and \
             {later} wait"
        );
        Ok(())
    }

    /// Checks a case: its `jobs` ran once each and left nothing but `waiting` ones; then the server stops.
    pub(crate) async fn end(&self, engine: Engine, jobs: u64, waiting: u64) -> anyhow::Result<()> {
        let ran = ran() - engine.ran_before;
        ensure!(ran == jobs, "{ran} handlers ended for {jobs} jobs");
        self.holds(0, waiting).await?;
        let figures = engine.app.jobs.figures();
        ensure!(figures.failed_count() == 0, "attempts have failed: {:?}", figures.failures());
        let counted = &figures.engine;
        let odd = [&counted.stale, &counted.rescued, &counted.unknown, &counted.fenced, &counted.alarms];
        ensure!(odd.iter().all(|it| it.load(Relaxed) == 0), "the engine was in trouble: {counted:?}");
        engine.app.stop().await;
        Ok(())
    }

    /// Stops PostgreSQL.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.ground.close().await
    }
}

/// Enqueues `count` jobs as fast as it goes.
pub(crate) async fn fill(
    app: &App,
    count: usize,
    job: impl Fn(usize) -> NewJob + Clone + Send + 'static,
) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for task in 0..FILL_TASKS {
        let (db, jobs, job) = (app.db.clone(), app.jobs.clone(), job.clone());
        tasks.spawn(async move {
            for first in (task * FILL_BATCH..count).step_by(FILL_TASKS * FILL_BATCH) {
                let batch: Vec<NewJob> = (first..count.min(first + FILL_BATCH)).map(&job).collect();
                let mut tx = db.begin("bench.fill").await?;
                jobs.insert(&mut tx, &batch).await?;
                tx.commit().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(filled) = tasks.join_next().await {
        filled??;
    }
    Ok(())
}

impl Engine {
    /// Jobs acknowledged by this server.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.app.jobs.figures().engine.acknowledged.load(Relaxed)
    }

    /// Waits until `jobs` are acknowledged; how many were at the end of each second.
    pub(crate) async fn acknowledges(&self, jobs: u64) -> anyhow::Result<Vec<u64>> {
        let (mut last, mut since) = (self.acknowledged(), Instant::now());
        let (began, mut sums) = (since, vec![last]);
        while last < jobs {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let now = self.acknowledged();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if began.elapsed().as_secs() as usize >= sums.len() {
                sums.push(now);
            }
            ensure!(
                since.elapsed() < PATIENCE,
                "the engine is stuck: {last} of {jobs} jobs are acknowledged"
            );
        }
        Ok(sums)
    }

    /// Jobs per claim and per acknowledgement so far.
    pub(crate) fn batches(&self) -> (Option<f64>, Option<f64>) {
        let figures = &self.app.jobs.figures().engine;
        let per = |jobs: u64, statements: u64| (statements > 0).then(|| jobs as f64 / statements as f64);
        (
            per(figures.claimed.load(Relaxed), figures.claims.load(Relaxed)),
            per(figures.acknowledged.load(Relaxed), figures.flushes.load(Relaxed)),
        )
    }
}

/// The number of the queue that is measured.
pub(crate) async fn queue_number(client: &Client) -> anyhow::Result<i16> {
    const NUMBER: &str = "-- bench.jobs.queue_number\nSELECT id FROM job.queue WHERE name = $1";
    let row = client.query_opt(NUMBER, &[&QueueName::Default.as_str()]).await?;
    Ok(row.context("the queue is not registered")?.get(0))
}
