//! What administrators see and order.

use std::{collections::HashSet, time::Duration};

use axum::http::Method;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sportello::{
    accounts::policy::Role,
    actors::kernel::State,
    config::{Config, values::Period},
};

use crate::harness::{
    app::TestApp,
    client::{Client, PATIENCE},
    until::{eventually, until},
};

const ACTORS: &str = "/admin/api/actors";

async fn admin(change: impl FnOnce(&mut Config)) -> (TestApp, Client) {
    let app = TestApp::start_with(change).await;
    let person = app.a_person_with(Role::Admin).await;
    let client = app.log_in(&person).await;
    (app, client)
}

fn reason() -> Value {
    json!({"reason": "to see what happens"})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_shows_every_actor_with_its_figures() {
    let (app, admin) = admin(|config| config.ops.game_day = true).await;
    let meter = app.app.registry.find("root/core/meter").unwrap();
    until("two samples", || meter.handled() >= 2).await;
    let tree = admin.get(ACTORS).await.expect(200).json();
    let shown: Vec<_> =
        tree["actors"].as_array().unwrap().iter().map(|a| a["path"].as_str().unwrap().to_owned()).collect();
    let known: HashSet<_> = app.app.registry.cells().iter().map(|cell| cell.path.clone()).collect();
    assert_eq!(shown.iter().cloned().collect::<HashSet<_>>(), known);
    for path in &shown {
        if let Some((parent, _)) = path.rsplit_once('/') {
            let (own, parents) =
                (shown.iter().position(|it| it == path), shown.iter().position(|it| it == parent));
            assert!(parents < own, "{path} comes before its parent");
        }
    }
    assert_eq!(tree["health"]["ready"], true);
    assert!(tree["seq"].as_u64().unwrap() >= 2);
    let pool = tree["actors"].as_array().unwrap().iter().find(|a| a["path"] == "root/data/pool").unwrap();
    assert!(pool["handled"].as_u64().unwrap() > 0);
    assert!(pool["by_msg"]["Lease"].as_u64().unwrap() > 0);
    assert!(pool["handle_us"]["p99"].as_f64().unwrap() > 0.0);
    assert!(pool["view"]["max"].as_u64().unwrap() > 0, "{pool}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_actor_is_shown_with_its_history_however_its_slashes_are_written() {
    let (app, admin) = admin(|_| {}).await;
    let meter = app.app.registry.find("root/core/meter").unwrap();
    until("two samples", || meter.handled() >= 2).await;
    for path in ["root/data/pool", "root%2Fdata%2Fpool"] {
        let pool = admin.get(&format!("{ACTORS}/{path}")).await.expect(200).json();
        assert_eq!(pool["path"], "root/data/pool");
        assert!(pool["history"]["depth"].as_array().unwrap().len() >= 2);
    }
    admin.get(&format!("{ACTORS}/root/nobody")).await.expect(404);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_needs_a_reason_and_is_journalled_before_it_is_carried_out() {
    let (app, admin) = admin(|_| {}).await;
    let restart = format!("{ACTORS}/root/data/pool/restart");
    for body in [json!({}), json!({"reason": "  "}), json!({"reason": "x", "force": true})] {
        admin.post(&restart, body).await.expect(422);
    }
    let ordered = admin.post(&restart, reason()).await.expect(202).json();
    let pool = app.app.registry.find("root/data/pool").unwrap();
    until("the restart", || pool.restarts() == 1 && pool.state() == State::Running).await;
    let ledger = admin.get("/admin/api/restarts").await.expect(200).json();
    assert_eq!(ledger["data"][0]["path"], "root/data/pool");
    assert_eq!(ledger["data"][0]["cause"], "restarted on request");
    assert!(ledger["data"][0]["recovered_ms"].as_f64().is_some());
    let later = "/admin/api/restarts?since=2100-01-01T00:00:00Z";
    assert_eq!(admin.get(later).await.expect(200).json()["data"], json!([]));

    // What was restarted is what writes the journal: the outcome is there as soon as it can be written.
    let mut entries: Vec<Value> = Vec::new();
    eventually("the outcome is in the journal", async || {
        let journal = admin.get("/admin/api/journal").await.expect(200).json();
        entries = journal["data"].as_array().unwrap().iter().rev().cloned().collect();
        entries.retain(|entry| entry["action"] == "actor.restart");
        entries.len() == 2
    })
    .await;
    assert_eq!(entries[0]["id"], ordered["journal"]);
    let told: Vec<_> = entries.iter().map(|entry| entry["result"].as_str().unwrap()).collect();
    assert_eq!(told, ["requested", "done"]);
    for entry in &entries {
        assert_eq!(entry["reason"], "to see what happens");
        assert!(entry["who"].is_string());
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_look_and_order() {
    let (app, admin) = admin(|config| config.ops.game_day = true).await;
    let mut others = vec![(app.anonymous(), 401)];
    for role in [Role::Client, Role::Host] {
        others.push((app.log_in(&app.a_person_with(role).await).await, 403));
    }
    for (client, status) in others {
        client.get(ACTORS).await.expect(status);
        for path in ["stream", "root/data/pool"] {
            client.get(&format!("{ACTORS}/{path}")).await.expect(status);
        }
        for path in ["/admin/api/restarts", "/admin/api/journal"] {
            client.get(path).await.expect(status);
        }
        for order in ["restart", "suspend", "resume", "crash"] {
            client.post(&format!("{ACTORS}/root/data/pool/{order}"), reason()).await.expect(status);
        }
    }
    let pool = app.app.registry.find("root/data/pool").unwrap();
    assert_eq!((pool.exits_ever(), pool.state()), (0, State::Running));
    assert_eq!(admin.get("/admin/api/journal").await.expect(200).json()["data"], json!([]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_order_is_carried_out_once() {
    let (app, admin) = admin(|_| {}).await;
    let restart = format!("{ACTORS}/root/data/mailer/restart");
    let key = [("idempotency-key", "once")];
    let first = admin.request(Method::POST, &restart, &key, Some(reason())).await.expect(202);
    let again = admin.request(Method::POST, &restart, &key, Some(reason())).await.expect(202);
    assert_eq!(first.json(), again.json());
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = Some(json!({"reason": "another"}));
    admin.request(Method::POST, &restart, &key, other).await.expect(422);
    let mailer = app.app.registry.find("root/data/mailer").unwrap();
    until("the restart", || mailer.restarts() == 1).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_ordered_is_refused_and_not_journalled() {
    let (app, admin) = admin(|_| {}).await;
    for (path, status) in [
        ("root/nobody/restart", 404),
        ("root/data/pool/explode", 405),
        ("restart", 405),
        ("root/data/restart", 409),
        ("root/data/pool/crash", 403),
    ] {
        admin.post(&format!("{ACTORS}/{path}"), reason()).await.expect(status);
    }
    let journal = admin.get("/admin/api/journal").await.expect(200).json();
    assert_eq!(journal["data"], json!([]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_game_days_a_crash_is_made_recovered_from_and_written_down() {
    let (app, admin) = admin(|config| config.ops.game_day = true).await;
    admin.post(&format!("{ACTORS}/root/data/mailer/crash"), reason()).await.expect(202);
    let mailer = app.app.registry.find("root/data/mailer").unwrap();
    until("the recovery", || mailer.restarts() == 1).await;
    let journal = app.app.registry.find("root/core/journal").unwrap();
    let seen = journal.handled();
    until("the journal to look", || journal.handled() > seen + 2).await;
    let entries = admin.get("/admin/api/journal").await.expect(200).json();
    let exit = entries["data"].as_array().unwrap().iter().find(|entry| entry["action"] == "actor.exit");
    let exit = exit.expect("the crash is in the journal");
    assert_eq!((&exit["target"], &exit["result"]), (&json!("root/data/mailer"), &json!("recovered")));
    assert!(exit["reason"].as_str().unwrap().contains("game day"), "{exit}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_actor_waits_until_it_is_resumed_or_for_as_long_as_is_allowed() {
    let (app, admin) = admin(|config| config.ops.suspend_max = Period(Duration::from_secs(3))).await;
    let hasher = app.app.registry.find("root/edge/hasher").unwrap();
    let person = app.a_person().await;
    let waiting = || async { app.log_in(&person).await };
    admin.post(&format!("{ACTORS}/root/edge/hasher/suspend"), reason()).await.expect(202);
    assert_eq!(hasher.state(), State::Suspended);
    let resuming = async {
        until("a waiting log-in", || hasher.depth() > 0).await;
        admin.post(&format!("{ACTORS}/root/edge/hasher/resume"), reason()).await.expect(202);
    };
    tokio::join!(waiting(), resuming);
    admin.post(&format!("{ACTORS}/root/edge/hasher/suspend"), reason()).await.expect(202);
    waiting().await; // nobody resumes it but time
    assert_eq!(hasher.state(), State::Running);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_shows_the_tree_every_second_to_so_many_and_ends_with_the_server() {
    let (app, admin) = admin(|config| config.ops.sse_clients = 1).await;
    let path = format!("{ACTORS}/stream");
    let response = admin.send(Method::GET, &path, &[("accept-encoding", "br")], None).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(response.headers().get("content-encoding").is_none());
    admin.get(&path).await.expect(503);
    let (mut body, mut read) = (response.into_body(), String::new());
    let mut last = 0;
    for _ in 0..3 {
        while !read.contains("\n\n") {
            let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
            read.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
        let (event, rest) = read.split_once("\n\n").unwrap();
        let data = event.split("data: ").nth(1).unwrap_or_else(|| panic!("{event}"));
        let tree: Value = serde_json::from_str(data).unwrap();
        read = rest.to_owned();
        assert!(tree["seq"].as_u64().unwrap() > last);
        last = tree["seq"].as_u64().unwrap();
    }
    let ending = async { while let Some(Ok(_)) = body.frame().await {} };
    tokio::time::timeout(PATIENCE, async { tokio::join!(ending, app.finish()) }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_is_read_page_by_page() {
    let (app, admin) = admin(|_| {}).await;
    for _ in 0..3 {
        admin.post(&format!("{ACTORS}/root/data/mailer/resume"), reason()).await.expect(202);
    }
    let (mut path, mut seen) = ("/admin/api/journal?limit=4".to_owned(), Vec::new());
    loop {
        let page = admin.get(&path).await.expect(200).json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_i64().unwrap()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/admin/api/journal?limit=4&cursor={cursor}");
    }
    assert_eq!(seen.len(), 6, "each order is written twice");
    assert!(seen.is_sorted_by(|one, next| one > next), "{seen:?}");
    app.finish().await;
}
