//! The database goes away: nothing is lost, nothing runs twice to the end, and work goes on by itself.

use std::time::Duration;

use super::{
    kinds::{Finish, Hang, start},
    node::{enqueue, eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn g1_lost_connections_lose_no_job_and_finish_none_twice() {
    let app = start(|config| {
        config.actors.intensity = 1000;
        config.jobs.poll_max.0 = Duration::from_millis(100);
    })
    .await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'sportello %'";
    for block in 0..10 {
        let jobs: Vec<_> = (0..100).map(|n| Finish(block * 100 + n)).collect();
        eventually("the jobs are enqueued", async || {
            let Ok(mut tx) = app.app.db.begin("tests.many").await else { return false };
            app.app.jobs.enqueue_many(&mut tx, &jobs).await.is_ok() && tx.commit().await.is_ok()
        })
        .await;
        assert!(app.value::<i64>(kill).await > 0);
    }
    eventually("everything is done", async || {
        // Failed attempts wait for their pause: time flies in this test.
        app.app.clock.advance(jiff::SignedDuration::from_secs(1));
        app.count("job.body").await == 0
    })
    .await;
    assert_eq!(app.value::<i64>("SELECT count(DISTINCT n) FROM effect").await, 1000);
    assert_eq!(app.count("effect").await, 1000, "effects inside PostgreSQL happen once");
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_node_that_cannot_beat_cancels_its_jobs_and_comes_back() {
    let app = start(|config| {
        config.jobs.beat.0 = Duration::from_millis(100);
        config.jobs.fence.0 = Duration::from_millis(600);
        config.jobs.rescue.0 = Duration::from_secs(60);
        config.server.stop_grace.0 = Duration::ZERO;
    })
    .await;
    enqueue(&app.app, &Hang(1)).await;
    app.until_count("effect", 1).await;
    let mut blocking = app.database.client().await;
    let lock = blocking.transaction().await.unwrap();
    lock.execute("SELECT id FROM job.worker FOR UPDATE", &[]).await.unwrap();
    eventually("the running job was cut off and given back", async || {
        app.count("job.attempt WHERE outcome = 8").await == 1
    })
    .await;
    assert_eq!(app.count("job.ready WHERE attempt = 0").await, 1, "a fenced node claims nothing");
    lock.rollback().await.unwrap();
    app.until_count("effect", 2).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_of_every_engine_actor_lose_no_job() {
    let app = start(|config| config.actors.intensity = 1000).await;
    enqueue(&app.app, &Finish(0)).await;
    app.run_jobs().await;
    let jobs: Vec<_> = (1..=2000).map(Finish).collect();
    let mut tx = app.app.db.begin("tests.many").await.unwrap();
    app.app.jobs.enqueue_many(&mut tx, &jobs).await.unwrap();
    tx.commit().await.unwrap();
    let crashing = async {
        let mut rounds = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..5 {
            rounds.tick().await;
            for cell in app.app.registry.cells() {
                if cell.path.starts_with("root/jobs/") && cell.kind != "supervisor" {
                    let _ = app.app.registry.crash(&cell.path);
                }
            }
        }
    };
    tokio::join!(crashing, app.until_count("effect", 2001));
    eventually("every job is acknowledged", async || app.count("job.body").await == 0).await;
    assert_eq!(app.value::<i64>("SELECT count(DISTINCT n) FROM effect").await, 2001);
    app.finish().await;
}
