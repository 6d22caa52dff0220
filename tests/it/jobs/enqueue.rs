//! Enqueueing: inside the caller's transaction, once per unique key.

use jiff::SignedDuration;
use sportello::jobs::{Hold, Key, NewJob};

use super::{
    kinds::{Hang, Write, start},
    node::{enqueue, insert},
};

#[tokio::test(flavor = "multi_thread")]
async fn g2_a_rolled_back_job_is_never_seen() {
    let app = start(|_| {}).await;
    let mut tx = app.app.db.begin("tests.rollback").await.unwrap();
    app.app.jobs.enqueue(&mut tx, &Write(1)).await.unwrap();
    tx.rollback().await.unwrap();
    enqueue(&app.app, &Write(2)).await;
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT sum(n)::bigint FROM effect").await, 2);
    assert_eq!(app.count("job.body").await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_jobs_is_one_statement() {
    let app = start(|_| {}).await;
    let jobs: Vec<_> = (1..=1000).map(Write).collect();
    let mut tx = app.app.db.begin("tests.many").await.unwrap();
    assert_eq!(app.app.jobs.enqueue_many(&mut tx, &jobs).await.unwrap().len(), 1000);
    tx.commit().await.unwrap();
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT sum(n)::bigint FROM effect").await, 500_500);
    let statements = app.app.db.observer().statements();
    // With or without idle workers to lease some of them to.
    let inserts = statements.iter().filter(|(label, _)| label.starts_with("jobs.insert"));
    let count =
        |stats: &sportello::db::StatementStats| stats.count.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(inserts.map(|(_, stats)| count(stats)).sum::<u64>(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_job_waits_for_its_time() {
    let app = start(|_| {}).await;
    let at = app.app.clock.now() + SignedDuration::from_hours(1);
    insert(&app.app, &[NewJob::of(&Write(1)).at(at)]).await;
    app.run_jobs().await;
    assert_eq!((app.count("effect").await, app.count("job.later").await), (0, 1));
    app.app.clock.advance(SignedDuration::from_hours(1));
    app.run_jobs().await;
    assert_eq!((app.count("effect").await, app.count("job.later").await), (1, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_live_job_has_a_unique_key_until_it_ends() {
    let app = start(|_| {}).await;
    let unique = |n| NewJob::of(&Write(n)).unique("only", Hold::End);
    app.pause_queue("default").await;
    let first = insert(&app.app, &[unique(1), NewJob::of(&Write(10)), unique(2)]).await;
    assert_eq!(
        first.iter().map(Option::is_some).collect::<Vec<_>>(),
        [true, true, false],
        "the first of equals wins"
    );
    assert_eq!(insert(&app.app, &[unique(3)]).await, [None]);
    app.sql("UPDATE job.queue SET paused_at = NULL").await;
    app.app.jobs.wake(sportello::jobs::QueueName::Default);
    app.run_jobs().await;
    assert!(insert(&app.app, &[unique(4)]).await[0].is_some(), "the key was released at the end");
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT sum(n)::bigint FROM effect").await, 15);
    assert_eq!(app.count("job.uniq").await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_held_until_the_start_lets_the_next_one_wait() {
    let app = start(|config| config.server.stop_grace.0 = std::time::Duration::ZERO).await;
    let unique = |n| NewJob::of(&Hang(n)).unique("only", Hold::Start);
    assert!(insert(&app.app, &[unique(1)]).await[0].is_some());
    app.until_count("effect", 1).await;
    assert!(insert(&app.app, &[unique(2)]).await[0].is_some(), "it runs already");
    app.until_count("effect", 2).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_held_until_a_time_outlives_its_job() {
    let app = start(|_| {}).await;
    let until = app.app.clock.now() + SignedDuration::from_hours(1);
    let unique = |n| NewJob::of(&Write(n)).unique("only", Hold::Until(until));
    assert!(insert(&app.app, &[unique(1)]).await[0].is_some());
    app.run_jobs().await;
    assert_eq!(insert(&app.app, &[unique(2)]).await, [None]);
    app.app.clock.advance(SignedDuration::from_hours(2));
    assert!(insert(&app.app, &[NewJob::of(&Write(3)).unique("only", Hold::End)]).await[0].is_some());
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT sum(n)::bigint FROM effect").await, 4);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equal_key_in_an_open_transaction_is_waited_for() {
    let app = start(|_| {}).await;
    let unique = |n| NewJob::of(&Write(n)).unique("only", Hold::End);
    let mut first = app.app.db.begin("tests.first").await.unwrap();
    assert!(app.app.jobs.insert(&mut first, &[unique(1)]).await.unwrap()[0].is_some());
    let second = async { insert(&app.app, &[unique(2)]).await };
    let rollback = async {
        // Until the second one waits for the first one's lock.
        const WAITS: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock')";
        while !app.value::<bool>(WAITS).await {}
        first.rollback().await.unwrap();
    };
    let (second, ()) = tokio::join!(second, rollback);
    assert!(second[0].is_some(), "the first was rolled back, so the second goes in");
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT sum(n)::bigint FROM effect").await, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g9_an_open_transaction_that_enqueued_keeps_no_other_one_waiting() {
    let app = start(|_| {}).await;
    let hour = app.app.clock.now() + SignedDuration::from_hours(1);
    let jobs = |n: i64| {
        [
            NewJob::of(&Write(n)),
            NewJob::of(&Write(n + 1)).key(Key::at_most("shared", 1)),
            NewJob::of(&Write(n + 2)).unique(format!("own-{n}"), Hold::End),
            NewJob::of(&Write(n + 3)).at(hour),
        ]
    };
    let mut first = app.app.db.begin("tests.first").await.unwrap();
    assert!(app.app.jobs.insert(&mut first, &jobs(10)).await.unwrap().iter().all(Option::is_some));
    // If it had to wait it would wait until its time is up: the first one ends after it.
    assert!(insert(&app.app, &jobs(20)).await.iter().all(Option::is_some));
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT sum(n)::bigint FROM effect").await, 20 + 21 + 22);
    first.commit().await.unwrap();
    app.run_jobs().await;
    assert_eq!(app.count("effect").await, 6);
    app.finish().await;
}
