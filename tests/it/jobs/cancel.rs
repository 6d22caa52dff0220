//! Cancelling jobs while they run: asked, cut, and never run again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sportello::{
    config::Config,
    jobs::{
        AttemptOutcome, Job, JobContext, JobId, Outcome, Report, Story, Verdict,
        registry::Registry,
        store::{acks, steering},
    },
};

use super::{
    kinds::{Hang, Write, kinds, start_idle},
    node::{Worker, enqueue, eventually},
};
use crate::harness::app::TestApp;

/// Does what it is told when it is cancelled.
#[derive(Serialize, Deserialize)]
enum Obey {
    Fail,
    Snooze,
    Finish,
}

impl Job for Obey {
    const KIND: &'static str = "tests.obey";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        const BEGUN: &str = "-- tests.begun\nINSERT INTO effect (n, attempt) VALUES (0, $1)";
        let mut tx = ctx.db.begin("tests.begun").await?;
        tx.execute(BEGUN, &[&ctx.attempt().number]).await?;
        tx.commit().await?;
        ctx.cancelled().await;
        match self {
            Self::Fail => anyhow::bail!("left half done"),
            Self::Snooze => Ok(Outcome::Snooze(Duration::from_secs(1))),
            Self::Finish => Ok(Outcome::Done),
        }
    }
}

fn with_obey() -> Registry {
    kinds().with::<Obey>()
}

async fn start(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::start_full(change, with_obey()).await;
    app.sql("CREATE TABLE effect (n bigint NOT NULL, attempt smallint NOT NULL)").await;
    app
}

/// Whether an attempt of it was running.
async fn cancel(app: &sportello::app::App, job: JobId) -> bool {
    let mut tx = app.db.begin("tests.cancel").await.unwrap();
    let is_running = app.jobs.cancel_running(&mut tx, job, "the concert is off").await.unwrap();
    tx.commit().await.unwrap();
    is_running
}

impl TestApp {
    /// The job has ended as cancelled, with one attempt in the history and nothing left.
    async fn until_cancelled(&self, job: JobId, told: &str) {
        self.until_count(&format!("job.done WHERE id = {job} AND state = 2 AND attempts = 1"), 1).await;
        let row = format!("job.attempt WHERE job_id = {job} AND outcome = 4 AND error = '{told}'");
        assert_eq!(self.count(&row).await, 1);
        assert_eq!(self.count(&format!("job.attempt WHERE job_id = {job}")).await, 1);
        assert_eq!((self.count("job.body").await, self.count("job.later").await), (0, 0));
        self.assert_in_place().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_attempt_is_asked_to_end_and_its_job_never_runs_again() {
    let app = start(|_| {}).await;
    for (told, job) in [
        ("the concert is off; it ended with: left half done", Obey::Fail),
        ("the concert is off", Obey::Snooze),
    ] {
        app.sql("DELETE FROM effect").await;
        let job = enqueue(&app.app, &job).await;
        app.until_count("effect", 1).await;
        assert!(cancel(&app.app, job).await);
        app.until_cancelled(job, told).await;
        assert!(!cancel(&app.app, job).await, "it does not run any more");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_done_in_time_is_done() {
    let app = start(|_| {}).await;
    let job = enqueue(&app.app, &Obey::Finish).await;
    app.until_count("effect", 1).await;
    cancel(&app.app, job).await;
    app.until_count(&format!("job.done WHERE id = {job} AND state = 0"), 1).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_does_not_listen_is_cut_off_after_the_grace() {
    let app = start(|config| config.jobs.cancel_grace.0 = Duration::from_millis(50)).await;
    let job = enqueue(&app.app, &Hang(1)).await;
    app.until_count("effect", 1).await;
    cancel(&app.app, job).await;
    app.until_cancelled(job, "the concert is off; it was cut off").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_workers_cancels_what_runs_on_another() {
    let app = start(|_| {}).await;
    let office = app.another_node(|config| config.jobs.enabled = false, with_obey()).await;
    let job = enqueue(&app.app, &Obey::Fail).await;
    app.until_count("effect", 1).await;
    assert!(cancel(&office, job).await);
    app.until_cancelled(job, "the concert is off; it ended with: left half done").await;
    office.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_of_a_dead_process_is_not_rescued_but_ended() {
    let app = start_idle().await;
    let job = enqueue(&app.app, &Write(1)).await;
    let worker = Worker::new(&app, "dead").await;
    worker.claim(1).await;
    assert!(cancel(&app.app, job).await);
    worker.die(&app).await;
    assert_eq!(app.rescue().await.again, 0);
    let node = app.another_node(|config| config.jobs.enabled = true, kinds()).await;
    app.until_cancelled(job, "the concert is off").await;
    assert_eq!(app.count("effect").await, 0);
    node.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_is_reported_after_the_cancelling_is_not_retried() {
    let app = start_idle().await;
    let job = enqueue(&app.app, &Write(1)).await;
    let worker = Worker::new(&app, "late").await;
    let claimed = worker.claim(1).await.pop().unwrap();
    cancel(&app.app, job).await;
    let text = "too late".to_owned();
    let story = Some(Story {
        outcome: AttemptOutcome::Retry,
        kind: "error",
        text,
        trace: None,
        fingerprint: None,
        log: Vec::new(),
    });
    let verdict = Verdict::Retry(app.app.clock.now());
    let flushed =
        acks::flush(&worker.link, &[Report { story, ..Report::new(job, claimed.token, verdict) }]).await;
    assert_eq!(flushed.unwrap().stale, 1);
    assert_eq!((app.count("job.lease").await, app.count("job.later").await), (1, 0));
    let young =
        steering::cancelled(&worker.link, worker.id, Duration::from_secs(7), Duration::from_secs(10), 9);
    let young = young.await.unwrap();
    assert!(young[0].own && !young[0].settled, "its owner waits until it is sure");
    worker.die(&app).await;
    let node = app.another_node(|config| config.jobs.enabled = true, kinds()).await;
    app.until_cancelled(job, "the concert is off").await;
    node.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_while_jobs_end_loses_none_and_ends_each_once() {
    let app = start(|config| config.jobs.cancel_grace.0 = Duration::from_millis(1)).await;
    let other = app.another_node(|_| {}, with_obey()).await;
    let jobs: Vec<_> = (0..400).map(Write).collect();
    let mut tx = app.app.db.begin("tests.many").await.unwrap();
    let ids = app.app.jobs.enqueue_many(&mut tx, &jobs).await.unwrap();
    tx.commit().await.unwrap();
    let cancelling = ids.chunks(100).map(async |ids| {
        let mut cancelled = 0;
        for id in ids {
            cancelled += usize::from(cancel(&other, *id).await);
        }
        cancelled
    });
    futures_util::future::join_all(cancelling).await;
    eventually("nothing is left", async || app.count("job.body").await == 0).await;
    assert_eq!(app.count("job.done WHERE state IN (0, 2)").await, 400);
    assert_eq!(app.value::<i64>("SELECT count(DISTINCT id) FROM job.done").await, 400);
    let (done, ran) = (app.count("job.done WHERE state = 0").await, app.count("effect").await);
    assert!(done <= ran && ran <= 400, "{done} of {ran}");
    app.assert_in_place().await;
    other.stop().await;
    app.finish().await;
}
