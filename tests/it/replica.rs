//! The public catalogue read from a replica: routed there, answered by the primary while it is away.

use std::time::Duration;

use sportello::{
    config::values::{Optional, Secret},
    db::DbError,
    events::catalogue,
    key,
};

use crate::harness::{app::TestApp, client::Client};

const WHO: &str = "-- tests.who
    SELECT k.n, current_setting('application_name') FROM unnest($1::bigint[]) WITH ORDINALITY AS k (value, n)";

/// An application whose replica is reached by `url`, made from the primary's.
async fn app(url: impl FnOnce(&str) -> String) -> TestApp {
    TestApp::start_with(|config| {
        let url = url(config.database.url.as_ref().unwrap().expose());
        config.database.replica_url = Optional(Some(Secret::new(url)));
        config.actors.backoff_max.0 = Duration::from_millis(200);
    })
    .await
}

async fn who(db: &sportello::db::Db) -> Result<String, DbError> {
    Ok(db.lookup(WHO, key![1i64]).await?[0].get(1))
}

async fn catalogue_answers(client: &Client, slug: &str) {
    for path in ["/api/v1/events?q=concerto", "/api/v1/cities", &format!("/api/v1/events/{slug}")] {
        client.get(path).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn public_reads_go_to_the_replica_and_all_others_to_the_primary() {
    let app = app(str::to_owned).await; // as fresh as the primary: it is the same server
    assert_eq!(who(&app.app.db.public()).await.unwrap(), "sportello replica");
    assert_eq!(who(&app.app.db).await.unwrap(), "sportello lane");
    let slug = app.an_event().create().await;
    let seen = catalogue::detail(&app.app.db, &slug, app.today()).await.unwrap();
    assert_eq!(seen.unwrap().slug, slug);
    let last = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'sportello replica' AND query LIKE '-- events.catalogue.detail%'";
    assert_eq!(app.value::<i64>(last).await, 1, "the detail was read by a lane of the replica");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_never_there_costs_nothing_but_its_lanes() {
    let app = app(|_| "host=127.0.0.1 port=1 user=nobody dbname=nothing".to_owned()).await;
    assert_eq!(who(&app.app.db.public()).await.unwrap(), "sportello lane");
    let slug = app.an_event().create().await;
    catalogue_answers(&app.anonymous(), &slug).await;
    app.anonymous().get("/ready").await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_replica_dies_again_and_again_no_public_read_fails() {
    let app = app(str::to_owned).await;
    let slug = app.an_event().create().await;
    let killer = app.database.client().await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'sportello replica'";
    for _ in 0..20 {
        let public = app.app.db.public();
        let asking = futures_util::future::join_all((0..20).map(|_| who(&public)));
        let (answers, killed) = tokio::join!(asking, killer.query_one(kill, &[]));
        killed.unwrap();
        for answer in answers {
            answer.unwrap();
        }
        catalogue_answers(&app.anonymous(), &slug).await;
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while who(&app.app.db.public()).await.unwrap() != "sportello replica" {
        assert!(tokio::time::Instant::now() < deadline, "its lanes come back");
        tokio::task::yield_now().await;
    }
    app.finish().await;
}
