//! Accounts as clients meet them.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sportello::accounts::policy::Role;

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::PASSWORD,
};

fn registration(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "name": "Anna Bianchi", "role": "host", "language": "en"})
}

async fn log_in(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/api/v1/auth/login", json!({"email": email, "password": password})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_registers_is_welcomed_by_mail_logs_in_and_out() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    anonymous.post("/api/v1/auth/register", registration(" Anna@Example.ORG ")).await.expect(201);
    app.run_jobs().await;
    let mails = app.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("anna@example.org") && mails[0].contains("Welcome"), "{}", mails[0]);

    let tokens = log_in(&anonymous, "ANNA@example.org", PASSWORD).await.expect(200);
    assert_eq!(tokens.header("cache-control"), "no-store");
    let tokens = tokens.json();
    let anna = anonymous.with(tokens["access_token"].as_str().unwrap());
    let me = anna.get("/api/v1/me").await.expect(200).json();
    assert_eq!((me["email"].as_str(), &me["roles"]), (Some("anna@example.org"), &json!(["client", "host"])));
    assert!(me.get("password_hash").is_none());
    anna.request(Method::POST, "/api/v1/auth/logout", &[], None).await.expect(204);
    let refused = anna.get("/api/v1/me").await.expect(401);
    assert!(refused.header("www-authenticate").contains("invalid_token"));
    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    anonymous.post("/api/v1/auth/refresh", refresh).await.expect(401);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_an_administrator_over_http() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    for (field, value) in [("role", json!("admin")), ("status", json!("active")), ("id", json!("x"))] {
        let mut body = registration("eve@example.org");
        body[field] = value;
        let refused = anonymous.post("/api/v1/auth/register", body).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], format!("/{field}"));
    }
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    let headers = [("if-match", "\"v1\"")];
    for body in [json!({"roles": ["admin"]}), json!({"email": "x@y.it"}), json!({"version": 9})] {
        client.request(Method::PATCH, "/api/v1/me", &headers, Some(body)).await.expect(422);
    }
    let admins: i64 = app.value("SELECT count(*) FROM users WHERE 'admin' = ANY (roles)").await;
    assert_eq!(admins, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_registrations_name_every_field() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let body = json!({"email": "nobody", "password": "password", "name": "  "});
    let refused = anonymous.post("/api/v1/auth/register", body).await.expect(422).json();
    let found: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|e| &e["pointer"]).collect();
    assert_eq!(found, ["/email", "/name", "/password"]);
    anonymous.post("/api/v1/auth/register", registration("anna@example.org")).await.expect(201);
    let taken = anonymous.post("/api/v1/auth/register", registration("ANNA@example.org")).await.expect(409);
    assert_eq!(taken.code(), "email_taken");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_hears_when_to_come_back_and_an_unknown_one_the_same() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let anonymous = app.anonymous();
    for email in [person.email.as_str(), "nobody@example.org"] {
        for _ in 0..5 {
            log_in(&anonymous, email, "wrong password").await.expect(401);
        }
        let locked = log_in(&anonymous, email, PASSWORD).await.expect(429);
        let wait: u64 = locked.header("retry-after").parse().unwrap();
        assert!((290..=301).contains(&wait), "{wait}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_only_by_who_has_read_it() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    let etag = client.get("/api/v1/me").await.expect(200).header("etag").to_owned();
    let change = |etag: String, body: Value| {
        let client = client.clone();
        async move {
            let headers: &[(&str, &str)] = if etag.is_empty() { &[] } else { &[("if-match", &etag)] };
            client.request(Method::PATCH, "/api/v1/me", headers, Some(body)).await
        }
    };
    change(String::new(), json!({"name": "Bruna"})).await.expect(428);
    let changed = change(etag.clone(), json!({"name": "Bruna", "phone": "+39 051 1234"})).await.expect(200);
    assert_eq!(changed.json()["phone"], "+39 051 1234");
    assert_ne!(changed.header("etag"), etag);
    change(etag, json!({"name": "Carla"})).await.expect(412);
    let etag = changed.header("etag").to_owned();
    change(etag.clone(), json!({"name": null})).await.expect(422);
    let removed = change(etag, json!({"phone": null})).await.expect(200);
    assert_eq!(
        (removed.json()["phone"].clone(), removed.json()["name"].clone()),
        (Value::Null, json!("Bruna"))
    );
    let etag = removed.header("etag").to_owned();
    let (one, two) =
        tokio::join!(change(etag.clone(), json!({"name": "Dora"})), change(etag, json!({"name": "Elsa"})));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_by_who_knows_it_and_other_devices_are_logged_out() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let (here, elsewhere) = (app.log_in(&person).await, app.log_in(&person).await);
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let wrong = change("not my password", "una nuova parola");
    assert!((400..500).contains(&here.post("/api/v1/me/password", wrong).await.status));
    here.post("/api/v1/me/password", change(PASSWORD, "password123")).await.expect(422);
    here.post("/api/v1/me/password", change(PASSWORD, "una nuova parola")).await.expect(204);
    here.get("/api/v1/me").await.expect(200);
    elsewhere.get("/api/v1/me").await.expect(401);
    let anonymous = app.anonymous();
    log_in(&anonymous, &person.email, PASSWORD).await.expect(401);
    log_in(&anonymous, &person.email, "una nuova parola").await.expect(200);
    app.run_jobs().await;
    assert_eq!(app.mails().len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_log_ins_at_once_are_served_or_told_to_come_back() {
    let app = TestApp::start_with(|config| {
        config.accounts.hash_bound = 30;
        config.limits.enabled = false;
    })
    .await;
    let person = app.a_person().await;
    let client = app.anonymous();
    let answers = join_all((0..100).map(|_| log_in(&client, &person.email, PASSWORD))).await;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(served >= 30, "{served}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(!answer.header("retry-after").is_empty());
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_open_only_what_their_role_may_see() {
    let app = TestApp::start().await;
    app.anonymous().get("/admin/api/actors").await.expect(401);
    app.anonymous().with("spa_00000000000000000000000000000000").get("/api/v1/me").await.expect(401);
    for (role, status) in [(Role::Client, 403), (Role::Host, 403), (Role::Admin, 200)] {
        let person = app.a_person_with(role).await;
        let client = app.log_in(&person).await;
        for path in ["/admin/api/actors", "/admin/api/restarts", "/admin/api/journal"] {
            client.get(path).await.expect(status);
        }
    }
    app.finish().await;
}
