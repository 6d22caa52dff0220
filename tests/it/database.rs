//! Reads through lanes and transactions by lease, against a real server that is allowed to misbehave.

use std::{collections::HashSet, time::Duration};

use sportello::{db::DbError, key};

use crate::harness::app::TestApp;

const DOUBLE: &str = "-- tests.double
    SELECT k.n, k.value * 2 FROM unnest($1::bigint[]) WITH ORDINALITY AS k (value, n)";
const SLOW: &str = "-- tests.slow
    SELECT k.n, k.value, pg_sleep(0.01)::text FROM unnest($1::bigint[]) WITH ORDINALITY AS k (value, n)";
const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name LIKE 'sportello %' AND datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_lookups_get_their_own_rows_from_shared_executions() {
    let app = TestApp::start().await;
    let asking = (0..500i64).map(|value| {
        let db = app.app.db.clone();
        async move { (value, db.lookup(DOUBLE, key![value % 100]).await.unwrap()[0].get::<_, i64>(1)) }
    });
    for (value, doubled) in futures_util::future::join_all(asking).await {
        assert_eq!(doubled, (value % 100) * 2);
    }
    let statements = app.app.db.observer().statements();
    let (_, stats) = statements.iter().find(|(label, _)| *label == "tests.double").unwrap();
    let (executions, served) = (
        stats.count.load(std::sync::atomic::Ordering::Relaxed),
        stats.served.load(std::sync::atomic::Ordering::Relaxed),
    );
    assert_eq!(served, 500);
    assert!(executions < 250, "{executions} executions: lookups that wait together travel together");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_survive_the_death_of_every_connection() {
    let app = TestApp::start().await;
    let killer = app.database.client().await;
    let mut failures = HashSet::new();
    for _ in 0..5 {
        let asking = (0..40i64).map(|value| {
            let db = app.app.db.clone();
            async move { db.lookup(SLOW, key![value]).await.map(|rows| rows[0].get::<_, i64>(1) == value) }
        });
        let (answers, _) = tokio::join!(futures_util::future::join_all(asking), killer.query(TERMINATE, &[]));
        for answer in answers {
            match answer {
                Ok(right) => assert!(right),
                Err(error @ (DbError::Lost | DbError::Down)) => drop(failures.insert(error.to_string())),
                Err(error) => panic!("{error}"),
            }
        }
    }
    // Recovery: the same handles answer again, without anybody's help.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while app.app.db.lookup(DOUBLE, key![21]).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the lanes did not recover");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_is_rolled_back_and_its_connection_reused() {
    const MAKE: &str = "-- tests.make
        INSERT INTO payment_webhooks (id, received_at) VALUES ($1, now())";
    const COUNT: &str = "-- tests.count
        SELECT count(*) FROM payment_webhooks";
    let app = TestApp::start_with(|config| {
        config.database.pool_size = 1;
        config.database.pool_overflow = 0;
    })
    .await;
    for round in 0..5 {
        let mut tx = app.app.db.begin("tests.dropped").await.unwrap();
        tx.execute(MAKE, &[&format!("dropped {round}")]).await.unwrap();
    }
    let mut tx = app.app.db.begin("tests.kept").await.unwrap();
    tx.execute(MAKE, &[&"kept"]).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = app.app.db.begin("tests.count").await.unwrap();
    assert_eq!(tx.query_one(COUNT, &[]).await.unwrap().get::<_, i64>(0), 1);
    drop(tx);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_refuses_instead_of_hanging() {
    let app = TestApp::start_with(|config| {
        config.database.pool_size = 1;
        config.database.pool_overflow = 0;
        config.database.pool_wait = sportello::config::values::Period(Duration::from_millis(50));
    })
    .await;
    // The job engine uses the pool, too: wait until the only connection is ours.
    let held = loop {
        if let Ok(held) = app.app.db.begin("tests.holder").await {
            break held;
        }
    };
    let refused = app.app.db.begin("tests.refused").await;
    assert!(matches!(refused, Err(DbError::Overloaded)));
    let admin = app.app.db.begin_admin("tests.admin").await;
    assert!(admin.is_ok(), "administration has a connection of its own");
    drop((held, admin));
    app.finish().await;
}
