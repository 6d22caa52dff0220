//! G8: limits of keys, kinds and queues hold in the whole fleet, and are never exceeded.

use std::{
    sync::atomic::{AtomicI64, Ordering::SeqCst},
    time::Duration,
};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sportello::jobs::{Job, JobContext, Key, NewJob, Outcome, QueueName, registry::Registry};

use super::{
    kinds::{Flaky, Hang, Nothing, Write, kinds, start},
    node::{eventually, insert},
};
use crate::harness::app::TestApp;

/// Running now, and the most at once. Tests run in processes of their own.
static RUNNING: AtomicI64 = AtomicI64::new(0);
static MOST: AtomicI64 = AtomicI64::new(0);
static RAN: AtomicI64 = AtomicI64::new(0);

/// Counts how many of it run at once.
#[derive(Serialize, Deserialize)]
struct Crowd;

impl Job for Crowd {
    const KIND: &'static str = "tests.crowd";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        be_one_of_many(ctx).await
    }
}

/// The same, of a kind with a limit.
#[derive(Serialize, Deserialize)]
struct Three;

impl Job for Three {
    const KIND: &'static str = "tests.three";
    const MAX_RUNNING: Option<u16> = Some(3);

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        be_one_of_many(ctx).await
    }
}

async fn be_one_of_many(ctx: &JobContext) -> anyhow::Result<Outcome> {
    MOST.fetch_max(RUNNING.fetch_add(1, SeqCst) + 1, SeqCst);
    // Long enough for others to come in, were they let.
    for _ in 0..3 {
        ctx.db.read("-- tests.limits.linger\nSELECT 1", Vec::new()).await?;
    }
    RUNNING.fetch_sub(1, SeqCst);
    RAN.fetch_add(1, SeqCst);
    Ok(Outcome::Done)
}

fn crowds() -> Registry {
    kinds().with::<Crowd>().with::<Three>()
}

async fn two_nodes() -> (TestApp, sportello::app::App) {
    let app = TestApp::start_full(|_| {}, crowds()).await;
    let other = app.another_node(|_| {}, crowds()).await;
    app.run_jobs().await; // from now on the queues are there
    (app, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn g8_a_keys_limit_is_never_exceeded_by_two_nodes() {
    let (app, other) = two_nodes().await;
    for _ in 0..10 {
        let jobs: Vec<_> = (0..20).map(|_| NewJob::of(&Crowd).key(Key::at_most("door", 2))).collect();
        insert(&app.app, &jobs[..10]).await;
        insert(&other, &jobs[10..]).await;
    }
    app.run_jobs().await;
    assert_eq!((RAN.load(SeqCst), app.count("job.done WHERE state = 0").await), (200, 200));
    assert_eq!(MOST.load(SeqCst), 2, "both places were used, and no third");
    app.assert_in_place().await;
    other.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g8_a_kinds_limit_holds_together_with_keys_of_its_jobs() {
    let (app, other) = two_nodes().await;
    let jobs: Vec<_> = (0..100)
        .map(|n| match n % 4 {
            0 => NewJob::of(&Three),
            key => NewJob::of(&Three).key(Key::at_most(format!("key {key}"), 1)),
        })
        .collect();
    insert(&app.app, &jobs[..50]).await;
    insert(&other, &jobs[50..]).await;
    app.run_jobs().await;
    assert_eq!(RAN.load(SeqCst), 100);
    assert_eq!(MOST.load(SeqCst), 3);
    app.assert_in_place().await;
    other.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g8_a_queues_limit_is_never_exceeded_by_two_nodes() {
    let (app, other) = two_nodes().await;
    app.sql("UPDATE job.queue SET max_running = 4 WHERE name = 'default'").await;
    let jobs: Vec<_> = (0..200).map(|_| NewJob::of(&Crowd)).collect();
    insert(&app.app, &jobs[..100]).await;
    insert(&other, &jobs[100..]).await;
    app.run_jobs().await;
    assert_eq!(RAN.load(SeqCst), 200);
    assert_eq!(MOST.load(SeqCst), 4);
    other.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queues_rate_is_shared_by_all_nodes() {
    let (app, other) = two_nodes().await;
    // A token each minute: what runs now came from the burst.
    app.sql("UPDATE job.queue SET rate_per_s = 0.0166, rate_burst = 7 WHERE name = 'default'").await;
    let jobs: Vec<_> = (0..30).map(|_| NewJob::of(&Crowd)).collect();
    insert(&app.app, &jobs[..15]).await;
    insert(&other, &jobs[15..]).await;
    app.until_count("job.done", 7).await;
    app.until("SELECT tokens < 1 FROM job.bucket").await;
    assert_eq!((app.count("job.ready").await, app.count("job.lease").await), (23, 0));
    // A minute later by the database's clock.
    app.sql("UPDATE job.bucket SET at = at - interval '61 s'").await;
    app.app.jobs.wake(QueueName::Default);
    app.until_count("job.done", 8).await;
    app.sql("UPDATE job.queue SET rate_per_s = NULL, rate_burst = NULL").await;
    app.run_jobs().await;
    assert_eq!(RAN.load(SeqCst), 30);
    other.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_order_waits_for_a_retry_and_any_other_does_not() {
    let app = start(|_| {}).await;
    let flaky = || NewJob::of(&Flaky { succeeds_at: 2 });
    insert(
        &app.app,
        &[flaky().key(Key::in_order("case 7")), NewJob::of(&Write(1)).key(Key::in_order("case 7"))],
    )
    .await;
    insert(
        &app.app,
        &[flaky().key(Key::at_most("case 8", 1)), NewJob::of(&Write(2)).key(Key::at_most("case 8", 1))],
    )
    .await;
    app.until_count("job.later WHERE why = 1", 2).await;
    app.until_count("effect", 1).await;
    assert_eq!(app.value::<i64>("SELECT n FROM effect").await, 2);
    assert_eq!(app.count("job.parked").await, 1, "the one behind the retry");
    app.app.clock.advance(SignedDuration::from_mins(1));
    app.app.jobs.run_until_idle(&app.app.db, Duration::from_secs(60)).await.unwrap();
    assert_eq!(app.value::<i64>("SELECT sum(n)::bigint FROM effect").await, 3);
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_key_run_in_the_order_of_their_enqueueing() {
    let app = start(|_| {}).await;
    for n in 0..50 {
        insert(&app.app, &[NewJob::of(&Write(n)).key(Key::in_order("one file"))]).await;
    }
    app.run_jobs().await;
    let in_order = "SELECT array_agg(n ORDER BY ctid) = array_agg(n ORDER BY n) FROM effect";
    assert!(app.value::<bool>(in_order).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_process_frees_the_places_of_its_keys() {
    let app = super::kinds::start_idle().await;
    let job = |n| NewJob::of(&Hang(n)).key(Key::at_most("one", 1));
    insert(&app.app, &[job(1), job(2)]).await;
    let worker = super::node::Worker::new(&app, "dead").await;
    app.open_doors().await;
    assert_eq!(worker.claim(10).await.len(), 1, "the other is parked");
    worker.die(&app).await;
    let rescued = app.rescue().await;
    assert_eq!((rescued.again, rescued.doors.len()), (1, 1));
    app.open_doors().await;
    let worker = super::node::Worker::new(&app, "alive").await;
    assert_eq!(worker.claim(10).await.len(), 1, "the second: the first waits for its time");
    app.promote().await;
    app.open_doors().await;
    assert_eq!(worker.claim(10).await.len(), 0, "the key is held again");
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_enqueued_before_their_kind_had_a_limit_get_in_line() {
    /// As it was in an older binary.
    #[derive(Serialize, Deserialize)]
    struct Unlimited;
    impl Job for Unlimited {
        const KIND: &'static str = "tests.three";
        async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
            be_one_of_many(ctx).await
        }
    }
    let old =
        TestApp::start_full(|config| config.jobs.enabled = false, Registry::default().with::<Unlimited>())
            .await;
    insert(&old.app, &(0..40).map(|_| NewJob::of(&Unlimited)).collect::<Vec<_>>()).await;
    let new = old.another_node(|config| config.jobs.enabled = true, crowds()).await;
    old.until_count("job.done", 40).await;
    assert_eq!((RAN.load(SeqCst), MOST.load(SeqCst)), (40, 3));
    new.stop().await;
    old.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fair_queue_serves_a_small_tenant_before_the_rest_of_a_big_one() {
    let app = start(|config| config.jobs.workers = 1).await;
    app.run_jobs().await; // from now on the queues are there
    app.sql("UPDATE job.queue SET fair = true, paused_at = now() WHERE name = 'default'").await;
    app.until_followed().await;
    let big: Vec<_> = (0..100).map(|n| NewJob::of(&Write(n)).tenant("big", 1.0)).collect();
    insert(&app.app, &big).await;
    insert(
        &app.app,
        &[NewJob::of(&Write(1000)).tenant("small", 1.0), NewJob::of(&Write(1001)).tenant("small", 1.0)],
    )
    .await;
    app.sql("UPDATE job.queue SET paused_at = NULL").await;
    app.app.jobs.wake(QueueName::Default);
    app.run_jobs().await;
    let place = "SELECT count(*) FROM effect WHERE ctid < (SELECT ctid FROM effect WHERE n = 1001)";
    assert!(app.value::<i64>(place).await < 10, "the small one does not wait for the hundred");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_no_alarm_and_an_empty_bucket_neither() {
    let app = start(|config| {
        config.server.stop_grace.0 = Duration::ZERO;
        config.jobs.cancel_grace.0 = Duration::from_millis(20);
    })
    .await;
    app.sql("UPDATE job.queue SET max_running = 1 WHERE name = 'default'").await;
    app.sql("UPDATE job.queue SET rate_per_s = 0.00001, rate_burst = 1 WHERE name = 'maintenance'").await;
    app.app.jobs.heed_orders();
    insert(&app.app, &[NewJob::of(&Hang(1)), NewJob::of(&Write(2))]).await;
    insert(&app.app, &[NewJob::of(&Nothing), NewJob::of(&Nothing)]).await;
    app.until_count("effect", 1).await;
    app.until_count("job.done", 1).await;
    let watchdog = app.app.registry.find("root/jobs/watchdog").unwrap();
    let looked = || watchdog.by_kind().find(|(kind, _)| *kind == "Seen").map_or(0, |(_, count)| count);
    // Three seconds of looks: longer than its patience.
    let before = looked();
    eventually("the watchdog has looked long enough", async || looked() >= before + 6).await;
    assert_eq!(app.app.jobs.figures().engine.alarms.load(SeqCst), 0);
    assert_eq!(app.count("job.ready").await, 2, "there was something to be alarmed about");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_that_is_raised_lets_the_next_jobs_start_at_once() {
    // Only the change itself can start them: the next token would come in a day, and nobody polls.
    let app = start(|config| config.jobs.poll_max.0 = std::time::Duration::from_secs(3600)).await;
    app.sql("UPDATE job.queue SET rate_per_s = 0.00001, rate_burst = 1 WHERE name = 'default'").await;
    app.app.jobs.heed_orders();
    insert(&app.app, &(0..4).map(|n| NewJob::of(&Write(n))).collect::<Vec<_>>()).await;
    app.until_count("job.done", 1).await;
    app.sql(
        "UPDATE job.queue SET rate_per_s = 1000, rate_burst = 10, revision = revision + 1 WHERE name = 'default'",
    )
    .await;
    app.app.jobs.heed_orders();
    app.until_count("job.done", 4).await;
    assert_eq!(app.app.jobs.figures().engine.alarms.load(SeqCst), 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_were_claimed_ahead_of_slow_ones_go_back_to_where_others_find_them() {
    let app = start(|config| config.jobs.workers = 2).await;
    // A fast queue claims ahead…
    app.pause_queue("default").await;
    let mut jobs: Vec<_> = (0..2_000).map(|n| NewJob::of(&Write(n))).collect();
    jobs.extend((2_000..2_020).map(|n| NewJob::of(&Hang(n))));
    insert(&app.app, &jobs).await;
    app.sql("UPDATE job.queue SET paused_at = NULL").await;
    app.app.jobs.heed_orders();
    // …of jobs that keep both workers.
    app.until_count("effect", 2_002).await;
    app.until("SELECT (SELECT count(*) FROM job.lease) = 2 AND (SELECT count(*) FROM job.ready) = 18").await;
    assert_eq!(app.count("job.ready WHERE attempt <> 0 OR crashes <> 0").await, 0, "it costs no attempt");
    app.finish().await;
}
