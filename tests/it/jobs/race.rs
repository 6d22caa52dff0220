//! Races: several nodes on one queue, several workers on one job.

use std::sync::atomic::Ordering::Relaxed;

use sportello::jobs::{Ending, Report, Verdict, store::acks};

use super::{
    kinds::{Finish, Write, kinds, start, start_idle},
    node::{Worker, enqueue},
};

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_run_every_job_once_and_lose_none() {
    let app = start(|_| {}).await;
    let (second, third) = (app.another_node(|_| {}, kinds()).await, app.another_node(|_| {}, kinds()).await);
    for block in 0..10 {
        let jobs: Vec<_> = (0..300).map(|n| Write(block * 300 + n)).collect();
        let mut tx = app.app.db.begin("tests.many").await.unwrap();
        app.app.jobs.enqueue_many(&mut tx, &jobs).await.unwrap();
        tx.commit().await.unwrap();
        second.jobs.wake(sportello::jobs::QueueName::Default);
        third.jobs.wake(sportello::jobs::QueueName::Default);
    }
    app.run_jobs().await;
    assert_eq!(app.count("effect").await, 3000);
    assert_eq!(app.value::<i64>("SELECT count(DISTINCT n) FROM effect").await, 3000);
    assert_eq!(app.count("job.done WHERE state = 0 AND attempts = 1").await, 3000);
    let busy: Vec<_> = [&app.app, &second, &third]
        .map(|node| {
            let figures = &node.jobs.figures().engine;
            figures.claimed.load(Relaxed) + figures.handed_over.load(Relaxed)
        })
        .into();
    assert_eq!(busy.iter().sum::<u64>(), 3000, "{busy:?}");
    app.assert_in_place().await;
    second.stop().await;
    third.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g3_eight_claimers_never_share_a_job() {
    let app = start_idle().await;
    let jobs: Vec<_> = (0..2000).map(Write).collect();
    let mut tx = app.app.db.begin("tests.many").await.unwrap();
    app.app.jobs.enqueue_many(&mut tx, &jobs).await.unwrap();
    tx.commit().await.unwrap();
    let claiming = (0..8).map(async |number| {
        let worker = Worker::new(&app, &format!("hand-{number}")).await;
        let mut mine = Vec::new();
        loop {
            let claimed = worker.claim(37).await;
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(claimed.into_iter().map(|job| (job.job, job.token)));
        }
    });
    let mut all: Vec<_> = futures_util::future::join_all(claiming).await.into_iter().flatten().collect();
    all.sort_unstable();
    assert_eq!(all.len(), 2000);
    assert!(all.windows(2).all(|pair| pair[0].0 != pair[1].0), "no job was claimed twice");
    assert_eq!(app.value::<i64>("SELECT count(DISTINCT token) FROM job.lease").await, 2000);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g3_the_report_of_a_robbed_attempt_changes_nothing() {
    let app = start_idle().await;
    let job = enqueue(&app.app, &Finish(1)).await;
    let (zombie, heir) = (Worker::new(&app, "zombie").await, Worker::new(&app, "heir").await);
    let old = zombie.claim(1).await.pop().unwrap();
    zombie.die(&app).await;
    let rescued = app.rescue().await;
    assert_eq!((rescued.again, rescued.quarantined.len()), (1, 0));
    app.promote().await;
    let new = heir.claim(1).await.pop().unwrap();
    assert_eq!((new.job, new.attempt, new.crashes), (job, 1, 1), "a crash costs no attempt");
    let report = |token| [Report::new(job, token, Verdict::End(Ending::Done))];

    let late = acks::flush(&zombie.link, &report(old.token)).await.unwrap();
    assert_eq!((late.applied, late.stale), (0, 1));
    let mut tx = app.app.db.begin("tests.finish").await.unwrap();
    assert!(!acks::finish(&mut tx, job, old.token, false, None).await.unwrap(), "nor inside a transaction");
    tx.rollback().await.unwrap();
    assert_eq!(app.count("job.lease").await, 1);

    let good = acks::flush(&heir.link, &report(new.token)).await.unwrap();
    assert_eq!((good.applied, good.stale), (1, 0));
    assert_eq!(acks::flush(&heir.link, &report(new.token)).await.unwrap().stale, 1, "once is enough");
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_in_flight_wins_against_the_rescue() {
    let app = start_idle().await;
    let job = enqueue(&app.app, &Finish(1)).await;
    let worker = Worker::new(&app, "slow").await;
    let claimed = worker.claim(1).await.pop().unwrap();
    worker.die(&app).await;
    let mut tx = app.app.db.begin("tests.finish").await.unwrap();
    assert!(acks::finish(&mut tx, job, claimed.token, false, None).await.unwrap());
    assert_eq!(app.rescue().await.again, 0, "its lease is locked");
    tx.commit().await.unwrap();
    assert_eq!(app.rescue().await.again, 0);
    assert_eq!(app.count("job.done WHERE state = 0").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_beat_is_old_claims_nothing() {
    let app = start_idle().await;
    enqueue(&app.app, &Write(1)).await;
    let worker = Worker::new(&app, "old").await;
    app.sql(&format!("UPDATE job.worker SET beat_at = now() - interval '11 s' WHERE id = {}", worker.id))
        .await;
    assert!(worker.claim(10).await.is_empty());
    app.finish().await;
}
