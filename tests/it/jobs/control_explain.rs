//! "Why is it not running?", asked of the real tables.

use jiff::{SignedDuration, Timestamp};
use sportello::jobs::{
    Flow, JobId, Key, NewJob,
    inspect::{self, Detail, Patience, Reason, State},
};

use super::{
    kinds::{Nothing, Write, start, start_idle},
    node::{Worker, insert},
};
use crate::harness::app::TestApp;

async fn show(app: &TestApp, id: JobId) -> Detail {
    let mut tx = app.app.db.begin("tests.show").await.unwrap();
    let patience = Patience::of(&app.app.config.jobs);
    let detail = inspect::show(&mut tx, id.0, app.app.clock.now(), patience).await.unwrap();
    tx.rollback().await.unwrap();
    detail.unwrap()
}

pub(super) async fn reasons(app: &TestApp, id: JobId) -> Vec<Reason> {
    show(app, id).await.explanation.reasons.into_iter().map(|why| why.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_process_or_with_one_that_is_silent_stopping_or_too_old_nothing_runs() {
    let app = start_idle().await;
    let id = insert(&app.app, &[NewJob::of(&Write(1))]).await[0].unwrap();
    assert_eq!(reasons(&app, id).await, [Reason::NoNode]);
    Worker::new(&app, "one").await;
    assert_eq!(reasons(&app, id).await, [Reason::Next], "it does not say which kinds it knows");
    app.sql(r#"UPDATE job.worker SET info = '{"kinds": ["other.kind"]}'"#).await;
    assert_eq!(reasons(&app, id).await, [Reason::KindUnknown { nodes: vec!["one".to_owned()] }]);
    app.sql(r#"UPDATE job.worker SET info = '{"kinds": ["tests.write"]}'"#).await;
    assert_eq!(reasons(&app, id).await, [Reason::Next]);
    app.sql("UPDATE job.worker SET beat_at = now() - interval '9 s'").await;
    assert_eq!(reasons(&app, id).await, [Reason::NodesFenced { nodes: vec!["one".to_owned()] }]);
    app.sql("UPDATE job.worker SET beat_at = now() + interval '1 minute', drain_at = now()").await;
    assert_eq!(reasons(&app, id).await, [Reason::NodesDraining]);
    app.sql("UPDATE job.worker SET beat_at = now() - interval '20 s', drain_at = NULL").await;
    assert_eq!(reasons(&app, id).await, [Reason::NoNode]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_limits_rates_times_and_places_are_told() {
    let app = start_idle().await;
    let hour = app.app.clock.now() + SignedDuration::from_hours(1);
    let new =
        [NewJob::of(&Write(1)), NewJob::of(&Write(2)), NewJob::of(&Write(3)), NewJob::of(&Write(4)).at(hour)];
    let ids: Vec<JobId> = insert(&app.app, &new).await.into_iter().map(Option::unwrap).collect();
    let worker = Worker::new(&app, "one").await;
    assert_eq!(worker.claim(1).await[0].job, ids[0]);
    assert_eq!(reasons(&app, ids[3]).await, [Reason::Until { at: hour }]);
    assert_eq!(reasons(&app, ids[1]).await, [Reason::Next]);
    assert_eq!(reasons(&app, ids[2]).await, [Reason::Position { position: 2, exact: true }]);
    let running = show(&app, ids[0]).await;
    assert_eq!(running.job.state, State::Running);
    let Reason::Running { node, .. } = &running.explanation.reasons[0].reason else { panic!("{running:?}") };
    assert_eq!(node.as_deref(), Some("one"));

    app.sql("UPDATE job.queue SET max_running = 1").await;
    assert_eq!(reasons(&app, ids[1]).await, [Reason::QueueFull { limit: 1, running: 1 }]);
    app.sql(
        "UPDATE job.queue SET max_running = NULL, rate_per_s = 0.01, rate_burst = 1;
         INSERT INTO job.bucket (queue_id, tokens) SELECT id, 0 FROM job.queue WHERE name = 'default'",
    )
    .await;
    let [Reason::Rate { next_at }] = reasons(&app, ids[1]).await[..] else { panic!("no rate") };
    assert!(next_at > Timestamp::UNIX_EPOCH);
    app.sql(
        "UPDATE job.queue SET rate_per_s = NULL, rate_burst = NULL, paused_at = now(), paused_by = 'anna',
            paused_why = 'it moves'",
    )
    .await;
    app.sql("UPDATE job.kind SET paused_at = now(), paused_by = 'bruno'").await;
    let paused = reasons(&app, ids[1]).await;
    let Reason::QueuePaused { by, reason, .. } = &paused[0] else { panic!("{paused:?}") };
    assert_eq!((by.as_deref(), reason.as_deref()), (Some("anna"), Some("it moves")));
    assert!(matches!(&paused[1], Reason::KindPaused { by: Some(by), .. } if by == "bruno"), "{paused:?}");
    assert_eq!(show(&app, ids[1]).await.explanation.estimated_start, None);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_key_names_its_holders_and_a_child_its_parents() {
    let app = start(|_| {}).await;
    app.pause_queue("default").await;
    app.pause_queue("maintenance").await;
    let keyed = |n| NewJob::of(&Write(n)).key(Key::at_most("host-1", 1));
    let ids: Vec<JobId> =
        insert(&app.app, &[keyed(1), keyed(2)]).await.into_iter().map(Option::unwrap).collect();
    app.until_count("job.ready WHERE key_hash IS NOT NULL", 1).await;
    let parked = show(&app, ids[1]).await;
    assert_eq!((parked.job.state, parked.job.key.as_deref()), (State::Parked, Some("host-1")));
    let full = Reason::KeyFull { key: "host-1".to_owned(), limit: Some(1), held_by: vec![ids[0]] };
    assert!(parked.explanation.reasons.iter().any(|why| why.reason == full), "{parked:?}");

    let mut tx = app.app.db.begin("tests.flow").await.unwrap();
    let flow = Flow::chain("two", [NewJob::of(&Nothing), NewJob::of(&Nothing)]);
    app.app.jobs.start(&mut tx, flow).await.unwrap();
    tx.commit().await.unwrap();
    let parent =
        JobId(app.value("SELECT parent FROM job.edge WHERE child IN (SELECT id FROM job.gate)").await);
    let child = JobId(app.value("SELECT id FROM job.gate").await);
    let waiting = show(&app, child).await;
    assert_eq!((waiting.job.state, &waiting.waits_for), (State::Waiting, &vec![parent]));
    let waits = Reason::Parents { waits_for: 1, parents: vec![parent] };
    assert!(waiting.explanation.reasons.iter().any(|why| why.reason == waits), "{waiting:?}");
    assert_eq!(show(&app, parent).await.children, [child]);

    // Cancelling the parent settles its edges: the child is cancelled with it, and the batch closes.
    let who = inspect::Who { user: None, details: serde_json::json!({}), reason: "enough".to_owned() };
    let mut tx = app.app.db.begin("tests.cancel").await.unwrap();
    inspect::order(&mut tx, &app.app.jobs, &who, inspect::Order::Cancel, parent.0).await.unwrap();
    tx.commit().await.unwrap();
    app.until_count(&format!("job.done WHERE id IN ({parent}, {child}) AND state = 2"), 2).await;
    app.until_count("job.batch WHERE closed_at IS NOT NULL AND bad = 2", 1).await;
    // And cancelling the holder of the key opens its door.
    let mut tx = app.app.db.begin("tests.cancel").await.unwrap();
    inspect::order(&mut tx, &app.app.jobs, &who, inspect::Order::Cancel, ids[0].0).await.unwrap();
    tx.commit().await.unwrap();
    app.until_count(&format!("job.ready WHERE id = {}", ids[1]), 1).await;
    app.finish().await;
}
