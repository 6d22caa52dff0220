//! Idempotency keys against a real database.

use axum::http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sportello::{
    accounts::upkeep,
    http::idempotency::{self, Claim, Outcome, REPLAYED},
};

use crate::harness::app::TestApp;

fn claim(key: &str, body: &str) -> Claim {
    Claim { key: Sha256::digest(key).into(), fingerprint: Sha256::digest(body).into() }
}

fn outcome() -> Outcome {
    Outcome::created("/things/1", &json!({ "id": 1 })).unwrap()
}

/// Does the thing, unless it was done; answers status and whether it was a repetition.
async fn run(
    app: &TestApp,
    claim: impl Into<Option<Claim>>,
    now: Timestamp,
) -> Result<(StatusCode, HeaderMap), String> {
    let claim = claim.into();
    let mut tx = app.app.db.begin("test").await.unwrap();
    let begun = idempotency::begin(&mut tx, claim, now).await.map_err(|problem| problem.code().to_owned())?;
    if let Some(replay) = begun {
        return Ok((replay.status(), replay.headers().clone()));
    }
    let stored = idempotency::finish(&mut tx, claim, &outcome(), now).await;
    stored.map_err(|problem| problem.code().to_owned())?;
    tx.commit().await.unwrap();
    Ok((StatusCode::CREATED, HeaderMap::new()))
}

#[tokio::test]
async fn a_repetition_is_answered_as_before_and_another_body_refused() {
    let app = TestApp::start().await;
    let now = app.app.clock.now();
    assert!(run(&app, claim("k", "a"), now).await.unwrap().1.is_empty());
    let (status, headers) = run(&app, claim("k", "a"), now).await.unwrap();
    assert_eq!((status, &headers[REPLAYED]), (StatusCode::CREATED, &"true".parse().unwrap()));
    assert_eq!(headers[header::LOCATION], "/things/1");
    assert_eq!(run(&app, claim("k", "b"), now).await.unwrap_err(), "idempotency_key_reused");
    assert!(run(&app, claim("l", "b"), now).await.unwrap().1.is_empty(), "another key is another request");
    assert!(run(&app, None, now).await.unwrap().1.is_empty(), "without a key nothing is remembered");
    app.finish().await;
}

#[tokio::test]
async fn while_the_first_request_runs_a_second_one_hears_so() {
    let app = TestApp::start().await;
    let now = app.app.clock.now();
    let mut first = app.app.db.begin("test").await.unwrap();
    assert!(idempotency::begin(&mut first, Some(claim("k", "a")), now).await.unwrap().is_none());
    assert_eq!(run(&app, claim("k", "a"), now).await.unwrap_err(), "idempotency_key_in_use");
    first.rollback().await.unwrap();
    assert!(run(&app, claim("k", "a"), now).await.unwrap().1.is_empty(), "what failed may be tried again");
    app.finish().await;
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day() {
    let app = TestApp::start().await;
    let now = app.app.clock.now();
    run(&app, claim("k", "a"), now).await.unwrap();
    run(&app, claim("old", "a"), now).await.unwrap();
    let later = now + SignedDuration::from_hours(25);
    assert!(run(&app, claim("k", "b"), later).await.unwrap().1.is_empty(), "an old key is a new one");
    let mut tx = app.app.db.begin("test").await.unwrap();
    assert_eq!(upkeep::forget_keys(&mut tx, later).await.unwrap(), 1);
    tx.commit().await.unwrap();
    app.finish().await;
}
