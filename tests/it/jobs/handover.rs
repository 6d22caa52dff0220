//! Jobs that go from the transaction that makes them to idle workers, without a claim.

use std::sync::atomic::Ordering::Relaxed;

use sportello::{
    config::Config,
    jobs::{NewJob, QueueName},
};

use super::{
    kinds::{Hang, Write, start},
    node::{enqueue, insert},
};
use crate::harness::app::TestApp;

/// An application whose dispatcher has seen that nothing waits.
async fn start_settled() -> TestApp {
    start_with(|_| {}).await
}

async fn start_with(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = start(change).await;
    app.run_jobs().await;
    while handed_over(&app) == 0 {
        enqueue(&app.app, &Write(0)).await;
        app.run_jobs().await;
    }
    app.sql("DELETE FROM effect").await;
    app
}

fn handed_over(app: &TestApp) -> u64 {
    app.app.jobs.figures().engine.handed_over.load(Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_gets_a_job_with_the_commit_that_makes_it() {
    let app = start_settled().await;
    let (handed, claimed) = (handed_over(&app), app.app.jobs.figures().engine.claimed.load(Relaxed));
    enqueue(&app.app, &Write(7)).await;
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT sum(n)::bigint FROM effect").await, 7);
    assert_eq!(handed_over(&app), handed + 1);
    assert_eq!(app.app.jobs.figures().engine.claimed.load(Relaxed), claimed, "nothing was claimed");
    assert_eq!((app.count("job.lease").await, app.count("job.body").await), (0, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn places_of_a_rolled_back_transaction_are_free_again() {
    let app = start_settled().await;
    let (handed, workers) = (handed_over(&app), app.app.config.jobs.workers);
    let jobs: Vec<_> = (1..=500).map(Write).collect();
    for _ in 0..3 {
        let mut tx = app.app.db.begin("tests.rollback").await.unwrap();
        app.app.jobs.enqueue_many(&mut tx, &jobs).await.unwrap();
        let leased = tx.query_one("-- tests.leased\nSELECT count(*) FROM job.lease", &[]).await.unwrap();
        assert_eq!(leased.get::<_, i64>(0), workers as i64, "as many as there are workers");
        tx.rollback().await.unwrap();
    }
    assert_eq!((handed_over(&app), app.count("job.lease").await), (handed, 0));
    let mut tx = app.app.db.begin("tests.commit").await.unwrap();
    app.app.jobs.enqueue_many(&mut tx, &jobs).await.unwrap();
    tx.commit().await.unwrap();
    app.run_jobs().await;
    assert_eq!(handed_over(&app), handed + workers as u64, "the rest was claimed");
    assert_eq!(app.value::<i64>("SELECT sum(n)::bigint FROM effect").await, 125_250);
    assert_eq!(app.count("effect").await, 500, "each ran once");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_paused_queue_are_handed_to_nobody() {
    let app = start_settled().await;
    app.pause_queue("default").await;
    enqueue(&app.app, &Write(1)).await;
    assert_eq!((app.count("job.ready").await, app.count("job.lease").await), (1, 0));
    app.sql("UPDATE job.queue SET paused_at = NULL").await;
    app.app.jobs.wake(QueueName::Default);
    app.run_jobs().await;
    assert_eq!(app.count("effect").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_written_long_before_its_commit_is_not_taken_for_unknown() {
    let app = start_with(|config| config.server.stop_grace.0 = std::time::Duration::ZERO).await;
    let mut tx = app.app.db.begin("tests.long").await.unwrap();
    app.app.jobs.enqueue(&mut tx, &Hang(1)).await.unwrap();
    // As if the transaction had been open for a minute.
    let aged = "-- tests.aged\nUPDATE job.lease SET started_at = started_at - interval '1 minute'";
    assert_eq!(tx.execute(aged, &[]).await.unwrap(), 1);
    tx.commit().await.unwrap();
    app.until_count("effect", 1).await;
    let rescuer = app.app.registry.cells().into_iter().find(|cell| cell.path == "root/jobs/rescuer").unwrap();
    let looks = rescuer.handled();
    while rescuer.handled() < looks + 4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(app.app.jobs.figures().engine.unknown.load(Relaxed), 0);
    assert_eq!(app.count("effect").await, 1, "it runs once");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_for_later_waits_and_its_neighbour_is_handed_over() {
    let app = start_settled().await;
    let (handed, at) = (handed_over(&app), app.app.clock.now() + jiff::SignedDuration::from_hours(1));
    let ids = insert(&app.app, &[NewJob::of(&Write(1)).at(at), NewJob::of(&Write(2))]).await;
    assert!(ids.iter().all(Option::is_some));
    app.run_jobs().await;
    assert_eq!((app.count("effect").await, app.count("job.later").await), (1, 1));
    assert_eq!(handed_over(&app), handed + 1);
    app.finish().await;
}
