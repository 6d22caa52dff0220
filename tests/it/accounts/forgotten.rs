//! What mails carry: links that verify an address and replace a forgotten password, and attacks on them.

use std::sync::atomic::Ordering::Relaxed;

use axum::http::Method;
use futures_util::future::join_all;
use jiff::ToSpan as _;
use serde_json::{Value, json};
use sportello::accounts::users::User;

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::PASSWORD,
};

const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESET: &str = "/api/v1/auth/password/reset";
const VERIFY: &str = "/api/v1/auth/email/verify";
const NEW: &str = "una nuova parola";

impl TestApp {
    /// The token with this prefix in the newest mail.
    pub(super) fn mailed(&self, prefix: &str) -> String {
        let mail = self.mails().pop().expect("there is a mail");
        let text = mail.replace("=\r\n", "").replace("=\n", "");
        let at = text.find(prefix).unwrap_or_else(|| panic!("no {prefix} in {text}"));
        text[at..at + 36].to_owned()
    }

    async fn forget(&self, email: &str) -> Answer {
        self.anonymous().post(FORGOT, json!({ "email": email })).await.expect(202)
    }

    /// A token to replace this person's password.
    async fn a_reset_token(&self, person: &User) -> String {
        self.forget(&person.email).await;
        self.run_jobs().await;
        self.mailed("spp_")
    }

    async fn reset(&self, token: &str, password: &str) -> Answer {
        self.anonymous().post(RESET, json!({ "token": token, "new_password": password })).await
    }

    async fn enters(&self, person: &User, password: &str) -> bool {
        let body = json!({ "email": person.email, "password": password });
        let answer = self.anonymous().post("/api/v1/auth/login", body).await;
        assert!([200, 401].contains(&answer.status), "{answer:?}");
        answer.status == 200
    }
}

fn refused(answer: Answer) {
    assert_eq!(answer.expect(401).code(), "invalid_reset_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_replaced_by_who_reads_the_mail_and_every_session_ends() {
    let app = TestApp::start().await;
    let (person, other) = (app.a_person().await, app.a_person().await);
    let (client, others) = (app.log_in(&person).await, app.log_in(&other).await);
    let token = app.a_reset_token(&person).await;
    let mail = app.mails().pop().unwrap();
    assert!(mail.contains(&person.email), "{mail}");
    let weak = app.reset(&token, "password123").await.expect(422).json();
    assert_eq!(weak["errors"][0]["pointer"], "/new_password");
    client.get("/api/v1/me").await.expect(200);
    app.reset(&token, NEW).await.expect(204);
    client.get("/api/v1/me").await.expect(401);
    others.get("/api/v1/me").await.expect(200);
    assert!(!app.enters(&person, PASSWORD).await && app.enters(&person, NEW).await);
    app.run_jobs().await;
    assert_eq!(app.mails().len(), 2, "the link, and that it was changed");
    let stored: String = app.value("SELECT coalesce(string_agg(t::text, ''), '') FROM account_token t").await;
    assert!(!stored.contains(&token));
    let told: i64 =
        app.value("SELECT count(*) FROM audit_entry WHERE action = 'account.reset_password'").await;
    assert_eq!(told, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn known_and_unknown_addresses_are_answered_alike_at_the_same_cost() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    app.forget("somebody@example.org").await; // statements are prepared
    let mut seen = Vec::new();
    for email in [person.email.as_str(), "nobody@example.org", person.email.as_str(), "nobody@example.org"] {
        let before = app.costs();
        let answer = app.forget(email).await;
        let names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        let cost: Vec<_> = app.costs().iter().zip(before).map(|(after, before)| after - before).collect();
        seen.push((answer.body, names, cost));
    }
    assert_eq!((&seen[0], &seen[2]), (&seen[1], &seen[3]));
    assert_eq!(seen[0].2, [1, 1], "one lookup, one entry");
    app.run_jobs().await;
    assert_eq!(app.mails().len(), 1);
    app.anonymous().post(FORGOT, json!({ "email": "nobody" })).await.expect(422);
    app.finish().await;
}

impl TestApp {
    /// How often the statements that only requests run were run.
    fn costs(&self) -> [u64; 2] {
        let all = self.app.db.observer().statements();
        let count = |label: &str| {
            let found = all.iter().find(|(it, _)| *it == label);
            found.map_or(0, |(_, stats)| stats.served.load(Relaxed))
        };
        ["accounts.users.credentials", "audit.record"].map(count)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_once_for_an_hour_and_for_the_password_it_was_asked_for() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let used = app.a_reset_token(&person).await;
    app.reset(&used, NEW).await.expect(204);
    refused(app.reset(&used, "la terza parola").await);

    app.app.clock.advance(61.minutes().try_into().unwrap());
    let old = app.a_reset_token(&person).await;
    app.app.clock.advance(61.minutes().try_into().unwrap());
    refused(app.reset(&old, "la terza parola").await);

    let overtaken = app.a_reset_token(&person).await;
    app.app.clock.advance(61.seconds().try_into().unwrap());
    let second = app.a_reset_token(&person).await;
    assert_ne!(overtaken, second);
    app.reset(&second, "la quarta parola").await.expect(204);
    refused(app.reset(&overtaken, "la quinta parola").await);

    app.app.clock.advance(61.seconds().try_into().unwrap());
    let disabled = app.a_reset_token(&person).await;
    app.database.client().await.batch_execute("UPDATE users SET status = 'disabled'").await.unwrap();
    refused(app.reset(&disabled, "la sesta parola").await);
    for nonsense in ["", "spp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "spa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        refused(app.reset(nonsense, "la sesta parola").await);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_resets_at_once_one_wins() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let token = app.a_reset_token(&person).await;
    let passwords: Vec<_> = (0..20).map(|n| format!("la parola numero {n}")).collect();
    let answers = join_all(passwords.iter().map(|password| app.reset(&token, password))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 401].contains(status)), "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 204).unwrap();
    assert!(app.enters(&person, &passwords[winner]).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_leaves_the_second_factor_and_kills_challenges() {
    let app = TestApp::start().await;
    let it = app.an_enrolled_person().await;
    let challenge = app.challenge(&it.person).await;
    let token = app.a_reset_token(&it.person).await;
    app.reset(&token, NEW).await.expect(204);
    let step = async |challenge: &str| {
        let body = json!({ "challenge": challenge, "code": app.code(&it.secret) });
        app.anonymous().post("/api/v1/auth/login/totp", body).await
    };
    assert_eq!(step(&challenge).await.expect(401).code(), "invalid_challenge");
    let body = json!({ "email": it.person.email, "password": NEW });
    let answer = app.anonymous().post("/api/v1/auth/login", body).await.expect(200).json();
    assert!(answer.get("access_token").is_none(), "{answer}");
    step(answer["challenge"].as_str().unwrap()).await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_flooded_with_mails() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    for _ in 0..10 {
        for _ in 0..3 {
            app.forget(&person.email).await;
        }
        app.run_jobs().await;
        app.app.clock.advance(61.seconds().try_into().unwrap());
    }
    assert_eq!(app.mails().len(), 5, "one a minute, five an hour");
    app.app.clock.advance(1.hours().try_into().unwrap());
    app.forget(&person.email).await;
    app.run_jobs().await;
    assert_eq!(app.mails().len(), 6);
    app.finish().await;
}

async fn verify(client: &Client, token: &str) -> Answer {
    client.post(VERIFY, json!({ "token": token })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_verified_by_the_link_of_the_welcome() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let body = json!({ "email": "anna@example.org", "password": PASSWORD, "name": "Anna" });
    let made = anonymous.post("/api/v1/auth/register", body).await.expect(201).json();
    assert_eq!(made["user"]["email_verified_at"], Value::Null);
    let anna = anonymous.with(made["access_token"].as_str().unwrap());
    app.run_jobs().await;
    let token = app.mailed("spv_");
    refused_as(verify(&anonymous, "spv_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await);
    refused(app.reset(&token, NEW).await); // a token proves one thing
    verify(&anonymous, &token).await.expect(204);
    refused_as(verify(&anonymous, &token).await);
    assert!(anna.get("/api/v1/me").await.expect(200).json()["email_verified_at"].is_string());
    let done = anna.post("/api/v1/me/email/verification", json!({})).await.expect(409);
    assert_eq!(done.code(), "already_verified");
    app.finish().await;
}

fn refused_as(answer: Answer) {
    assert_eq!(answer.expect(401).code(), "invalid_verification_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_is_sent_again_within_limits_and_is_for_one_address_and_three_days() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    let again = async || client.post("/api/v1/me/email/verification", json!({})).await;
    again().await.expect(202);
    assert!(!again().await.expect(429).header("retry-after").is_empty());
    app.run_jobs().await;
    let first = app.mailed("spv_");
    for _ in 0..4 {
        app.app.clock.advance(61.seconds().try_into().unwrap());
        again().await.expect(202);
        app.run_jobs().await;
    }
    app.app.clock.advance(61.seconds().try_into().unwrap());
    again().await.expect(429);
    assert_eq!(app.mails().len(), 5);

    let database = app.database.client().await;
    database.batch_execute("UPDATE users SET email = 'another@example.org'").await.unwrap();
    refused_as(verify(&client, &first).await);
    database.execute("UPDATE users SET email = $1", &[&person.email]).await.unwrap();
    app.app.clock.advance(73.hours().try_into().unwrap());
    refused_as(verify(&app.anonymous(), &first).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_links_lead_to_pages_that_run_nothing_foreign() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let token = app.a_reset_token(&person).await;
    let mail = app.mails().pop().unwrap().replace("=\r\n", "").replace("=\n", "");
    assert!(mail.contains(&format!("/account/reset#{token}")), "{mail}");
    for (path, kind) in [
        ("/account/reset", "text/html"),
        ("/account/verify", "text/html"),
        ("/account/account.js", "text/javascript"),
        ("/account/account.css", "text/css"),
    ] {
        let page = app.anonymous().get(path).await.expect(200);
        assert!(page.header("content-type").starts_with(kind), "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
    for (asked, said) in
        [("it-IT,it;q=0.9", "La nuova password"), ("en-GB", "The new password"), ("de", "La nuova")]
    {
        let headers = [("accept-language", asked)];
        let page = app.anonymous().request(Method::GET, "/account/reset", &headers, None).await.expect(200);
        let html = String::from_utf8(page.body.to_vec()).unwrap();
        assert!(html.contains(said) && html.contains("<form id=\"reset\" hidden>"), "{html}");
        assert!(page.header("vary").contains("accept-language"));
    }
    app.finish().await;
}
