//! Logging in with a second factor, and attacks on it: codes and challenges are good once, guessing locks, and nothing of
//! one person helps with another (ASVS 5.0, chapters 6 and 7).

use axum::http::Method;
use futures_util::future::join_all;
use jiff::ToSpan as _;
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::PASSWORD,
};

const STEP: &str = "/api/v1/auth/login/totp";

async fn step(app: &TestApp, challenge: &str, member: &str, value: &str) -> Answer {
    app.anonymous().post(STEP, json!({ "challenge": challenge, member: value })).await
}

async fn password(app: &TestApp, email: &str, password: &str) -> Answer {
    app.anonymous().post("/api/v1/auth/login", json!({ "email": email, "password": password })).await
}

/// Wrong codes and the address of the tests do not lock anybody.
async fn without_lockout() -> TestApp {
    TestApp::start_with(|config| {
        config.accounts.lockout_failures = 10_000;
        config.accounts.lockout_failures_address = 10_000;
        config.accounts.hash_bound = 200;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_takes_the_password_and_then_a_code() {
    let app = TestApp::start().await;
    let it = app.an_enrolled_person().await;
    let first = password(&app, &it.person.email, PASSWORD).await.expect(200);
    assert_eq!(first.header("cache-control"), "no-store");
    let first = first.json();
    let members: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["challenge", "expires_at", "methods"], "and no token");
    assert_eq!(first["methods"], json!(["totp", "recovery_code"]));
    let challenge = first["challenge"].as_str().unwrap();
    assert!(challenge.starts_with("spl_"));
    app.anonymous().with(challenge).get("/api/v1/me").await.expect(401);

    let tokens = step(&app, challenge, "code", &app.code(&it.secret)).await.expect(200).json();
    let client = app.anonymous().with(tokens["access_token"].as_str().unwrap());
    assert_eq!(client.get("/api/v1/me").await.expect(200).json()["email"], it.person.email);
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    let renewed = app.anonymous().post("/api/v1/auth/refresh", refresh.clone()).await.expect(200).json();
    // A refresh token that comes back betrays a thief, however the session was opened.
    app.anonymous().post("/api/v1/auth/refresh", refresh).await.expect(401);
    app.anonymous().with(renewed["access_token"].as_str().unwrap()).get("/api/v1/me").await.expect(401);
    let told: Value = app
        .value("SELECT details FROM audit_entry WHERE action = 'account.log_in' AND result = 'ok' ORDER BY id DESC LIMIT 1")
        .await;
    assert_eq!(told, json!({ "method": "totp" }));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_and_all_before_it_are_good_once() {
    let app = without_lockout().await;
    let it = app.an_enrolled_person().await;
    let (code, before) = {
        let before = app.code(&it.secret);
        app.next_code();
        (app.code(&it.secret), before)
    };
    step(&app, &app.challenge(&it.person).await, "code", &code).await.expect(200);
    for old in [&code, &before] {
        let refused = step(&app, &app.challenge(&it.person).await, "code", old).await.expect(401);
        assert_eq!(refused.code(), "wrong_code");
    }
    app.next_code();
    step(&app, &app.challenge(&it.person).await, "code", &app.code(&it.secret)).await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_good_once_for_five_minutes_and_five_tries() {
    let app = without_lockout().await;
    let it = app.an_enrolled_person().await;
    let used = app.challenge(&it.person).await;
    step(&app, &used, "code", &app.code(&it.secret)).await.expect(200);
    app.next_code();
    let gone = async |challenge: &str| {
        let refused = step(&app, challenge, "code", &app.code(&it.secret)).await.expect(401);
        assert_eq!(refused.code(), "invalid_challenge");
    };
    gone(&used).await;
    let old = app.challenge(&it.person).await;
    app.app.clock.advance(301.seconds().try_into().unwrap());
    gone(&old).await;
    let guessed = app.challenge(&it.person).await;
    for _ in 0..5 {
        assert_eq!(step(&app, &guessed, "recovery_code", "wrong").await.expect(401).code(), "wrong_code");
    }
    gone(&guessed).await;
    gone("spl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
    gone("").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_worthless_once_the_password_was_changed_or_the_account_disabled() {
    let app = TestApp::start().await;
    let it = app.an_enrolled_person().await;
    let challenge = app.challenge(&it.person).await;
    let change = json!({ "current_password": PASSWORD, "new_password": "una nuova parola" });
    it.client.post("/api/v1/me/password", change).await.expect(204);
    let refused = step(&app, &challenge, "code", &app.code(&it.secret)).await.expect(401);
    assert_eq!(refused.code(), "invalid_challenge");
    let fresh = password(&app, &it.person.email, "una nuova parola").await.expect(200).json();
    app.database.client().await.batch_execute("UPDATE users SET status = 'disabled'").await.unwrap();
    let challenge = fresh["challenge"].as_str().unwrap();
    let refused = step(&app, challenge, "code", &app.code(&it.secret)).await.expect(401);
    assert_eq!(refused.code(), "invalid_challenge");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_person_helps_with_another() {
    let app = without_lockout().await;
    let (anna, bruno) = (app.an_enrolled_person().await, app.an_enrolled_person().await);
    let challenge = app.challenge(&anna.person).await;
    for (member, value) in
        [("code", app.code(&bruno.secret)), ("recovery_code", bruno.recovery_codes[0].clone())]
    {
        assert_eq!(step(&app, &challenge, member, &value).await.expect(401).code(), "wrong_code");
    }
    // Neither did it cost Bruno anything.
    let his = app.challenge(&bruno.person).await;
    step(&app, &his, "recovery_code", &bruno.recovery_codes[0]).await.expect(200);
    // Without a challenge, or with both proofs or none, nothing is looked at.
    for body in [
        json!({ "challenge": challenge }),
        json!({ "challenge": challenge, "code": "123456", "recovery_code": "x" }),
        json!({ "code": app.code(&anna.secret) }),
    ] {
        app.anonymous().post(STEP, body).await.expect(422);
    }
    step(&app, &challenge, "code", &app.code(&anna.secret)).await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_codes_locks_and_the_right_password_in_between_forgets_nothing() {
    let app = TestApp::start().await;
    let it = app.an_enrolled_person().await;
    for _ in 0..2 {
        let challenge = app.challenge(&it.person).await; // the right password
        for _ in 0..2 {
            step(&app, &challenge, "code", "000000").await.expect(401);
        }
    }
    let challenge = app.challenge(&it.person).await;
    step(&app, &challenge, "code", "000000").await.expect(401);
    let right = step(&app, &challenge, "code", &app.code(&it.secret)).await.expect(429);
    assert!(!right.header("retry-after").is_empty());
    password(&app, &it.person.email, PASSWORD).await.expect(429);
    app.app.clock.advance(301.seconds().try_into().unwrap());
    let challenge = app.challenge(&it.person).await;
    step(&app, &challenge, "code", &app.code(&it.secret)).await.expect(200);
    let refused: i64 = app
        .value("SELECT count(*) FROM audit_entry WHERE action = 'account.log_in' AND details ->> 'reason' = 'wrong_code' AND address IS NOT NULL")
        .await;
    assert_eq!(refused, 5);
    assert_eq!(
        app.value::<i64>("SELECT count(*) FROM login_failure").await,
        1,
        "the account's are forgotten"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_at_taking_it_away_locks_too() {
    let app = TestApp::start().await;
    let it = app.an_enrolled_person().await;
    let disable = async |client: &Client, code: &str| {
        let body = json!({ "password": PASSWORD, "code": code });
        client.request(Method::DELETE, "/api/v1/me/totp", &[], Some(body)).await.status
    };
    for _ in 0..5 {
        assert_eq!(disable(&it.client, "000000").await, 403);
    }
    assert_eq!(disable(&it.client, &app.code(&it.secret)).await, 429);
    app.finish().await;
}

/// Of a hundred who come at once with a challenge each and the same proof, one gets in.
async fn one_wins(app: &TestApp, challenges: Vec<String>, member: &str, value: &str) {
    let answers = join_all(challenges.iter().map(|challenge| step(app, challenge, member, value))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 401, 503].contains(status)), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_tries_of_one_recovery_code_or_one_code_at_once_one_wins() {
    let app = without_lockout().await;
    let it = app.an_enrolled_person().await;
    for (member, value) in [("recovery_code", it.recovery_codes[3].clone()), ("code", app.code(&it.secret))] {
        let mut challenges = Vec::new();
        for _ in 0..100 {
            challenges.push(app.challenge(&it.person).await);
        }
        let same = vec![app.challenge(&it.person).await; 100];
        one_wins(&app, challenges, member, &value).await;
        let answers = join_all(same.iter().map(|challenge| step(&app, challenge, member, &value))).await;
        assert!(answers.iter().all(|answer| answer.status != 200), "it was used");
    }
    let challenge = app.challenge(&it.person).await;
    one_wins(&app, vec![challenge; 100], "recovery_code", &it.recovery_codes[4]).await;
    let used: i64 = app.value("SELECT count(*) FROM recovery_code WHERE used_at IS NOT NULL").await;
    assert_eq!(used, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_its_second_factor_is_reached_by_no_repeated_registration() {
    let app = TestApp::start().await;
    let body = json!({ "email": "anna@example.org", "password": PASSWORD, "name": "Anna" });
    let register = async || {
        let headers = [("idempotency-key", "k")];
        app.anonymous().request(Method::POST, "/api/v1/auth/register", &headers, Some(body.clone())).await
    };
    let made = register().await.expect(201).json();
    let client = app.anonymous().with(made["access_token"].as_str().unwrap());
    let secret = app.enrol(&client).await;
    client.post("/api/v1/me/totp/confirm", json!({ "code": app.code(&secret) })).await.expect(200);
    assert_eq!(register().await.expect(409).code(), "second_factor_needed");
    app.finish().await;
}
