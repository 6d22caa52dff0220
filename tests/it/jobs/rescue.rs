//! Death and orderly ends: jobs are rescued, quarantined, or given back.

use std::time::Duration;

use sportello::jobs::store::{due, rescue, rescue::Rescued, workers};

use super::{
    kinds::{Hang, Write, kinds, start, start_idle},
    node::{RESCUE, Worker, enqueue, eventually},
};
use crate::harness::app::TestApp;

impl TestApp {
    /// One round of the rescuer.
    pub(crate) async fn rescue(&self) -> Rescued {
        rescue::dead_workers(&self.link(), self.app.clock.now(), RESCUE, 3, 100).await.unwrap()
    }

    /// One round of the timer, an hour from now.
    pub(crate) async fn promote(&self) {
        let later = self.app.clock.now() + jiff::SignedDuration::from_hours(1);
        due::promote(&self.link(), later, 100).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_its_process_three_times_is_quarantined() {
    let app = start_idle().await;
    let job = enqueue(&app.app, &Write(1)).await;
    for crash in 1..=3 {
        let worker = Worker::new(&app, "poisoned").await;
        let claimed = worker.claim(1).await;
        if crash == 3 {
            assert!(workers::announce(&worker.link, worker.id, claimed[0].token).await.unwrap());
        }
        worker.die(&app).await;
        let rescued = app.rescue().await;
        assert_eq!(rescued.again, i64::from(crash < 3));
        assert_eq!(rescued.quarantined, if crash < 3 { vec![] } else { vec![job] }, "named for the log");
        app.promote().await;
    }
    assert_eq!(app.count("job.attempt WHERE outcome = 7 AND error_kind = 'worker lost'").await, 3);
    assert_eq!(app.count(&format!("job.done WHERE id = {job} AND state = 3 AND crashes = 3")).await, 1);
    assert_eq!(app.count("job.body").await, 0);
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g5_the_last_crash_counts_only_for_the_job_that_had_started() {
    let app = start_idle().await;
    for n in 0..3 {
        enqueue(&app.app, &Write(n)).await;
    }
    app.sql("UPDATE job.ready SET crashes = 2 WHERE id < (SELECT max(id) FROM job.ready)").await;
    let worker = Worker::new(&app, "poisoned").await;
    let claimed = worker.claim(3).await;
    assert_eq!(claimed.iter().map(|it| it.crashes).collect::<Vec<_>>(), [2, 2, 0]);
    assert!(workers::announce(&worker.link, worker.id, claimed[0].token).await.unwrap());
    // What a heartbeat writes leaves the announcement as it is.
    workers::beat(&worker.link, worker.id, RESCUE).await.unwrap();
    let spared = async || rescue::not_started(&worker.link, RESCUE, 3, 100).await.unwrap().len();
    assert_eq!(spared().await, 0, "it lives");
    worker.die(&app).await;
    let rescued = app.rescue().await;
    assert_eq!((rescued.again, rescued.quarantined.len()), (1, 1), "the youngest, the announced");
    assert_eq!(app.count(&format!("job.done WHERE id = {} AND state = 3", claimed[0].job)).await, 1);
    assert_eq!((spared().await, spared().await), (1, 0));
    let spared = format!("job.ready WHERE id = {} AND attempt = 0 AND crashes = 2", claimed[1].job);
    assert_eq!(app.count(&spared).await, 1);
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_living_worker_is_not_robbed() {
    let app = start_idle().await;
    enqueue(&app.app, &Write(1)).await;
    let worker = Worker::new(&app, "alive").await;
    assert_eq!(worker.claim(1).await.len(), 1);
    assert_eq!(app.rescue().await, Rescued::default());
    assert_eq!(app.count("job.lease").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_rescues_the_jobs_of_a_dead_process_by_itself() {
    let app = start_idle().await;
    enqueue(&app.app, &Write(1)).await;
    let worker = Worker::new(&app, "dead").await;
    assert_eq!(worker.claim(1).await.len(), 1);
    worker.die(&app).await;
    let node = app.another_node(|config| config.jobs.enabled = true, kinds()).await;
    app.until_count("job.done WHERE state = 0 AND crashes = 1 AND attempts = 1", 1).await;
    assert_eq!(app.count("effect").await, 1);
    node.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_restarted_node_takes_its_earlier_jobs_back_at_once() {
    let app = start_idle().await;
    enqueue(&app.app, &Write(1)).await;
    let (link, earlier) = {
        let earlier = Worker::new(&app, "node-a").await;
        assert!(workers::hold(&earlier.link, earlier.id).await.unwrap());
        assert_eq!(earlier.claim(1).await.len(), 1);
        let restarted = Worker::new(&app, "node-a").await;
        let buried = workers::bury_earlier_boots(&restarted.link, "node-a", restarted.id).await.unwrap();
        assert_eq!((buried, app.rescue().await.again), (0, 0), "its session lives: it is not dead");
        (restarted.link, restarted.id)
    };
    // Its session ends with its process; PostgreSQL notices at once, but not before us.
    eventually("the session is gone", async || {
        workers::bury_earlier_boots(&link, "node-a", earlier).await.unwrap() == 1
    })
    .await;
    assert_eq!(app.rescue().await.again, 1, "although its beat is young");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g7_a_stop_gives_running_and_waiting_jobs_back_in_place() {
    let app = start(|config| {
        config.server.stop_grace.0 = Duration::from_millis(300);
        config.jobs.workers = 2;
    })
    .await;
    for n in 0..5 {
        enqueue(&app.app, &Hang(n)).await;
    }
    app.until_count("effect", 2).await;
    let TestApp { app: node, database, .. } = app;
    node.stop().await;
    let client = database.client().await;
    let row = client
        .query_one(
            "SELECT (SELECT count(*) FROM job.ready WHERE attempt = 0 AND crashes = 0),
                (SELECT count(*) FROM job.lease), (SELECT count(*) FROM job.later),
                (SELECT count(*) FROM job.attempt WHERE outcome <> 8)",
            &[],
        )
        .await
        .unwrap();
    let counts: [i64; 4] = [row.get(0), row.get(1), row.get(2), row.get(3)];
    assert_eq!(counts, [5, 0, 0, 0], "ready, leased, later, failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_nobody_knows_are_given_back_without_a_crash() {
    let app = start_idle().await;
    enqueue(&app.app, &Write(1)).await;
    let worker = Worker::new(&app, "forgetful").await;
    let claimed = worker.claim(1).await;
    let back = async |known: Vec<i64>, age| {
        rescue::unknown_leases(&worker.link, worker.id, &known, age).await.unwrap().len()
    };
    assert_eq!(back(vec![claimed[0].token], Duration::ZERO).await, 0, "it is known");
    assert_eq!(back(vec![], Duration::from_secs(5)).await, 0, "it is young");
    assert_eq!(back(vec![], Duration::ZERO).await, 1);
    assert_eq!(app.count("job.ready WHERE attempt = 0 AND crashes = 0").await, 1);
    app.finish().await;
}
