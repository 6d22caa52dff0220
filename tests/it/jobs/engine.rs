//! The engine at rest and in its tables: partitions, hints, figures.

use sportello::jobs::{NewJob, QueueName, store::history};

use super::{
    kinds::{Nothing, Write, start},
    node::{enqueue, eventually, insert},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_job_starts_by_its_hint_alone() {
    let app = start(|config| config.jobs.poll_max.0 = std::time::Duration::from_secs(3600)).await;
    enqueue(&app.app, &Nothing).await;
    eventually("the first job is done", async || app.count("job.done").await == 1).await;
    for n in 2..=20 {
        enqueue(&app.app, &Nothing).await;
        eventually("the next job is done", async || app.count("job.done").await == n).await;
    }
    assert_eq!(app.app.jobs.figures().engine.alarms.load(std::sync::atomic::Ordering::Relaxed), 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_has_a_partition_for_today_and_loses_old_ones() {
    let app = start(|_| {}).await;
    let children = "pg_inherits WHERE inhparent IN ('job.done'::regclass, 'job.attempt'::regclass)";
    app.until_count(children, 2 * (5 + 1)).await;
    enqueue(&app.app, &Write(1)).await;
    app.run_jobs().await;
    assert_eq!(app.count("job.done_default").await, 0, "the row is in the partition of its day");
    let later = app.app.clock.now() + jiff::SignedDuration::from_hours(24 * 40);
    let dropped =
        history::drop_partitions(&app.link(), later, std::time::Duration::from_secs(30 * 86400)).await;
    assert_eq!(dropped.unwrap(), 2 * 5);
    app.until_count(children, 2).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_nodes_hear_of_work() {
    let app = start(|_| {}).await;
    let second = app.another_node(|_| {}, super::kinds::kinds()).await;
    let connector = sportello::db::Connector::new(app.database.config());
    let (client, mut driver) = connector.connect().await.unwrap();
    let (sender, mut heard) = tokio::sync::mpsc::channel(64);
    #[expect(clippy::disallowed_methods, reason = "ends with the client")]
    tokio::spawn(async move {
        while let Some(Ok(message)) = futures_util::future::poll_fn(|cx| driver.poll_message(cx)).await {
            if let tokio_postgres::AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification.payload().to_owned()).await;
            }
        }
    });
    client.batch_execute("LISTEN sportello_jobs").await.unwrap();
    eventually("a beat has seen the second node", async || {
        app.app.registry.inspect("root/jobs/beat").await.unwrap();
        app.app.registry.find("root/jobs/beat").unwrap().view()["other_nodes"] == 1
    })
    .await;
    // More than idle workers take over at once, of which nobody else need hear.
    insert(&app.app, &std::array::from_fn::<_, 100, _>(|_| NewJob::of(&Nothing))).await;
    eventually("a notification arrives", async || {
        heard.try_recv().is_ok_and(|payload| payload.contains("maintenance"))
    })
    .await;
    second.jobs.heard("maintenance,unknown,default");
    app.run_jobs().await;
    second.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_queue_starts_nothing_and_others_go_on() {
    let app = start(|_| {}).await;
    app.pause_queue("default").await;
    enqueue(&app.app, &Write(1)).await;
    enqueue(&app.app, &Nothing).await;
    app.until_count("job.done", 1).await;
    assert_eq!((app.count("effect").await, app.count("job.ready").await), (0, 1));
    app.sql("UPDATE job.queue SET paused_at = NULL").await;
    app.app.jobs.wake(QueueName::Default);
    app.run_jobs().await;
    assert_eq!(app.count("effect").await, 1);
    app.finish().await;
}
