//! Handlers that block a thread.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sportello::{
    config::Config,
    jobs::{Job, JobContext, Outcome},
};

use super::{
    kinds::{Write, kinds},
    node::{enqueue, eventually},
};
use crate::harness::{app::TestApp, until::until};

static LET_GO: AtomicBool = AtomicBool::new(false);
static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
static MOST: Mutex<usize> = Mutex::new(0);

/// Blocks its thread as it is told.
#[derive(Serialize, Deserialize)]
enum Block {
    /// For a moment.
    Shortly,
    /// Until it is cancelled.
    Politely,
    /// Until the test ends it, whatever anybody wants.
    Stubbornly,
    /// Not long: it panics.
    Clumsily,
}

impl Job for Block {
    const KIND: &'static str = "tests.block";
    const MAX_ATTEMPTS: u16 = 1;
    const TIMEOUT: Duration = Duration::from_secs(30);

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        match self {
            Self::Shortly => {
                let sum: u64 = ctx
                    .blocking(|_| {
                        let now = AT_ONCE.fetch_add(1, Relaxed) + 1;
                        let mut most = MOST.lock().unwrap_or_else(PoisonError::into_inner);
                        *most = (*most).max(now);
                        drop(most);
                        let sum = std::hint::black_box(0..200_000u64).sum();
                        AT_ONCE.fetch_sub(1, Relaxed);
                        Ok(sum)
                    })
                    .await?;
                anyhow::ensure!(sum == 19_999_900_000);
            }
            Self::Politely => {
                ctx.blocking(|it| {
                    while !it.is_cancelled() {
                        std::thread::yield_now();
                    }
                    anyhow::bail!("left half done")
                })
                .await?;
            }
            Self::Stubbornly => {
                ctx.blocking(|_| {
                    while !LET_GO.load(Relaxed) {
                        std::thread::park_timeout(Duration::from_millis(1));
                    }
                    Ok(())
                })
                .await?;
            }
            Self::Clumsily => ctx.blocking(|_| panic!("a bug in a thread")).await?,
        }
        Ok(Outcome::Done)
    }
}

async fn start(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::start_full(change, kinds().with::<Block>()).await;
    app.sql("CREATE TABLE effect (n bigint NOT NULL, attempt smallint NOT NULL)").await;
    app
}

async fn cancel(app: &TestApp, job: sportello::jobs::JobId) {
    let mut tx = app.app.db.begin("tests.cancel").await.unwrap();
    assert!(app.app.jobs.cancel_running(&mut tx, job, "enough").await.unwrap());
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn blocking_handlers_share_a_bounded_pool_of_their_own() {
    let app = start(|config| config.jobs.blocking_threads = 3).await;
    for _ in 0..40 {
        enqueue(&app.app, &Block::Shortly).await;
    }
    app.run_jobs().await;
    assert_eq!(app.count("job.done WHERE state = 0").await, 40);
    assert!((1..=3).contains(&*MOST.lock().unwrap()));
    let job = enqueue(&app.app, &Block::Clumsily).await;
    app.until_count(&format!("job.done WHERE id = {job} AND state = 1"), 1).await;
    assert_eq!(app.count("job.attempt WHERE outcome = 6 AND error = 'a bug in a thread'").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_blocking_handler_is_asked_and_its_word_is_heard() {
    let app = start(|_| {}).await;
    let job = enqueue(&app.app, &Block::Politely).await;
    until("it runs", || app.app.registry.find("root/jobs/steward").is_some()).await;
    app.until_count("job.lease", 1).await;
    cancel(&app, job).await;
    app.until_count(&format!("job.done WHERE id = {job} AND state = 2"), 1).await;
    assert_eq!(app.count("job.attempt WHERE error = 'enough; it ended with: left half done'").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocking_handler_that_ignores_its_cancelling_is_reported_and_frees_its_worker() {
    let app = start(|config| {
        config.jobs.cancel_grace.0 = Duration::from_millis(20);
        (config.jobs.workers, config.jobs.blocking_threads) = (1, 1);
    })
    .await;
    let job = enqueue(&app.app, &Block::Stubbornly).await;
    let figures = app.app.jobs.figures();
    until("it runs", || figures.kind("tests.block").unwrap().outcomes.started.load(Relaxed) == 1).await;
    app.until_count("job.lease", 1).await;
    cancel(&app, job).await;
    app.until_count(&format!("job.done WHERE id = {job} AND state = 2"), 1).await;
    let stuck = format!("journal WHERE action = 'jobs.stuck' AND target = 'job {job}'");
    app.until_count(&stuck, 1).await;
    assert_eq!((figures.stuck.load(Relaxed), figures.engine.stuck.load(Relaxed)), (1, 1));
    app.app.registry.inspect("root/jobs/steward").await.unwrap();
    let view = app.app.registry.find("root/jobs/steward").unwrap().view();
    assert_eq!(view["stuck"][0]["kind"], "tests.block", "{view}");
    // The only worker is free, the only thread is not.
    enqueue(&app.app, &Write(1)).await;
    app.until_count("effect", 1).await;
    let next = enqueue(&app.app, &Block::Shortly).await;
    LET_GO.store(true, Relaxed);
    app.until_count(&format!("job.done WHERE id = {next} AND state = 0"), 1).await;
    eventually("nothing is stuck", async || figures.stuck.load(Relaxed) == 0).await;
    assert_eq!(app.count(&stuck).await, 1, "it was told once");
    assert_eq!(app.count(&format!("job.done WHERE id = {job}")).await, 1, "its late result changed nothing");
    app.finish().await;
}
