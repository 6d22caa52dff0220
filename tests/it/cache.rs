//! Kept pages over HTTP: what a person sees after a write, here and on another node.

use serde_json::json;
use sportello::app::App;

use crate::{
    harness::{app::TestApp, redis::TestRedis},
    jobs::node::eventually,
};

const METRIC: &str = "sportello_cache_lookups_total";

impl TestApp {
    fn lookups(&self, namespace: &str, result: &str) -> u64 {
        lookups_of(&self.app, namespace, result)
    }
}

fn lookups_of(app: &App, namespace: &str, result: &str) -> u64 {
    let line = format!("{METRIC}{{namespace=\"{namespace}\",result=\"{result}\"}} ");
    let text = app.metrics.encode();
    text.lines().find_map(|it| it.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

async fn tickets_left(client: &crate::harness::client::Client, slug: &str) -> i64 {
    let answer = client.get(&format!("/api/v1/events/{slug}")).await.expect(200);
    answer.json()["tickets_left"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_sees_the_sale_at_once_and_another_node_hears_of_it() {
    let app = TestApp::start().await;
    let slug = app.an_event().with_capacity(10).create().await;
    let second = app.another_node(|_| {}, sportello::jobs::registry::registry()).await;
    let elsewhere = app.anonymous().at(second.address);
    let buyer = app.log_in(&app.a_person().await).await;
    assert_eq!((tickets_left(&buyer, &slug).await, tickets_left(&elsewhere, &slug).await), (10, 10));
    for left in [7, 4] {
        let booking = format!("/api/v1/events/{slug}/bookings");
        let id = buyer.post(&booking, json!({"tickets": 3})).await.expect(201).json()["id"].clone();
        assert_eq!(tickets_left(&buyer, &slug).await, left);
        eventually("the other node hears of it", async || tickets_left(&elsewhere, &slug).await == left)
            .await;
        if left == 4 {
            let cancel = format!("/api/v1/bookings/{}/cancel", id.as_str().unwrap());
            buyer.post(&cancel, json!({})).await.expect(200);
            assert_eq!(tickets_left(&buyer, &slug).await, 7);
            eventually("the other node hears of it", async || tickets_left(&elsewhere, &slug).await == 7)
                .await;
        }
    }
    second.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_on_one_node_ends_on_the_other() {
    let app = TestApp::start().await;
    let second = app.another_node(|_| {}, sportello::jobs::registry::registry()).await;
    let here = app.log_in(&app.a_person().await).await;
    let there = here.clone().at(second.address);
    there.get("/api/v1/me").await.expect(200);
    here.post("/api/v1/auth/logout", json!({})).await;
    eventually("the other node hears of it", async || there.get("/api/v1/me").await.status == 401).await;
    second.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_pages_have_etags_links_and_codings_of_their_own() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.an_event().create().await;
    }
    let client = app.anonymous();
    let path = "/api/v1/events?limit=2";
    let first = client.get(path).await.expect(200);
    assert_eq!(first.header("cache-control"), "public, max-age=15");
    assert!(first.header("link").contains("rel=\"next\""));
    let get = |headers: Vec<(&'static str, String)>| {
        let client = client.clone();
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            client.request(axum::http::Method::GET, path, &headers, None).await
        }
    };
    let again = get(vec![("if-none-match", first.header("etag").to_owned())]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    for _ in 0..8 {
        assert_eq!(client.get(path).await.body, first.body);
    }
    eventually("it is asked for often enough to be compressed", async || {
        get(vec![("accept-encoding", "br".into())]).await.header("content-encoding") == "br"
    })
    .await;
    let other_order = client.get("/api/v1/events?limit=2&cursor=").await;
    assert_eq!(other_order.status, 400, "a wrong cursor is refused before the cache is asked");
    assert_eq!(app.lookups("events.list", "miss"), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_warmed_pages_are_those_of_the_front_page_and_the_best_sellers() {
    let app = TestApp::start().await;
    let slug = app.an_event().create().await;
    let warm = sportello::jobs::events::WarmCache {};
    let mut tx = app.app.db.begin("tests.warm").await.unwrap();
    app.app.jobs.enqueue(&mut tx, &warm).await.unwrap();
    tx.commit().await.unwrap();
    app.run_jobs().await;
    let misses = || ["events.list", "events.detail", "cities"].map(|it| app.lookups(it, "miss"));
    assert_eq!(misses(), [3, 1, 1]);
    let detail = format!("/api/v1/events/{slug}");
    for path in ["/api/v1/events", "/api/v1/events?featured=true", "/api/v1/cities", &detail] {
        app.anonymous().get(path).await.expect(200);
    }
    assert_eq!(misses(), [3, 1, 1], "they were kept");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_cache_every_answer_is_read() {
    let app = TestApp::start_with(|config| config.cache.enabled = false).await;
    let slug = app.an_event().create().await;
    let client = app.anonymous();
    assert_eq!(tickets_left(&client, &slug).await, 10);
    app.database.client().await.batch_execute("UPDATE events SET tickets_left = 9").await.unwrap();
    assert_eq!(tickets_left(&client, &slug).await, 9);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_has_loaded_another_finds_in_redis_until_somebody_writes() {
    let redis = TestRedis::start();
    let app = TestApp::start_with(|config| config.redis.url = redis.url()).await;
    let slug = app.an_event().with_capacity(10).create().await;
    let second = app.another_node(|_| {}, sportello::jobs::registry::registry()).await;
    let (here, there) = (app.anonymous(), app.anonymous().at(second.address));
    app.app.redis.connected().await;
    second.redis.connected().await;
    let path = format!("/api/v1/events/{slug}");
    let loaded = here.get(&path).await.expect(200);
    eventually("the second level has it", async || keys(&redis, "sportello:page:events.detail:*") == 1).await;
    let found = there.get(&path).await.expect(200);
    assert_eq!((found.header("etag"), &found.body), (loaded.header("etag"), &loaded.body));
    let hits = || lookups_of(&second, "events.detail", "hit_redis");
    assert_eq!(hits(), 1);
    let buyer = app.log_in(&app.a_person().await).await;
    let booking = format!("/api/v1/events/{slug}/bookings");
    buyer.post(&booking, json!({"tickets": 4})).await.expect(201);
    assert_eq!(tickets_left(&here, &slug).await, 6);
    eventually("the other node hears of it", async || tickets_left(&there, &slug).await == 6).await;
    second.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_pages_are_served_and_outdated_as_before() {
    let mut redis = TestRedis::start();
    let app = TestApp::start_with(|config| config.redis.url = redis.url()).await;
    let slug = app.an_event().with_capacity(10).create().await;
    app.app.redis.connected().await;
    let buyer = app.log_in(&app.a_person().await).await;
    let booking = format!("/api/v1/events/{slug}/bookings");
    assert_eq!(tickets_left(&buyer, &slug).await, 10);
    for left in [9, 8, 7] {
        match left {
            9 => redis.freeze(),
            8 => redis.kill(),
            _ => redis.restart(),
        }
        buyer.post(&booking, json!({"tickets": 1})).await.expect(201);
        assert_eq!(tickets_left(&buyer, &slug).await, left);
    }
    app.finish().await;
}

/// Keys of this pattern.
fn keys(redis: &TestRedis, pattern: &str) -> usize {
    redis.command(&["KEYS", pattern]).lines().filter(|line| !line.is_empty()).count()
}
