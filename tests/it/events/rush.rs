//! The rush for the last tickets, over HTTP: ten are sold, whatever crashes meanwhile.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::json;

use crate::{
    actors::crowd::{BALANCED, is_honest},
    harness::{
        app::TestApp,
        client::{Answer, Client, PATIENCE},
    },
};

const TICKETS: usize = 10;
const BUYERS: usize = 200;
/// Between two crashes.
const CRASH_EVERY: Duration = Duration::from_millis(5);

async fn book(buyer: &Client, event: &str, key: Option<&str>) -> Answer {
    let path = format!("/api/v1/events/{event}/bookings");
    let headers: Vec<_> = key.iter().map(|key| ("idempotency-key", *key)).collect();
    buyer.request(Method::POST, &path, &headers, Some(json!({"tickets": 1}))).await
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn tickets_left(app: &TestApp, event: &str) -> i64 {
    let detail = app.anonymous().get(&format!("/api/v1/events/{event}")).await.expect(200).json();
    detail["tickets_left"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_get_ten_tickets_and_what_is_cancelled_is_sold_again() {
    let app = TestApp::start_with(|config| config.limits.enabled = false).await;
    let event = app.an_event().with_capacity(TICKETS as i32).create().await;
    let buyer = app.log_in(&app.a_person().await).await;
    let answers = join_all((0..BUYERS).map(|_| book(&buyer, &event, None))).await;
    let sold: Vec<String> = answers.iter().filter(|answer| answer.status == 201).map(id).collect();
    let refused = answers.iter().filter(|answer| answer.status == 409 && answer.code() == "sold_out").count();
    assert_eq!((sold.len(), refused), (TICKETS, BUYERS - TICKETS));
    assert!(answers.iter().filter(|it| it.status == 409).all(|it| it.json()["tickets_left"] == 0));

    for booking in &sold[..4] {
        buyer.post(&format!("/api/v1/bookings/{booking}/cancel"), json!({})).await.expect(200);
    }
    assert_eq!(app.value::<i32>("SELECT tickets_left FROM events").await, 4);
    assert!(app.value::<bool>(BALANCED).await);
    let answers = join_all((0..20).map(|_| book(&buyer, &event, None))).await;
    let status = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((status(201), status(409)), (4, 16));
    assert!(app.value::<bool>(BALANCED).await);
    app.run_jobs().await; // whatever remembers the number has been told
    assert_eq!(tickets_left(&app, &event).await, 0);
    app.finish().await;
}

/// Asks until there is an answer that is no refusal, as a client with a key may.
async fn insist(buyer: &Client, event: &str, key: &str) -> Answer {
    let insisting = async {
        let mut tries = tokio::time::interval(CRASH_EVERY);
        loop {
            let answer = book(buyer, event, Some(key)).await;
            if !is_honest(&answer) {
                return answer;
            }
            tries.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, insisting).await.unwrap_or_else(|_| panic!("{key} is never answered"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_tickets_are_sold_while_lanes_pool_and_shards_crash() {
    let app = TestApp::start_with(|config| {
        config.limits.enabled = false;
        config.actors.intensity = 100_000;
    })
    .await;
    let event = app.an_event().with_capacity(TICKETS as i32).create().await;
    let buyer = app.log_in(&app.a_person().await).await;
    let (ended, watcher) = (AtomicBool::new(false), app.database.client().await);
    let crashing = async {
        let mut rounds = tokio::time::interval(CRASH_EVERY);
        let victims = ["lane", "pool", "sales"];
        let cells = app.app.registry.cells().into_iter().filter(|cell| victims.contains(&cell.kind));
        for cell in cells.collect::<Vec<_>>().into_iter().cycle() {
            if ended.load(Relaxed) {
                return;
            }
            let _ = app.app.registry.crash(&cell.path); // or it is still down from the last time
            let left: i32 = watcher.query_one("SELECT tickets_left FROM events", &[]).await.unwrap().get(0);
            assert!(left >= 0);
            rounds.tick().await;
        }
    };
    let buying = async {
        // Half of them have a key and insist; the others ask once and believe what they hear.
        let insisting = join_all((0..BUYERS / 2).map(|number| {
            let (buyer, event) = (&buyer, &event);
            async move { insist(buyer, event, &format!("buyer {number}")).await }
        }));
        let asking = join_all((0..BUYERS / 2).map(|_| book(&buyer, &event, None)));
        let answers = tokio::join!(insisting, asking);
        ended.store(true, Relaxed);
        answers
    };
    let ((insisted, asked), ()) = tokio::join!(buying, crashing);
    let mut sold = HashSet::new();
    for answer in insisted.iter().chain(&asked) {
        match answer.status {
            201 => assert!(sold.insert(id(answer)), "two buyers hold one booking"),
            409 => assert_eq!(answer.code(), "sold_out"),
            _ => assert!(is_honest(answer), "{} {:?}", answer.status, answer.body),
        }
    }
    let unsure = asked.iter().filter(|answer| answer.status == 503 && answer.code() != "unavailable").count();
    let live: i64 = app.value("SELECT coalesce(sum(tickets), 0)::bigint FROM bookings").await;
    assert_eq!(live, TICKETS as i64, "all are sold, none twice");
    assert!(sold.len() <= TICKETS && TICKETS <= sold.len() + unsure, "{} known, {unsure} unsure", sold.len());
    assert!(app.value::<bool>(BALANCED).await);
    for booking in &sold {
        let found = async {
            loop {
                let answer = buyer.get(&format!("/api/v1/bookings/{booking}")).await;
                if !is_honest(&answer) {
                    return answer.expect(200);
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap();
    }
    // A key that was answered is answered the same, long after the crash.
    for (number, answer) in insisted.iter().enumerate().filter(|(_, answer)| answer.status == 201) {
        let again = insist(&buyer, &event, &format!("buyer {number}")).await.expect(201);
        assert_eq!(id(&again), id(answer));
    }
    app.finish().await;
}
