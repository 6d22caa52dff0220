//! Keys for programs: shown once, counted exactly, dead at once, and never more than their owner.

use axum::http::Method;
use futures_util::future::join_all;
use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Value, json};
use sportello::{
    accounts::{administration, policy::Role},
    jobs::{accounts::PruneAccounts, registry::registry},
};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::PASSWORD,
    until::eventually,
};

const KEYS: &str = "/api/v1/api-keys";
const ME: &str = "/api/v1/me";

/// A key that was just made.
struct Made {
    /// What carries it.
    client: Client,
    secret: String,
    path: String,
    etag: String,
}

async fn make(client: &Client, body: Value) -> Made {
    let answer = client.post(KEYS, body).await.expect(201);
    let made = answer.json();
    let secret = made["key"].as_str().unwrap().to_owned();
    let path = format!("{KEYS}/{}", made["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), path);
    Made { client: client.with(&secret), secret, path, etag: answer.header("etag").to_owned() }
}

async fn reader(client: &Client) -> Made {
    make(client, json!({ "name": "lettore", "scopes": ["profile:read"] })).await
}

async fn told(app: &TestApp, action: &str, result: &str) -> i64 {
    let client = app.database.client().await;
    let count = "SELECT count(*) FROM audit_entry WHERE action = $1 AND result = $2";
    client.query_one(count, &[&action, &result]).await.unwrap().get(0)
}

async fn with_header(client: &Client, key: &str) -> Answer {
    client.request(Method::GET, ME, &[("x-api-key", key)], None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_and_its_hash_is_all_that_is_kept() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    let before = app.app.clock.now();
    let body = json!({ "name": " Gestionale ", "scopes": ["profile:read", "bookings:read", "profile:read"] });
    let headers = [("idempotency-key", "once")];
    let made = client.request(Method::POST, KEYS, &headers, Some(body.clone())).await.expect(201);
    let shown = made.json();
    let secret = shown["key"].as_str().unwrap();
    assert!(secret.starts_with("spk_") && secret.len() == 47, "{secret}");
    assert_eq!(
        (&shown["name"], &shown["scopes"]),
        (&json!("Gestionale"), &json!(["profile:read", "bookings:read"]))
    );
    assert_eq!((&shown["quota_per_hour"], &shown["hint"]), (&json!(1000), &json!(&secret[..10])));
    let end: jiff::Timestamp = shown["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(end.duration_since(before) >= SignedDuration::from_hours(365 * 24 - 1));
    // A repetition makes no second one, and does not show the first again.
    let again = client.request(Method::POST, KEYS, &headers, Some(body)).await.expect(409);
    assert_eq!(again.code(), "shown_once");
    let other = json!({ "name": "altro", "scopes": ["audit:read"] });
    let other = client.request(Method::POST, KEYS, &headers, Some(other)).await.expect(422);
    assert_eq!(other.code(), "idempotency_key_reused");
    let listed = client.get(KEYS).await.expect(200).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert!(!listed.to_string().contains(&secret[10..]) && listed["data"][0].get("key").is_none());
    let kept: String = app
        .value(
            "SELECT (SELECT string_agg(k::text, ' ') FROM api_key k)
                || (SELECT string_agg(encode(i.body, 'escape'), ' ') FROM idempotency_key i)
                || (SELECT string_agg(a::text, ' ') FROM audit_entry a)",
        )
        .await;
    assert!(!kept.contains(&secret[10..]), "the key stands in the database");
    app.run_jobs().await;
    assert!(app.mails().iter().any(|mail| mail.contains("chiave")), "its owner hears of it");
    assert_eq!(told(&app, "api_key.create", "ok").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_may_be_is_checked_and_a_person_has_fifty() {
    let app = TestApp::start().await;
    let client = app.log_in(&app.a_person().await).await;
    for (body, pointer) in [
        (json!({ "name": "", "scopes": ["profile:read"] }), "/name"),
        (json!({ "name": "x", "scopes": [] }), "/scopes"),
        (json!({ "name": "x", "scopes": ["admin"] }), "/scopes/0"),
        (json!({ "name": "x", "scopes": ["profile:read"], "quota_per_hour": 0 }), "/quota_per_hour"),
        (json!({ "name": "x", "scopes": ["profile:read"], "quota_per_hour": 10_001 }), "/quota_per_hour"),
        (
            json!({ "name": "x", "scopes": ["profile:read"], "expires_at": "2020-01-01T00:00:00Z" }),
            "/expires_at",
        ),
        (
            json!({ "name": "x", "scopes": ["profile:read"], "expires_at": "2999-01-01T00:00:00Z" }),
            "/expires_at",
        ),
        (json!({ "name": "x", "scopes": ["profile:read"], "user_id": "x" }), "/user_id"),
    ] {
        let refused = client.post(KEYS, body.clone()).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{body}");
    }
    let body = json!({ "name": "x", "scopes": ["profile:read"] });
    for _ in 0..45 {
        client.post(KEYS, body.clone()).await.expect(201);
    }
    let answers = join_all((0..10).map(|_| client.post(KEYS, body.clone()))).await;
    let of = |status: u16| answers.iter().filter(|it| it.status == status).count();
    assert_eq!((of(201), of(409)), (5, 5), "also of ten at once");
    let first = client.get("/api/v1/api-keys?limit=30").await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = client.get(&format!("{KEYS}?limit=30&cursor={cursor}")).await.expect(200).json();
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next_cursor"]), (20, &Value::Null));
    let one = format!("{KEYS}/{}", first["data"][0]["id"].as_str().unwrap());
    client.delete(&one).await.expect(204);
    client.post(KEYS, body).await.expect(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_sent_as_bearer_or_in_its_header_and_never_beside_others() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    let key = reader(&client).await;
    assert_eq!(key.client.get(ME).await.expect(200).json()["email"], person.email);
    assert_eq!(with_header(&app.anonymous(), &key.secret).await.expect(200).json()["email"], person.email);
    assert_eq!(with_header(&client, &key.secret).await.expect(400).code(), "two_credentials");
    assert_eq!(with_header(&key.client, &key.secret).await.expect(400).code(), "two_credentials");
    let twice = [("x-api-key", key.secret.as_str()), ("x-api-key", key.secret.as_str())];
    assert_eq!(
        app.anonymous().request(Method::GET, ME, &twice, None).await.expect(400).code(),
        "two_credentials"
    );
    // What everybody may see is seen with a key, too; whose favourite it is only with the scope for it.
    let slug = app.an_event().create().await;
    let page = format!("/api/v1/events/{slug}");
    client.put(&format!("{page}/favourite")).await.expect(204);
    let blind = make(&client, json!({ "name": "cieco", "scopes": ["events:read"] })).await;
    assert_eq!(key.client.get(&page).await.expect(200).json()["favourite"], true);
    assert!(blind.client.get(&page).await.expect(200).json().get("favourite").is_none());
    let seen =
        app.anonymous().request(Method::GET, &page, &[("x-api-key", &key.secret)], None).await.expect(200);
    assert_eq!(
        (seen.json()["favourite"].clone(), seen.header("cache-control")),
        (json!(true), "private, no-store")
    );
    eventually("when it was used is written down", async || {
        !client.get(&key.path).await.json()["last_used_at"].is_null()
    })
    .await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_it_was_used_is_written_once_a_minute() {
    let app = TestApp::start().await;
    let client = app.log_in(&app.a_person().await).await;
    let key = reader(&client).await;
    let used = async || client.get(&key.path).await.json()["last_used_at"].clone();
    key.client.get(ME).await.expect(200);
    eventually("the first use", async || !used().await.is_null()).await;
    let first = used().await;
    app.app.clock.advance(SignedDuration::from_secs(50));
    key.client.get(ME).await.expect(200);
    assert_eq!(used().await, first);
    app.app.clock.advance(SignedDuration::from_secs(20));
    key.client.get(ME).await.expect(200);
    eventually("the next minute", async || used().await != first).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_requests_at_once_over_two_nodes_get_exactly_their_fifty() {
    let app = TestApp::start().await;
    let client = app.log_in(&app.a_person().await).await;
    let node = app.another_node(|_| {}, registry()).await;
    let body = json!({ "name": "x", "scopes": ["profile:read"], "quota_per_hour": 50 });
    let key = make(&client, body).await;
    // Not over the border of an hour.
    let left = 3600 - app.app.clock.now().as_second().rem_euclid(3600);
    if left < 60 {
        app.app.clock.advance(SignedDuration::from_secs(left));
    }
    let there = key.client.at(node.address);
    let asking = (0..200).map(|n| if n % 2 == 0 { key.client.get(ME) } else { there.get(ME) });
    let answers = join_all(asking).await;
    let of = |status: u16| answers.iter().filter(|it| it.status == status).count();
    assert_eq!((of(200), of(429)), (50, 150));
    let refused = answers.iter().find(|it| it.status == 429).unwrap();
    assert_eq!(refused.json()["violated-policies"], json!(["api_key"]));
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=3600).contains(&wait), "{wait}");
    let values = |answer: &Answer, name: &str| {
        answer.headers.get_all(name).iter().map(|it| it.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(values(refused, "ratelimit-policy").contains(&"\"api_key\";q=50;w=3600".to_owned()));
    assert!(values(refused, "ratelimit").iter().any(|it| it.starts_with("\"api_key\";r=0;t=")));
    assert!(values(refused, "ratelimit").iter().any(|it| it.starts_with("\"user\";r=")));
    assert_eq!(app.value::<i32>("SELECT used FROM api_key_hour").await, 50);
    // Another key of the same person, and the person, are not concerned; a larger quota counts at once.
    reader(&client).await.client.get(ME).await.expect(200);
    client.patch(&key.path, &key.etag, json!({ "quota_per_hour": 51 })).await.expect(200);
    key.client.get(ME).await.expect(200);
    there.get(ME).await.expect(429);
    app.app.clock.advance(SignedDuration::from_secs(wait));
    there.get(ME).await.expect(200);
    // The hours that are over go.
    app.app.clock.advance(3.hours().try_into().unwrap());
    let mut tx = app.app.db.begin("tests.prune").await.unwrap();
    app.app.jobs.enqueue(&mut tx, &PruneAccounts {}).await.unwrap();
    tx.commit().await.unwrap();
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM api_key_hour").await, 0);
    node.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_expired_or_ownerless_key_is_as_good_as_none_at_once_and_told() {
    let app = TestApp::start().await;
    let node = app.another_node(|_| {}, registry()).await;
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    let (revoked, expired, owned) = (reader(&client).await, reader(&client).await, reader(&client).await);
    let soon = app.app.clock.now().checked_add(SignedDuration::from_mins(5)).unwrap();
    client.patch(&expired.path, &expired.etag, json!({ "expires_at": soon })).await.expect(200);
    for key in [&revoked, &expired, &owned] {
        key.client.at(node.address).get(ME).await.expect(200); // known there, too
    }
    client.delete(&revoked.path).await.expect(204);
    client.delete(&revoked.path).await.expect(204);
    app.app.clock.advance(SignedDuration::from_mins(5));
    let unknown = app.anonymous().with(&format!("spk_{}", "A".repeat(43)));
    let garbage = app.anonymous().with("spk_x");
    let disable = "UPDATE users SET status = 'disabled' WHERE id = $1";
    app.database.client().await.execute(disable, &[&person.id]).await.unwrap();
    let mut said = Vec::new();
    for key in [&revoked.client, &expired.client, &owned.client, &unknown, &garbage] {
        for address in [app.app.address, node.address] {
            let mut answer = key.at(address).get(ME).await.expect(401).json();
            answer.as_object_mut().unwrap().remove("request_id");
            said.push(answer);
        }
    }
    assert!(said.iter().all(|it| *it == said[0]), "{said:?}");
    join_all((0..50).map(|_| revoked.client.get(ME))).await;
    eventually("every refused key is told, once a minute by each server", async || {
        told(&app, "api_key.use", "refused").await == 6
    })
    .await;
    let by: i64 = app
        .value("SELECT count(*) FROM audit_entry WHERE action = 'api_key.use' AND who_kind = 'api_key' AND address IS NOT NULL")
        .await;
    assert_eq!(by, 6);
    // Neither revoking nor erasing is taken back by changing.
    let enable = "UPDATE users SET status = 'active' WHERE id = $1";
    app.database.client().await.execute(enable, &[&person.id]).await.unwrap();
    let client = app.log_in(&person).await;
    for key in [&revoked, &expired] {
        let etag = client.get(&key.path).await.expect(200).header("etag").to_owned();
        let later = app.app.clock.now().checked_add(SignedDuration::from_hours(5)).unwrap();
        let refused = client.patch(&key.path, &etag, json!({ "expires_at": later })).await.expect(409);
        assert_eq!(refused.code(), "key_ended");
    }
    node.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_no_more_than_its_owner_may_at_that_moment() {
    let app = TestApp::start().await;
    let host = app.a_person_with(Role::Host).await;
    let client = app.log_in(&host).await;
    let scopes =
        json!({ "name": "x", "scopes": ["events:read", "events:write", "audit:read", "bookings:read"] });
    let key = make(&client, scopes).await;
    key.client.get("/api/v1/me/events").await.expect(200);
    let plain = "UPDATE users SET roles = '{client}' WHERE id = $1";
    app.database.client().await.execute(plain, &[&host.id]).await.unwrap();
    key.client.get("/api/v1/me/events").await.expect(403);
    // Somebody else's things stay somebody else's.
    let other = app.log_in(&app.a_person().await).await;
    let slug = app.an_event().create().await;
    let booking = other.post(&format!("/api/v1/events/{slug}/bookings"), json!({ "tickets": 1 })).await;
    let booking = booking.expect(201).json()["id"].as_str().unwrap().to_owned();
    key.client.get(&format!("/api/v1/bookings/{booking}")).await.expect(404);
    assert_eq!(
        key.client.get("/api/v1/audit").await.expect(200).json()["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["who"] != json!(host.id))
            .count(),
        0
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_make_no_keys_and_nobody_touches_those_of_others() {
    let app = TestApp::start().await;
    let (owner, thief) = (app.log_in(&app.a_person().await).await, app.log_in(&app.a_person().await).await);
    let key = reader(&owner).await;
    let all = json!({ "name": "x", "scopes": ["profile:read", "bookings:write", "audit:read"] });
    for answer in [
        key.client.post(KEYS, all.clone()).await,
        key.client.get(KEYS).await,
        key.client.patch(&key.path, &key.etag, json!({ "scopes": ["bookings:write"] })).await,
        key.client.delete(&key.path).await,
        key.client.request(Method::POST, "/api/v1/me/password", &[], Some(json!({}))).await,
        key.client.post("/api/v1/auth/login", json!({ "email": "a@b.it", "password": PASSWORD })).await,
    ] {
        assert_eq!(answer.expect(403).code(), "key_not_allowed");
    }
    let unknown = format!("{KEYS}/01980f3c-7a3e-7cc1-8f1b-2a6d3a1c9e10");
    for path in [&key.path, &unknown] {
        thief.get(path).await.expect(404);
        thief.patch(path, "*", json!({ "scopes": ["bookings:write"] })).await.expect(404);
        thief.delete(path).await.expect(404);
    }
    key.client.get(ME).await.expect(200);
    // Its owner gives it more: for that the version that was read is needed, and it is told.
    assert_eq!(owner.request(Method::PATCH, &key.path, &[], Some(json!({ "name": "y" }))).await.status, 428);
    owner.patch(&key.path, "\"v9\"", json!({ "name": "y" })).await.expect(412);
    owner.patch(&key.path, &key.etag, json!({ "scopes": ["profile:root"] })).await.expect(422);
    owner.patch(&key.path, &key.etag, json!({ "scopes": null })).await.expect(422);
    let changed = owner.patch(&key.path, &key.etag, json!({ "scopes": ["bookings:read"] })).await.expect(200);
    assert_eq!(changed.json()["scopes"], json!(["bookings:read"]));
    owner.patch(&key.path, &key.etag, json!({ "name": "y" })).await.expect(412);
    assert_eq!(key.client.get(ME).await.expect(403).code(), "insufficient_scope");
    let refused = key.client.get(ME).await;
    assert!(refused.header("www-authenticate").contains("scope=\"profile:read\""));
    key.client.get("/api/v1/me/bookings").await.expect(200);
    assert_eq!(told(&app, "api_key.change", "ok").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_the_password_revokes_every_key_and_a_change_none() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    let key = reader(&client).await;
    let new = "una barca a vela blu";
    let change = json!({ "current_password": PASSWORD, "new_password": new });
    client.post("/api/v1/me/password", change).await.expect(204);
    key.client.get(ME).await.expect(200);
    app.anonymous().post("/api/v1/auth/password/forgot", json!({ "email": person.email })).await.expect(202);
    app.run_jobs().await;
    let token = app.mailed("spp_");
    let reset = json!({ "token": token, "new_password": "un treno di notte lento" });
    app.anonymous().post("/api/v1/auth/password/reset", reset).await.expect(204);
    key.client.get(ME).await.expect(401);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_keys_is_limited_and_keeps_no_good_key_out() {
    let app = TestApp::start_with(|config| config.limits.anonymous = "3/1h".parse().unwrap()).await;
    let client = app.log_in(&app.a_person().await).await;
    let key = reader(&client).await;
    key.client.get(ME).await.expect(200);
    let guess = |n: usize| app.anonymous().with(&format!("spk_{n:A>43}"));
    let mut statuses = Vec::new();
    for n in 0..5 {
        statuses.push(guess(n).get(ME).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    key.client.get(ME).await.expect(200);
    assert_eq!(told(&app, "api_key.use", "refused").await, 0, "garbage fills no log");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_stops_sessions_and_keys_at_once_and_enabling_gives_keys_back_only_if_it_is_said() {
    let app = TestApp::start().await;
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    let person = app.a_person().await;
    let path = format!("/api/v1/users/{}", person.id);
    let set = async |body: Value| {
        let etag = admin.get(&path).await.expect(200).header("etag").to_owned();
        admin.patch(&path, &etag, body).await
    };
    for (by_api, kept) in [(true, true), (true, false), (false, true), (false, false)] {
        let client = app.log_in(&person).await;
        let key = reader(&client).await;
        key.client.get(ME).await.expect(200);
        client.get(ME).await.expect(200);
        let by_hand = async |active| {
            let mut tx = app.app.db.begin("tests.switch").await.unwrap();
            let now = app.app.clock.now();
            let done = administration::set_active(&mut tx, &person.email, active, kept, now).await.unwrap();
            tx.commit().await.unwrap();
            done.unwrap()
        };
        if by_api {
            set(json!({ "status": "disabled" })).await.expect(200);
            client.get(ME).await.expect(401);
        } else {
            assert!(by_hand(false).await.sessions >= 1);
            // The command tells running servers through the database.
            eventually("the session has ended", async || client.get(ME).await.status == 401).await;
        }
        key.client.get(ME).await.expect(401);
        if by_api {
            set(json!({ "status": "active", "keep_api_keys": kept })).await.expect(200);
        } else {
            by_hand(true).await;
        }
        client.get(ME).await.expect(401);
        key.client.get(ME).await.expect(if kept { 200 } else { 401 });
        let shown = app.log_in(&person).await.get(&key.path).await.expect(200).json();
        assert_eq!(shown["revoked_at"].is_null(), kept, "{shown}");
    }
    set(json!({ "status": "disabled", "keep_api_keys": true })).await.expect(422);
    set(json!({ "keep_api_keys": true })).await.expect(422);
    app.finish().await;
}
