//! Failures: again after a pause, with a history; and the other ways an attempt may end.

use jiff::SignedDuration;
use sportello::jobs::{NotIdle, documents::RemoveObjects};

use super::{
    kinds::{Finish, Flaky, Nothing, Say, kinds, start},
    node::{enqueue, eventually},
};
use crate::harness::{app::TestApp, client::PATIENCE};

async fn failures(app: &TestApp) -> usize {
    match app.app.jobs.run_until_idle(&app.app.db, PATIENCE).await {
        Ok(()) => 0,
        Err(NotIdle::Failed(failures)) => failures.len(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_attempt_is_repeated_after_a_growing_pause_and_told() {
    let app = start(|_| {}).await;
    let job = enqueue(&app.app, &Flaky { succeeds_at: 3 }).await;
    assert_eq!(failures(&app).await, 1);
    assert_eq!(failures(&app).await, 0, "it waits");
    app.app.clock.advance(SignedDuration::from_millis(2_400));
    assert_eq!(failures(&app).await, 1);
    app.app.clock.advance(SignedDuration::from_millis(2_400));
    assert_eq!(failures(&app).await, 0, "the second pause is longer");
    assert_eq!(app.count("job.later").await, 1);
    app.app.clock.advance(SignedDuration::from_millis(2_400));
    app.run_jobs().await;
    let told = "SELECT string_agg(attempt || ' ' || error_kind || ': ' || error, '; ' ORDER BY attempt) FROM job.attempt";
    let one = "error: could not ring the bell: the cable is unplugged";
    assert_eq!(app.value::<String>(told).await, format!("1 {one}; 2 {one}"));
    let done = format!("job.done WHERE id = {job} AND state = 0 AND attempts = 3 AND crashes = 0");
    assert_eq!(app.count(&done).await, 1);
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_attempts_left_is_discarded() {
    let app = start(|_| {}).await;
    enqueue(&app.app, &Flaky { succeeds_at: 99 }).await;
    for _ in 0..3 {
        assert_eq!(failures(&app).await, 1);
        app.app.clock.advance(SignedDuration::from_hours(2));
    }
    app.run_jobs().await;
    assert_eq!(app.count("job.done WHERE state = 1 AND attempts = 3").await, 1);
    assert_eq!((app.count("job.attempt").await, app.count("job.body").await), (3, 0));
    let outcomes = "SELECT string_agg(outcome::text, ' ' ORDER BY attempt) FROM job.attempt";
    assert_eq!(app.value::<String>(outcomes).await, "1 1 3", "the last one is not tried again");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_values_and_panics_and_timeouts_are_failures() {
    let app = start(|_| {}).await;
    for (job, state, kind) in [
        (Say::Cancel, 2, "reason"),
        (Say::Discard, 1, "reason"),
        (Say::Panic, 1, "panic"),
        (Say::Slow, 1, "timeout"),
    ] {
        let id = enqueue(&app.app, &job).await;
        failures(&app).await;
        assert_eq!(app.count(&format!("job.done WHERE id = {id} AND state = {state}")).await, 1, "{kind}");
        assert_eq!(app.count(&format!("job.attempt WHERE job_id = {id} AND error_kind = '{kind}'")).await, 1);
    }
    assert_eq!(
        app.count("job.done WHERE state = 1 AND fingerprint IS NULL").await,
        0,
        "failures are grouped"
    );
    enqueue(&app.app, &Say::Snooze).await;
    app.run_jobs().await;
    assert_eq!(app.count("job.later WHERE attempt = 0 AND why = 2").await, 1, "a snooze costs no attempt");
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g11_a_job_that_finishes_itself_is_acknowledged_with_its_writes() {
    let app = start(|_| {}).await;
    let job = enqueue(&app.app, &Finish(7)).await;
    app.run_jobs().await;
    assert_eq!(app.count("effect WHERE n = 7").await, 1);
    assert_eq!(app.count(&format!("job.done WHERE id = {job} AND state = 0")).await, 1);
    assert_eq!((app.count("job.body").await, app.count("job.lease").await), (0, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_arguments_are_set_aside_and_unknown_kinds_wait() {
    let app = start(|_| {}).await;
    app.pause_queue("default").await;
    let (unreadable, unknown) =
        (enqueue(&app.app, &Say::Cancel).await, enqueue(&app.app, &Flaky { succeeds_at: 1 }).await);
    app.sql(&format!("UPDATE job.body SET args = '\"Sing\"' WHERE id = {unreadable}")).await;
    app.sql(&format!(
        "INSERT INTO job.kind (name) VALUES ('tests.of_tomorrow');
         UPDATE job.body SET kind_id = (SELECT id FROM job.kind WHERE name = 'tests.of_tomorrow') WHERE id = {unknown};
         UPDATE job.queue SET paused_at = NULL"
    ))
    .await;
    app.app.jobs.wake(sportello::jobs::QueueName::Default);
    assert_eq!(failures(&app).await, 1);
    assert_eq!(app.count(&format!("job.done WHERE id = {unreadable} AND state = 3")).await, 1);
    assert_eq!(app.count(&format!("job.later WHERE id = {unknown} AND attempt = 0")).await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_hint_polling_finds_the_job() {
    let app = start(|config| config.jobs.poll_max.0 = std::time::Duration::from_millis(50)).await;
    enqueue(&app.app, &Nothing).await;
    app.run_jobs().await;
    // Behind the engine's back: nobody rings.
    app.sql(
        "INSERT INTO job.body (id, queue_id, kind_id, args)
         SELECT 1, q.id, k.id, 'null' FROM job.queue q, job.kind k
         WHERE q.name = 'maintenance' AND k.name = 'tests.nothing';
         INSERT INTO job.ready (queue_id, lane, rank, id) SELECT queue_id, 100, 1, 1 FROM job.body",
    )
    .await;
    eventually("the job is done", async || app.count("job.done WHERE id = 1").await == 1).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_restarts_a_dispatcher_that_claims_nothing() {
    let app = start(|config| config.jobs.poll_max.0 = std::time::Duration::from_secs(600)).await;
    enqueue(&app.app, &Nothing).await;
    app.run_jobs().await;
    let path = "root/jobs/queues/maintenance";
    let cell = app.app.registry.find(path).unwrap();
    // Its last poll finds nothing and the next comes in minutes; a lost hint would stay lost.
    app.sql(
        "INSERT INTO job.body (id, queue_id, kind_id, args)
         SELECT 1, q.id, k.id, 'null' FROM job.queue q, job.kind k
         WHERE q.name = 'maintenance' AND k.name = 'tests.nothing'",
    )
    .await;
    eventually("the start and its hints are over", async || {
        app.app.registry.inspect("root/jobs/beat").await.unwrap();
        app.app.registry.find("root/jobs/beat").unwrap().view()["beat_age_ms"].is_u64()
    })
    .await;
    eventually("the dispatcher sleeps for long", async || {
        app.app.registry.inspect(path).await.unwrap();
        let view = cell.view();
        (view["poll_ms"].as_u64() > Some(20_000) && view["claims_flying"] == 0) || {
            app.app.jobs.wake(sportello::jobs::QueueName::Maintenance);
            false
        }
    })
    .await;
    app.sql("INSERT INTO job.ready (queue_id, lane, rank, id) SELECT queue_id, 100, 1, 1 FROM job.body")
        .await;
    eventually("the job is done", async || app.count("job.done WHERE id = 1").await == 1).await;
    assert_eq!(cell.restarts(), 1);
    app.until_count("journal WHERE action = 'jobs.alarm' AND result = 'restarted'", 1).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_storage_will_never_take_for_a_key_is_discarded_at_once() {
    let app = TestApp::start_full(|_| {}, kinds().with::<RemoveObjects>()).await;
    let objects = vec!["../../etc/passwd".to_owned()];
    let id = enqueue(&app.app, &RemoveObjects { objects, parts_of: None }).await;
    failures(&app).await;
    let done =
        format!("job.done WHERE id = {id} AND state = 1 AND attempts = 1 AND reason LIKE '%not a key%'");
    assert_eq!(app.count(&done).await, 1);
    app.finish().await;
}
