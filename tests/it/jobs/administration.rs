//! Administrators steer queues, kinds and nodes over HTTP; everything is journalled.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{accounts::policy::Role, jobs::NewJob};

use super::{
    kinds::{Write, start},
    node::{enqueue, eventually},
};
use crate::harness::{app::TestApp, client::Client};

async fn admin(app: &TestApp) -> Client {
    app.log_in(&app.a_person_with(Role::Admin).await).await
}

fn reason() -> Value {
    json!({"reason": "the mail server is being moved"})
}

async fn journal(admin: &Client) -> Vec<(String, String)> {
    let entries = admin.get("/admin/api/journal").await.expect(200).json();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    entries["data"].as_array().unwrap().iter().map(|it| (text(it, "action"), text(it, "target"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_paused_over_http_starts_nothing_until_it_is_resumed() {
    let app = start(|_| {}).await;
    app.run_jobs().await;
    let admin = admin(&app).await;
    let paused = admin.post("/admin/api/queues/default/pause", reason()).await.expect(200).json();
    assert!(paused["paused_at"].is_string() && paused["paused_by"].is_string(), "{paused}");
    let twice = admin.post("/admin/api/queues/default/pause", reason()).await.expect(200).json();
    assert_eq!(twice["paused_at"], paused["paused_at"], "it has been paused all the time");
    enqueue(&app.app, &Write(1)).await;
    assert_eq!((app.count("job.ready").await, app.count("job.lease").await), (1, 0));
    let resumed = admin.post("/admin/api/queues/default/resume", reason()).await.expect(200).json();
    assert!(resumed["paused_at"].is_null() && resumed["paused_by"].is_null(), "{resumed}");
    app.run_jobs().await;
    assert_eq!(app.count("effect").await, 1);
    let target = || "default".to_owned();
    let told = [("queue.resume".to_owned(), target()), ("queue.pause".to_owned(), target())];
    assert_eq!(journal(&admin).await[..2], told);
    admin.post("/admin/api/queues/nowhere/pause", reason()).await.expect(404);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_limited_by_a_merge_patch_that_names_its_revision() {
    let app = start(|_| {}).await;
    app.run_jobs().await;
    let admin = admin(&app).await;
    let path = "/admin/api/queues/mail";
    let change = |body: Value| {
        let mut body = body;
        body["reason"] = json!("fewer at once");
        body
    };
    let two = change(json!({"workers": 2, "fair": true}));
    let blind = admin.request(Method::PATCH, path, &[], Some(two.clone())).await.expect(428);
    assert_eq!(blind.code(), "precondition_required");
    let read = admin.get(path).await.expect(200);
    let first = admin.patch(path, read.header("etag"), two).await.expect(200);
    assert_eq!((&first.json()["workers"], &first.json()["fair"]), (&json!(2), &json!(true)));
    let etag = first.header("etag").to_owned();
    let rate = change(json!({"rate_per_s": 2.5, "rate_burst": 10, "max_running": 7, "aging_ms": 500}));
    let second = admin.patch(path, &etag, rate).await.expect(200).json();
    assert_eq!(
        (&second["workers"], &second["rate_per_s"]),
        (&json!(2), &json!(2.5)),
        "what is left out stays"
    );
    admin.patch(path, &etag, change(json!({"workers": 3}))).await.expect(412);
    for wrong in
        [json!({"workers": -1}), json!({"rate_per_s": 0.0}), json!({"rate_burst": null}), json!({"speed": 3})]
    {
        admin.patch(path, "*", change(wrong)).await.expect(422);
    }
    admin.patch(path, "*", json!({"workers": 3})).await.expect(422);
    let freed =
        json!({"workers": null, "rate_per_s": null, "rate_burst": null, "max_running": null, "fair": false});
    let freed = admin.patch(path, "*", change(freed)).await.expect(200).json();
    assert_eq!((&freed["workers"], &freed["aging_ms"]), (&Value::Null, &json!(500)));
    assert_eq!(journal(&admin).await[0], ("queue.limit".to_owned(), "mail".to_owned()));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_and_a_kind_rest_and_work_again_over_http() {
    let app = start(|_| {}).await;
    app.run_jobs().await;
    let admin = admin(&app).await;
    let worker: i64 = app.value("SELECT id FROM job.worker").await;
    let order = |what: &str| format!("/admin/api/nodes/{worker}/{what}");
    let drained = admin.post(&order("drain"), reason()).await.expect(200).json();
    assert!(drained["drain_at"].is_string() && drained["id"].is_string(), "{drained}");
    app.until_count("job.worker WHERE draining", 1).await;
    enqueue(&app.app, &Write(1)).await;
    assert_eq!(app.count("job.ready").await, 1);
    admin.post(&order("resume"), reason()).await.expect(200);
    app.run_jobs().await;
    let key = [("idempotency-key", "once")];
    let kind = |what: &str| format!("/admin/api/kinds/tests.write/{what}");
    let first = admin.request(Method::POST, &kind("pause"), &key, Some(reason())).await.expect(200).json();
    let again = admin.request(Method::POST, &kind("pause"), &key, Some(reason())).await.expect(200).json();
    assert_eq!(first, again);
    eventually("jobs of the kind wait", async || {
        enqueue(&app.app, &Write(2)).await;
        app.count("job.parked").await > 0
    })
    .await;
    admin.post(&kind("resume"), reason()).await.expect(200);
    admin.post("/admin/api/nodes/999999/drain", reason()).await.expect(404);
    admin.post("/admin/api/kinds/tests.unknown/pause", reason()).await.expect(404);
    let told: Vec<_> = journal(&admin).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(told[..4], ["kind.resume", "kind.pause", "node.resume", "node.drain"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_steer() {
    let app = start(|_| {}).await;
    app.run_jobs().await;
    let others = [
        (app.anonymous(), 401),
        (app.log_in(&app.a_person_with(Role::Client).await).await, 403),
        (app.log_in(&app.a_person_with(Role::Host).await).await, 403),
    ];
    for (client, status) in others {
        for path in ["queues/default/pause", "queues/default/resume", "kinds/tests.write/pause"] {
            client.post(&format!("/admin/api/{path}"), reason()).await.expect(status);
        }
        for path in ["kinds/tests.write/resume", "nodes/1/drain", "nodes/1/resume"] {
            client.post(&format!("/admin/api/{path}"), reason()).await.expect(status);
        }
        client.patch("/admin/api/queues/default", "\"v0\"", json!({"workers": 0})).await.expect(status);
    }
    assert_eq!(app.count("job.queue WHERE paused_at IS NOT NULL OR workers IS NOT NULL").await, 0);
    assert_eq!(app.count("journal WHERE action LIKE 'queue.%'").await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_paused_something_is_named_with_the_reason_wherever_it_is_shown() {
    let app = start(|_| {}).await;
    app.run_jobs().await;
    let person = app.a_person_with(Role::Admin).await;
    let admin = app.log_in(&person).await;
    let email = json!(person.email);
    let why = json!({"reason": "the mail server moves"});
    let paused = admin.post("/admin/api/queues/default/pause", why.clone()).await.expect(200).json();
    assert_eq!((&paused["paused_by"], &paused["paused_reason"]), (&email, &why["reason"]));
    let again =
        admin.post("/admin/api/queues/default/pause", json!({"reason": "me too"})).await.expect(200).json();
    assert_eq!(again["paused_reason"], "me too", "the newest reason is shown");
    assert_eq!(again["paused_at"], paused["paused_at"], "it is as old as it is");
    admin.post("/admin/api/queues/default/pause", why.clone()).await.expect(200);
    let kind = admin.post("/admin/api/kinds/tests.write/pause", why.clone()).await.expect(200).json();
    assert_eq!((&kind["paused_by"], &kind["paused_reason"]), (&email, &why["reason"]));
    let queue = admin.get("/admin/api/queues/default").await.expect(200).json();
    assert_eq!((&queue["paused_by"], &queue["paused_reason"]), (&email, &why["reason"]));
    assert_eq!(
        app.count("journal WHERE details::text LIKE '%@%'").await,
        0,
        "the journal knows the account's id"
    );

    let kinds = admin.get("/admin/api/kinds").await.expect(200).json();
    let find = |name: &str| {
        kinds["data"].as_array().unwrap().iter().find(|kind| kind["name"] == name).unwrap().clone()
    };
    let write = find("tests.write");
    assert_eq!((&write["paused_by"], &write["paused_reason"]), (&email, &why["reason"]));
    assert_eq!(
        (&write["queue"], &write["running"], &write["sealed"]),
        (&json!("default"), &json!(0), &json!(false))
    );
    assert_eq!((write["nodes"].as_array().unwrap().len(), &write["version"]), (1, &json!(1)));
    assert!(find("tests.nothing")["paused_at"].is_null());
    let cast = app.a_cast().await;
    cast.user.get("/admin/api/kinds").await.expect(403);

    let id = super::node::insert(&app.app, &[NewJob::of(&Write(1))]).await[0].unwrap();
    let shown = admin.get(&format!("/admin/api/jobs/{id}")).await.expect(200).json();
    let reasons = shown["explanation"]["reasons"].as_array().unwrap();
    for (reason, code) in reasons.iter().zip(["queue_paused", "kind_paused"]) {
        assert_eq!(
            (&reason["code"], &reason["by"], &reason["reason"]),
            (&json!(code), &email, &why["reason"])
        );
        assert!(reason["detail"].as_str().unwrap().ends_with(": the mail server moves"), "{reason}");
    }
    app.app.registry.restart("root/jobs/sampler").unwrap(); // looks at once
    eventually("it can be alarmed about", async || {
        let text = app.app.metrics.encode();
        [
            r#"{queue="default"} 1"#,
            r#"{queue="mail"} 0"#,
            r#"{kind="tests.write"} 1"#,
            r#"{kind="tests.nothing"} 0"#,
        ]
        .iter()
        .all(|series| text.contains(&format!("sportello_jobs_paused{series}")))
    })
    .await;
    admin.post("/admin/api/kinds/tests.write/resume", why.clone()).await.expect(200);
    let resumed = admin.post("/admin/api/queues/default/resume", why).await.expect(200).json();
    assert_eq!((&resumed["paused_by"], &resumed["paused_reason"]), (&json!(null), &json!(null)));
    app.finish().await;
}
