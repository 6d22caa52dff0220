//! Queues, kinds and nodes that are paused, scaled and drained while they run.

use std::time::Duration;

use sportello::jobs::{JobId, NewJob, inspect::Reason, store::workers};

use super::{
    control_explain::reasons,
    kinds::{Hang, Nothing, Write, kinds, start, start_idle},
    node::{Worker, enqueue, eventually},
};
use crate::harness::app::TestApp;

/// What an actor shows now.
async fn view(app: &TestApp, path: &str) -> serde_json::Value {
    app.app.registry.inspect(path).await.unwrap();
    app.app.registry.find(path).unwrap().view()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_workers_wakes_those_of_others() {
    // Nobody polls: only the hint can start the jobs.
    let app = start(|config| config.jobs.poll_max.0 = Duration::from_secs(3600)).await;
    let office = app.another_node(|config| config.jobs.enabled = false, kinds()).await;
    for n in 1..=20 {
        enqueue(&office, &Nothing).await;
        app.until_count("job.done", n).await;
    }
    office.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_without_workers_starts_nothing_until_it_has_some() {
    let app = start(|_| {}).await;
    app.run_jobs().await;
    app.sql("UPDATE job.queue SET workers = 0 WHERE name = 'default'").await;
    app.app.jobs.heed_orders();
    eventually("the queue has no workers", async || {
        view(&app, "root/jobs/queues/default").await["workers"] == 0
    })
    .await;
    for n in 0..50 {
        enqueue(&app.app, &Write(n)).await;
    }
    assert_eq!((app.count("job.ready").await, app.count("job.lease").await), (50, 0));
    app.sql("UPDATE job.queue SET workers = 3 WHERE name = 'default'").await;
    app.app.jobs.heed_orders();
    app.run_jobs().await;
    assert_eq!(app.count("effect").await, 50);
    for n in 0..10 {
        enqueue(&app.app, &Hang(100 + n)).await;
    }
    app.until_count("effect", 50 + 3).await;
    app.sql("UPDATE job.queue SET workers = 5 WHERE name = 'default'").await;
    app.app.jobs.heed_orders();
    app.until_count("effect", 50 + 5).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_node_finishes_what_runs_and_takes_nothing_more() {
    let app = start(|config| config.server.stop_grace.0 = Duration::ZERO).await;
    enqueue(&app.app, &Hang(1)).await;
    app.until_count("effect", 1).await;
    app.sql("UPDATE job.worker SET drain_at = now()").await;
    app.app.jobs.heed_orders();
    app.until_count("job.worker WHERE draining", 1).await;
    enqueue(&app.app, &Write(2)).await;
    assert_eq!((app.count("job.ready").await, app.count("job.lease").await), (1, 1));
    let second = app.another_node(|_| {}, kinds()).await;
    app.until_count("job.done WHERE state = 0", 1).await;
    assert_eq!(app.count("job.lease").await, 1, "what ran there still runs");
    second.stop().await;
    enqueue(&app.app, &Write(3)).await;
    app.sql("UPDATE job.worker SET drain_at = NULL").await;
    app.app.jobs.heed_orders();
    app.until_count("job.done WHERE state = 0", 2).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_paused_kind_wait_at_its_door_without_losing_an_attempt() {
    let app = start(|_| {}).await;
    app.run_jobs().await;
    app.sql("UPDATE job.kind SET paused_at = now() WHERE name = 'tests.write'").await;
    app.app.jobs.heed_orders();
    eventually("the steward knows", async || {
        view(&app, "root/jobs/steward").await["paused_kinds"][0] == "tests.write"
    })
    .await;
    // More than are let through at once.
    let jobs: Vec<_> = (0..5_000).map(|n| NewJob::of(&Write(n))).collect();
    super::node::insert(&app.app, &jobs).await;
    enqueue(&app.app, &Nothing).await;
    app.until_count("job.parked WHERE attempt = 0 AND crashes = 0 AND door = kind_key", 5_000).await;
    app.until_count("job.done", 1).await;
    assert_eq!(app.count("job.ready").await + app.count("job.lease").await, 0, "nobody touches them again");
    let first = JobId(app.value("SELECT min(id) FROM job.parked").await);
    let why = reasons(&app, first).await;
    assert!(
        matches!(&why[..], [Reason::KindPaused { .. }]),
        "its kind has no limit that could be full: {why:?}"
    );
    app.sql("UPDATE job.kind SET paused_at = NULL").await;
    app.app.jobs.heed_orders();
    app.until_count("job.done WHERE attempts = 1", 5_001).await;
    assert_eq!(app.count("effect").await, 5_000);
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_claimed_while_it_left_is_given_back_without_a_crash() {
    let app = start_idle().await;
    enqueue(&app.app, &Write(1)).await;
    let worker = Worker::new(&app, "leaving").await;
    assert_eq!(worker.claim(1).await.len(), 1);
    workers::leave(&worker.link, worker.id).await.unwrap();
    assert_eq!(app.rescue().await.again, 0, "it did not die");
    assert!(worker.claim(1).await.is_empty(), "it claims nothing any more");
    assert_eq!(workers::give_back(&worker.link, 10).await.unwrap().len(), 1);
    assert_eq!(app.count("job.ready WHERE attempt = 0 AND crashes = 0").await, 1);
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_show_how_long_the_queues_are_and_how_large_the_batches() {
    let app = start(|_| {}).await;
    app.run_jobs().await;
    app.pause_queue("maintenance").await;
    for n in 0..30 {
        enqueue(&app.app, &Write(n)).await;
        enqueue(&app.app, &Nothing).await;
    }
    app.until_count("effect", 30).await;
    let at = app.app.clock.now() + jiff::SignedDuration::from_hours(1);
    super::node::insert(&app.app, &[sportello::jobs::NewJob::of(&Write(99)).at(at)]).await;
    app.app.registry.restart("root/jobs/sampler").unwrap(); // looks at once
    let series = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse::<f64>().ok())
    };
    eventually("the sampler has looked", async || {
        let text = app.app.metrics.encode();
        series(&text, r#"sportello_jobs_ready{queue="maintenance"}"#) == Some(30.0)
            && series(&text, r#"sportello_jobs_ready{queue="default"}"#) == Some(0.0)
            && series(&text, r#"sportello_jobs_waiting{place="later"}"#) == Some(1.0)
            && series(&text, r#"sportello_jobs_oldest_seconds{queue="maintenance"}"#) > Some(0.0)
    })
    .await;
    let text = app.app.metrics.encode();
    let acknowledged = series(&text, r#"sportello_jobs_batch_sum{statement="ack"}"#);
    assert!(acknowledged >= Some(30.0), "{text}");
    assert_eq!(series(&text, "sportello_jobs_stuck"), Some(0.0));
    app.finish().await;
}
