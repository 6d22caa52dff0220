//! What administrators do to jobs.

use jiff::SignedDuration;
use serde_json::json;
use sportello::jobs::{
    Ending, Hold, Keep, NewJob, Report, Verdict,
    inspect::{self, Bulk, Count, Filter, Order, OrderError, OrderResult, Patience, State, Who},
    store::{Claimed, acks},
};

use super::{
    answers::Measured,
    kinds::{Write, kinds, start, start_idle},
    node::{Worker, insert},
};
use crate::harness::app::TestApp;

fn who() -> Who {
    Who { user: None, details: json!({"os_user": "root"}), reason: "to see".to_owned() }
}

async fn order(app: &TestApp, order: Order, id: i64) -> Result<OrderResult, OrderError> {
    let mut tx = app.app.db.begin("tests.order").await.unwrap();
    let result = inspect::order(&mut tx, &app.app.jobs, &who(), order, id).await;
    tx.commit().await.unwrap();
    result
}

async fn bulk(app: &TestApp, order: Order, filter: &Filter, before: Option<i64>, limit: i64) -> Bulk {
    let mut tx = app.app.db.begin("tests.bulk").await.unwrap();
    let bulk = inspect::bulk(&mut tx, &app.app.jobs, &who(), order, filter, before, limit).await.unwrap();
    tx.commit().await.unwrap();
    bulk
}

async fn count(app: &TestApp, order: Order, filter: &Filter) -> Count {
    let mut tx = app.app.db.begin("tests.count").await.unwrap();
    let count = inspect::count(&mut tx, order, filter, None).await.unwrap();
    tx.rollback().await.unwrap();
    count
}

#[track_caller]
fn refused(result: &OrderResult) -> &'static str {
    match result {
        OrderResult::Refused { code, .. } => code,
        done => panic!("{done:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_job_is_cancelled_at_once_wherever_it_waits_and_its_key_is_free() {
    let app = start_idle().await;
    let hour = app.app.clock.now() + SignedDuration::from_hours(1);
    let unique = |n: i64| NewJob::of(&Write(n)).unique(n.to_string(), Hold::End);
    let new = [unique(1), unique(2).at(hour), unique(3), unique(4)];
    let ids: Vec<i64> = insert(&app.app, &new).await.into_iter().map(|id| id.unwrap().0).collect();
    app.sql(&format!(
        "WITH gone AS (DELETE FROM job.ready WHERE id = {} RETURNING *)
         INSERT INTO job.parked (door, lane, rank, id, queue_id, key_hash) SELECT 5, lane, rank, id, queue_id, 5 FROM gone",
        ids[2]
    ))
    .await;
    app.sql(&format!(
        "WITH gone AS (DELETE FROM job.ready WHERE id = {} RETURNING *)
         INSERT INTO job.gate (id, waits, run_at, queue_id, lane, rank) SELECT id, 1, now(), queue_id, lane, rank FROM gone",
        ids[3]
    ))
    .await;
    for id in &ids {
        assert_eq!(order(&app, Order::Cancel, *id).await.unwrap(), OrderResult::Cancelled);
        assert_eq!(refused(&order(&app, Order::Cancel, *id).await.unwrap()), "ended");
    }
    app.assert_in_place().await;
    assert_eq!((app.count("job.body").await, app.count("job.uniq").await), (0, 0));
    assert_eq!(app.count("job.done WHERE state = 2 AND reason = 'to see'").await, 4);
    assert_eq!(app.count("job.attempt WHERE outcome = 4 AND error = 'to see'").await, 4);
    assert_eq!(app.count("journal WHERE action = 'job.cancel' AND details ->> 'os_user' = 'root'").await, 4);
    assert!(insert(&app.app, &[unique(1)]).await[0].is_some(), "an equal one may come");
    assert!(matches!(order(&app, Order::Cancel, 12345).await, Err(OrderError::Unknown)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_is_asked_to_end_and_cannot_be_put_off_or_hastened() {
    let app = start_idle().await;
    insert(&app.app, &[NewJob::of(&Write(1))]).await;
    let worker = Worker::new(&app, "one").await;
    let id = worker.claim(1).await[0].job.0;
    assert_eq!(order(&app, Order::Cancel, id).await.unwrap(), OrderResult::Cancelling);
    assert_eq!(app.count("job.lease WHERE cancel_at IS NOT NULL").await, 1);
    let later = app.app.clock.now() + SignedDuration::from_hours(1);
    assert_eq!(refused(&order(&app, Order::Snooze(later), id).await.unwrap()), "running");
    assert_eq!(refused(&order(&app, Order::Retry, id).await.unwrap()), "running");
    assert_eq!(order(&app, Order::Priority(7), id).await.unwrap(), OrderResult::Prioritised);
    assert_eq!(app.count("job.lease WHERE lane = 7").await, 1, "for when it comes back");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_put_off_and_hastened_and_runs() {
    let app = start(|_| {}).await;
    app.pause_queue("default").await;
    let id = insert(&app.app, &[NewJob::of(&Write(1))]).await[0].unwrap().0;
    let later = app.app.clock.now() + SignedDuration::from_hours(5);
    assert_eq!(refused(&order(&app, Order::Retry, id).await.unwrap()), "ready");
    assert_eq!(order(&app, Order::Snooze(later), id).await.unwrap(), OrderResult::Snoozed);
    assert_eq!((app.count("job.ready").await, app.count("job.later WHERE why = 2").await), (0, 1));
    app.assert_in_place().await;
    assert_eq!(order(&app, Order::Retry, id).await.unwrap(), OrderResult::Hastened);
    app.sql("UPDATE job.queue SET paused_at = NULL").await;
    app.until_count("effect", 1).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn priorities_are_places_in_strict_queues_and_time_in_those_with_ageing() {
    let app = start_idle().await;
    let new = [NewJob::of(&Write(1)), NewJob::of(&Write(2))];
    let ids = insert(&app.app, &new).await;
    let (one, other) = (ids[0].unwrap().0, ids[1].unwrap().0);
    assert_eq!(order(&app, Order::Priority(5), other).await.unwrap(), OrderResult::Prioritised);
    let worker = Worker::new(&app, "one").await;
    assert_eq!(worker.claim(1).await[0].job.0, other);
    app.sql("UPDATE job.queue SET aging_ms = 1000").await;
    let before: i64 = app.value("SELECT rank FROM job.ready").await;
    assert_eq!(order(&app, Order::Priority(90), one).await.unwrap(), OrderResult::Prioritised);
    let after: i64 = app.value("SELECT rank FROM job.ready").await;
    assert_eq!((after - before, app.count("job.ready WHERE lane = 100").await), (-10_000_000, 1));
    assert_eq!(app.count("job.body WHERE priority = 90").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_job_is_run_once_more_if_its_arguments_were_kept() {
    let app = start(|_| {}).await;
    app.sql(
        "INSERT INTO job.queue (name) VALUES ('default') ON CONFLICT DO NOTHING;
         INSERT INTO job.kind (name) VALUES ('tests.write'), ('tests.gone') ON CONFLICT DO NOTHING;
         INSERT INTO job.done (id, queue_id, kind_id, state, attempts, crashes, enqueued_at, body, tags)
         SELECT n, q.id, k.id, s, 1, 0, now(), b::jsonb, ARRAY['again']
         FROM (VALUES (1, 1, '42', 'tests.write'), (2, 1, NULL, 'tests.write'), (3, 0, '43', 'tests.write'),
                (4, 3, '44', 'tests.gone')) AS v (n, s, b, kind),
            job.queue AS q, job.kind AS k WHERE q.name = 'default' AND k.name = v.kind",
    )
    .await;
    let OrderResult::Rerun { job } = order(&app, Order::Retry, 1).await.unwrap() else { panic!("not run") };
    app.until_count(&format!("job.done WHERE id = {job} AND tags = ARRAY['again']"), 1).await;
    assert_eq!(app.count("effect WHERE n = 42").await, 1);
    assert_eq!(refused(&order(&app, Order::Retry, 1).await.unwrap()), "rerun_already");
    assert_eq!(refused(&order(&app, Order::Retry, 2).await.unwrap()), "arguments_not_kept");
    assert_eq!(refused(&order(&app, Order::Retry, 3).await.unwrap()), "ended");
    assert_eq!(refused(&order(&app, Order::Retry, 4).await.unwrap()), "kind_unknown");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_retry_a_dead_job_at_once_one_is_told_of_the_other() {
    let app = start_idle().await;
    let id = insert(&app.app, &[NewJob::of(&Write(1))]).await[0].unwrap().0;
    order(&app, Order::Cancel, id).await.unwrap();
    app.sql("UPDATE job.done SET state = 1, body = '1'").await;
    let mut first = app.app.db.begin("tests.first").await.unwrap();
    let one = inspect::order(&mut first, &app.app.jobs, &who(), Order::Retry, id).await.unwrap();
    assert!(matches!(one, OrderResult::Rerun { .. }), "{one:?}");
    let waits = "pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let (other, ()) = tokio::join!(order(&app, Order::Retry, id), async {
        app.until_count(waits, 1).await;
        first.commit().await.unwrap();
    });
    assert_eq!(refused(&other.unwrap()), "rerun_already");
    assert_eq!(app.count("job.body").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_job_whose_arguments_have_an_older_shape_is_run_once_more_in_the_newest() {
    let app = TestApp::start_full(|_| {}, kinds().with::<Measured>()).await;
    app.sql("CREATE TABLE effect (n bigint NOT NULL, attempt smallint NOT NULL)").await;
    app.pause_queue("default").await;
    let of = |version: i16, args: &str| {
        let mut new = NewJob::of(&Measured { value: 0, unit: "m".to_owned() });
        (new.version, new.args, new.keep) = (version, args.to_owned(), Keep::Full);
        new
    };
    let newest = r#"{"value": 30, "unit": "m"}"#;
    let new = [of(1, "10"), of(2, r#"{"value": 20}"#), of(3, newest), of(3, newest), of(1, "40")];
    let ids: Vec<i64> = insert(&app.app, &new).await.into_iter().map(|id| id.unwrap().0).collect();
    for id in &ids {
        assert_eq!(order(&app, Order::Cancel, *id).await.unwrap(), OrderResult::Cancelled);
    }
    let versions = "SELECT array_agg(args_version ORDER BY id) FROM job.done";
    assert_eq!(app.value::<Vec<i16>>(versions).await, [1, 2, 3, 3, 1]);
    app.sql(&format!("UPDATE job.done SET args_version = NULL WHERE id = {}", ids[3])).await;
    app.sql(&format!("UPDATE job.done SET args_version = 4 WHERE id = {}", ids[4])).await;
    for id in &ids[..4] {
        let rerun = order(&app, Order::Retry, *id).await.unwrap();
        assert!(matches!(rerun, OrderResult::Rerun { .. }), "{rerun:?}");
    }
    let OrderResult::Refused { code, detail } = order(&app, Order::Retry, ids[4]).await.unwrap() else {
        panic!("arguments of a newer server were run")
    };
    assert_eq!(code, "arguments_unreadable");
    assert!(detail.contains("version 4, newer than this server's 3"), "{detail}");
    assert_eq!(app.count("job.body WHERE args_version = 3").await, 4);
    app.sql("UPDATE job.queue SET paused_at = NULL").await;
    app.app.jobs.heed_orders();
    app.until_count("effect", 4).await;
    let effects = "SELECT string_agg(n::text, ' ' ORDER BY n) FROM effect";
    assert_eq!(app.value::<String>(effects).await, "11 21 30 30");
    // The same of one that ended by itself, through the worker.
    insert(&app.app, &[of(1, "50")]).await;
    app.until_count("effect WHERE n = 51", 1).await;
    app.until_count("job.done WHERE state = 0 AND args_version = 1 AND body = '50'", 1).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_orders_go_by_the_filter_so_many_at_once_and_write_one_entry() {
    let app = start_idle().await;
    let new: Vec<_> =
        (0..25).map(|n| NewJob::of(&Write(n)).tag(if n < 20 { "old" } else { "new" })).collect();
    insert(&app.app, &new).await;
    let filter = Filter { tag: Some("old".to_owned()), state: Some(State::Ready), ..Filter::default() };
    assert_eq!(count(&app, Order::Cancel, &filter).await, Count { count: 20, exact: true });
    assert_eq!((app.count("job.body").await, app.count("journal").await), (25, 0), "nothing was done");
    let first = bulk(&app, Order::Cancel, &filter, None, 8).await;
    assert_eq!((first.done, first.remaining), (8, Count { count: 12, exact: true }));
    let rest = bulk(&app, Order::Cancel, &filter, first.next, 1000).await;
    assert_eq!((rest.done, rest.remaining.count, rest.next), (12, 0, None));
    assert_eq!(app.count("job.body").await, 5);
    let entries =
        "journal WHERE action = 'job.cancel' AND details -> 'filter' ->> 'tag' = 'old' AND reason = 'to see'";
    assert_eq!(app.count(entries).await, 2);
    let mut tx = app.app.db.begin("tests.count").await.unwrap();
    let done = Filter { state: Some(State::Done), ..Filter::default() };
    let wrong = inspect::count(&mut tx, Order::Cancel, &done, None).await;
    assert!(matches!(wrong, Err(OrderError::State(State::Done))), "{wrong:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_claimed_at_the_same_moment_is_cancelled_where_it_runs() {
    const CLAIM: &str = "-- tests.claim
        WITH gone AS (DELETE FROM job.ready WHERE id = $1 RETURNING *)
        INSERT INTO job.lease (id, token, worker_id, queue_id, lane, rank, attempt, crashes, deadline_at)
        SELECT id, nextval('job.token'), $2, queue_id, lane, rank, 1, 0, now() + interval '1 hour' FROM gone";
    let app = start_idle().await;
    let id = insert(&app.app, &[NewJob::of(&Write(1))]).await[0].unwrap().0;
    let worker = Worker::new(&app, "one").await;
    // A claim that has taken the row and not committed yet.
    let mut claiming = app.app.db.begin("tests.claim").await.unwrap();
    claiming.execute(CLAIM, &[&id, &worker.id]).await.unwrap();
    let cancelling = order(&app, Order::Cancel, id);
    let waits = "pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let (cancelled, ()) = tokio::join!(cancelling, async {
        app.until_count(waits, 1).await;
        claiming.commit().await.unwrap();
    });
    assert_eq!(cancelled.unwrap(), OrderResult::Cancelling);
    assert_eq!(app.count("job.lease WHERE cancel_at IS NOT NULL").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_cancelled_waiting_or_running_can_be_run_once_more() {
    let app = start_idle().await;
    insert(&app.app, &[NewJob::of(&Write(1)), NewJob::of(&Write(2)), NewJob::of(&Write(3))]).await;
    let worker = Worker::new(&app, "one").await;
    let claimed = worker.claim(2).await;
    let waiting: i64 = app.value("SELECT id FROM job.ready").await;
    assert_eq!(order(&app, Order::Cancel, waiting).await.unwrap(), OrderResult::Cancelled);
    assert_eq!(order(&app, Order::Cancel, claimed[0].job.0).await.unwrap(), OrderResult::Cancelling);
    let ended = |it: &Claimed| Report::new(it.job, it.token, Verdict::End(Ending::Cancelled));
    let reports: Vec<_> = claimed.iter().map(ended).collect();
    assert_eq!(acks::flush(&worker.link, &reports).await.unwrap().applied, 2);
    for id in [waiting, claimed[0].job.0] {
        let rerun = order(&app, Order::Retry, id).await.unwrap();
        assert!(matches!(rerun, OrderResult::Rerun { .. }), "{rerun:?}");
    }
    let by_itself = order(&app, Order::Retry, claimed[1].job.0).await.unwrap();
    assert_eq!(refused(&by_itself), "arguments_not_kept");
    let OrderResult::Refused { detail, .. } = by_itself else { unreachable!("it was refused") };
    assert!(detail.ends_with("enqueue a new tests.write instead"), "{detail}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ended_before_it_was_cancelled_says_who_asked_for_that() {
    let app = start_idle().await;
    insert(&app.app, &[NewJob::of(&Write(1)), NewJob::of(&Write(2))]).await;
    let worker = Worker::new(&app, "one").await;
    let claimed = worker.claim(2).await;
    assert_eq!(order(&app, Order::Cancel, claimed[0].job.0).await.unwrap(), OrderResult::Cancelling);
    let running = Filter { state: Some(State::Running), ..Filter::default() };
    assert_eq!(bulk(&app, Order::Cancel, &running, None, 9).await.done, 2);
    let done = |it: &Claimed| Report::new(it.job, it.token, Verdict::End(Ending::Done));
    let reports: Vec<_> = claimed.iter().map(done).collect();
    acks::flush(&worker.link, &reports).await.unwrap();
    for job in claimed.iter().map(|it| it.job.0) {
        let mut tx = app.app.db.begin("tests.show").await.unwrap();
        let patience = Patience::of(&app.app.config.jobs);
        let shown = inspect::show(&mut tx, job, app.app.clock.now(), patience).await.unwrap().unwrap();
        tx.rollback().await.unwrap();
        let asked = shown.cancel_asked.expect("somebody asked");
        assert_eq!((asked.by.as_deref(), asked.reason.as_deref()), (Some("os:root"), Some("to see")));
        let why = &shown.explanation.reasons[0].detail;
        assert!(why.contains(" by os:root: to see; it ended by itself before"), "{why}");
    }
    app.finish().await;
}
