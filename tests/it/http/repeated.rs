//! Requests that are sent again with their Idempotency-Key: registering and paying.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::PASSWORD,
};

const REGISTER: &str = "/api/v1/auth/register";

fn anna() -> Value {
    json!({"email": "anna@example.org", "password": PASSWORD, "name": "Anna Bianchi"})
}

async fn send(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    client.request(Method::POST, path, &[("idempotency-key", key)], Some(body.clone())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_again_with_the_same_key_finds_the_account_made() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let first = send(&nobody, REGISTER, "k-1", &anna()).await.expect(201);
    let again = send(&nobody, REGISTER, "k-1", &anna()).await.expect(201);
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    let (first, again) = (first.json(), again.json());
    assert_eq!(first["user"], again["user"]);
    assert_ne!(first["access_token"], again["access_token"], "no token is stored to be repeated");
    for tokens in [&first, &again] {
        let client = nobody.with(tokens["access_token"].as_str().unwrap());
        assert_eq!(client.get("/api/v1/me").await.expect(200).json()["email"], "anna@example.org");
    }
    assert_eq!(send(&nobody, REGISTER, "k-2", &anna()).await.expect(409).code(), "email_taken");
    app.run_jobs().await;
    assert_eq!(app.mails().len(), 1, "one welcome");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_answers_holds_no_token_and_nothing_to_guess_a_password_by() {
    let app = TestApp::start().await;
    let answer = send(&app.anonymous(), REGISTER, "k", &anna()).await.expect(201).json();
    let stored: String = app.value("SELECT convert_from(body, 'UTF8') FROM idempotency_key").await;
    assert_eq!(stored, json!({"user": {"id": answer["user"]["id"]}}).to_string());
    let compared: Vec<u8> = app.value("SELECT fingerprint FROM idempotency_key").await;
    assert_ne!(compared, Sha256::digest(anna().to_string()).to_vec());
    let mut other = anna();
    other["password"] = json!("another horse on wheels");
    let refused = send(&app.anonymous(), REGISTER, "k", &other).await.expect(422);
    assert_eq!(refused.code(), "idempotency_key_reused");
    let same: Vec<u8> = app.value("SELECT fingerprint FROM idempotency_key").await;
    assert_eq!(same, compared);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_for_one_registration_of_one_address() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    send(&nobody, REGISTER, "k", &anna()).await.expect(201);
    let mut renamed = anna();
    renamed["name"] = json!("Anna Rossi");
    assert_eq!(send(&nobody, REGISTER, "k", &renamed).await.expect(422).code(), "idempotency_key_reused");
    let mut bruno = anna();
    bruno["email"] = json!("bruno@example.org");
    let stranger = send(&nobody, REGISTER, "k", &bruno).await.expect(201);
    assert_eq!(stranger.header("idempotency-replayed"), "", "strangers may choose the same key");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_a_password_by_repeating_a_registration_locks_like_logging_in() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    send(&nobody, REGISTER, "k", &anna()).await.expect(201);
    let mut seen = Vec::new();
    for n in 0..7 {
        let mut guess = anna();
        guess["password"] = json!(format!("un cavallo numero {n}"));
        seen.push(send(&nobody, REGISTER, "k", &guess).await.status);
    }
    assert_eq!(seen, [422, 422, 422, 422, 422, 429, 429]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_equal_registrations_at_once_make_one_account() {
    let app = TestApp::start().await;
    let (nobody, body) = (app.anonymous(), anna());
    let answers = join_all((0..20).map(|_| send(&nobody, REGISTER, "k", &body))).await;
    let fresh = answers.iter().filter(|a| a.status == 201 && a.header("idempotency-replayed").is_empty());
    assert_eq!(fresh.count(), 1);
    for answer in &answers {
        let in_use = answer.status == 409 && answer.code() == "idempotency_key_in_use";
        assert!(answer.status == 201 || in_use, "{} {:?}", answer.status, answer.body);
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM users").await, 1);
    app.finish().await;
}

/// Somebody with a booking that waits for money: the client, and the path to pay at.
async fn a_debt(app: &TestApp) -> (Client, String) {
    let event = app.an_event().priced(1500).create().await;
    let client = app.log_in(&app.a_person().await).await;
    let booked = client.post(&format!("/api/v1/events/{event}/bookings"), json!({"tickets": 2})).await;
    let id = booked.expect(201).json()["id"].as_str().unwrap().to_owned();
    (client, format!("/api/v1/bookings/{id}/payment"))
}

async fn charges(app: &TestApp) -> i64 {
    app.value("SELECT count(*) FROM payments WHERE kind = 'charge'").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_sent_again_is_answered_as_before_and_charged_once() {
    let app = TestApp::start().await;
    let (client, path) = a_debt(&app).await;
    let pay = json!({"token": "tok_success"});
    let paid = send(&client, &path, "k", &pay).await.expect(200);
    assert!(!paid.header("etag").is_empty());
    let again = send(&client, &path, "k", &pay).await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", paid.json()));
    assert_eq!(paid.json()["status"], "confirmed");
    assert_eq!(send(&client, &path, "k", &json!({"token": "tok_decline"})).await.expect(422).status, 422);
    assert_eq!(send(&client, &path, "other", &pay).await.expect(409).code(), "not_pending");
    assert_eq!(client.post(&path, pay).await.expect(409).code(), "not_pending");
    assert_eq!(charges(&app).await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_without_an_answer_is_not_started_twice_and_a_declined_one_may_be_tried_again() {
    let app = TestApp::start().await;
    let (client, path) = a_debt(&app).await;
    let declined = json!({"token": "tok_decline"});
    for _ in 0..2 {
        assert_eq!(send(&client, &path, "d", &declined).await.expect(402).code(), "payment_declined");
    }
    let slow = json!({"token": "tok_timeout"});
    let first = send(&client, &path, "d", &slow).await.expect(202);
    let again = send(&client, &path, "d", &slow).await.expect(202);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", first.json()));
    assert_eq!(first.json()["status"], "processing");
    assert_eq!(send(&client, &path, "e", &slow).await.expect(409).code(), "payment_under_way");
    assert_eq!(charges(&app).await, 3);
    app.finish().await;
}
