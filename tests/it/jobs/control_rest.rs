//! Jobs over HTTP, as administrators see them: every route, what it refuses, and who may ask.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{accounts::policy::Role, config::Config, jobs::NewJob};

use super::{
    kinds::{Flaky, Write, start},
    node::insert,
};
use crate::harness::{app::TestApp, client::Client, until::eventually};

pub(super) const JOBS: &str = "/admin/api/jobs";
const JOBS_CANCEL: &str = "/admin/api/jobs/bulk/cancel?tag=a";

pub(super) async fn admin(change: impl FnOnce(&mut Config)) -> (TestApp, Client) {
    let app = start(change).await;
    let person = app.a_person_with(Role::Admin).await;
    let client = app.log_in(&person).await;
    (app, client)
}

pub(super) fn reason() -> Value {
    json!({"reason": "to see"})
}

pub(super) async fn paused() -> (TestApp, Client, String) {
    let (app, admin) = admin(|_| {}).await;
    app.pause_queue("default").await;
    let id = insert(&app.app, &[NewJob::of(&Write(1)).tag("a")]).await[0].unwrap().to_string();
    (app, admin, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_see_and_order_jobs() {
    let (app, _, id) = paused().await;
    let cast = app.a_cast().await;
    for (client, status) in [(&cast.anonymous, 401), (&cast.user, 403), (&cast.host, 403)] {
        for path in
            ["jobs", "queues", "nodes", "batches", "jobs/events", "queues/default", "nodes/1", "batches/1"]
        {
            client.get(&format!("/admin/api/{path}")).await.expect(status);
        }
        client.get(&format!("{JOBS}/{id}")).await.expect(status);
        for order in ["retry", "cancel", "snooze", "priority"] {
            for path in [format!("{JOBS}/{id}/{order}"), format!("{JOBS}/bulk/{order}?state=ready")] {
                client.post(&path, reason()).await.expect(status);
            }
        }
        client.post(JOBS, json!({"kind": "tests.nothing", "reason": "x"})).await.expect(status);
    }
    assert_eq!((app.count("job.ready").await, app.count("journal").await), (1, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_by_cursor_and_refuse_what_makes_no_sense() {
    let (app, admin, _) = paused().await;
    insert(&app.app, &(0..5).map(|n| NewJob::of(&Write(n)).tag("b")).collect::<Vec<_>>()).await;
    let (mut path, mut seen) = (format!("{JOBS}?limit=2&state=ready&tag=b"), Vec::new());
    loop {
        let page = admin.get(&path).await.expect(200);
        let body = page.json();
        seen.extend(
            body["data"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = body["next_cursor"].as_str() else { break };
        assert!(page.header("link").contains(cursor));
        path = format!("{JOBS}?limit=2&state=ready&tag=b&cursor={cursor}");
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
    let job = &admin.get(&format!("{JOBS}?tag=b&limit=1")).await.expect(200).json()["data"][0];
    assert_eq!(
        (&job["kind"], &job["queue"], &job["state"]),
        (&json!("tests.write"), &json!("default"), &json!("ready"))
    );
    for (query, parameter) in [
        ("state=lost", "/state"),
        ("colour=red", "/colour"),
        ("limit=101", "/limit"),
        ("batch=x", "/batch"),
        ("queue=nope", "/queue"),
        ("kind=nope", "/kind"),
        ("finished_to=9999-12-31T00:00:00Z", "/finished_to"),
        ("owner=x", "/owner"),
        ("fingerprint=12", "/fingerprint"),
        ("enqueued_from=yesterday", "/enqueued_from"),
        ("enqueued_from=2026-02-01T00:00:00Z&enqueued_to=2026-01-01T00:00:00Z", "/enqueued_from"),
        ("cursor=abc", "/cursor"),
    ] {
        let refused = admin.get(&format!("{JOBS}?{query}")).await.expect(400);
        assert_eq!(refused.json()["errors"][0]["pointer"], parameter, "{query}");
    }
    for path in ["jobs/1", "jobs/x", "queues/nowhere", "nodes/77", "batches/1"] {
        assert_eq!(admin.get(&format!("/admin/api/{path}")).await.expect(404).code(), "not_found");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_shown_with_its_attempts_and_why_it_waits() {
    let (app, admin) = admin(|_| {}).await;
    let id = insert(&app.app, &[NewJob::of(&Flaky { succeeds_at: 9 }).tag("x")]).await[0].unwrap();
    let client = app.database.client().await;
    let hold = "UPDATE job.later SET run_at = run_at + interval '1 hour' WHERE why = 1";
    eventually("it waits for its next attempt", async || client.execute(hold, &[]).await.unwrap() == 1).await;
    let shown = admin.get(&format!("{JOBS}/{id}")).await.expect(200).json();
    assert_eq!((&shown["id"], &shown["state"]), (&json!(id.to_string()), &json!("retrying")));
    assert_eq!(shown["attempt"], json!(shown["attempts"].as_array().unwrap().len()));
    assert_eq!((&shown["arguments"], &shown["sealed"]), (&json!({"succeeds_at": 9}), &json!(false)));
    let attempt = &shown["attempts"][0];
    assert_eq!(attempt["error"], "could not ring the bell: the cable is unplugged");
    assert_eq!(attempt["outcome"], "retry");
    let fingerprint = attempt["fingerprint"].as_str().unwrap();
    let found = admin.get(&format!("{JOBS}?fingerprint={fingerprint}")).await.expect(200).json();
    assert_eq!(found["data"][0]["id"], json!(id.to_string()));
    let retrying = admin.get(&format!("{JOBS}?state=retrying")).await.expect(200).json();
    assert_eq!(
        (&retrying["data"][0]["fingerprint"], &shown["fingerprint"]),
        (&json!(fingerprint), &json!(fingerprint))
    );
    assert_eq!(shown["explanation"]["reasons"][0]["code"], "until");
    assert_eq!(shown["explanation"]["estimated_start"], shown["due_at"]);
    app.sql("UPDATE job.body SET sealed = '\\x01', args = NULL").await;
    let sealed = admin.get(&format!("{JOBS}/{id}")).await.expect(200).json();
    assert_eq!((&sealed["arguments"], &sealed["sealed"]), (&json!(null), &json!(true)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_done_once_journalled_and_refused_with_a_reason() {
    let (app, admin, id) = paused().await;
    let path = |order: &str| format!("{JOBS}/{id}/{order}");
    for (order, body, pointer) in [
        ("cancel", json!({}), "/reason"),
        ("cancel", json!({"reason": " "}), "/reason"),
        ("snooze", json!({"reason": "x"}), "/until"),
        ("snooze", json!({"reason": "x", "until": "2020-01-01T00:00:00Z"}), "/until"),
        ("priority", json!({"reason": "x", "priority": 2000}), "/priority"),
        ("retry", json!({"reason": "x", "why": 1}), "/why"),
    ] {
        let refused = admin.post(&path(order), body).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{order}");
    }
    assert_eq!(admin.post(&path("retry"), reason()).await.expect(409).code(), "ready");
    admin.post(&path("priority"), json!({"reason": "x", "priority": -5})).await.expect(200);
    let until = app.app.clock.now() + jiff::SignedDuration::from_hours(3);
    let snoozed = admin.post(&path("snooze"), json!({"reason": "x", "until": until})).await.expect(200);
    assert_eq!(snoozed.json(), json!({"id": id, "result": "snoozed"}));
    let shown = admin.get(&format!("{JOBS}/{id}")).await.expect(200).json();
    assert_eq!(
        (&shown["state"], &shown["priority"], &shown["due_at"]),
        (&json!("snoozed"), &json!(-5), &json!(until))
    );
    let key = [("idempotency-key", "once")];
    let cancel = || admin.request(Method::POST, JOBS_CANCEL, &key, Some(reason()));
    let first = cancel().await.expect(200);
    let again = cancel().await.expect(200);
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    assert_eq!(first.json()["done"], 1);
    assert_eq!(admin.post(&path("cancel"), reason()).await.expect(409).code(), "ended");
    assert_eq!(admin.post(&format!("{JOBS}/999/cancel"), reason()).await.expect(404).code(), "not_found");
    let journal = admin.get("/admin/api/journal").await.expect(200).json();
    let told: Vec<_> =
        journal["data"].as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap()).collect();
    assert_eq!(told, ["job.cancel", "job.snooze", "job.priority"]);
    assert_eq!(journal["data"][0]["details"]["filter"], json!({"tag": "a"}));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_orders_count_first_and_go_on_where_they_stopped() {
    let (app, admin, _) = paused().await;
    insert(&app.app, &(0..6).map(|n| NewJob::of(&Write(n)).tag("b")).collect::<Vec<_>>()).await;
    let counted =
        admin.post(&format!("{JOBS}/bulk/cancel?tag=b&dry_run=true"), reason()).await.expect(200).json();
    assert_eq!(
        counted,
        json!({"dry_run": true, "matched": {"count": 6, "exact": true}, "next_before": null})
    );
    let first = admin.post(&format!("{JOBS}/bulk/cancel?tag=b&limit=4"), reason()).await.expect(200).json();
    assert_eq!((&first["done"], &first["remaining"]), (&json!(4), &json!({"count": 2, "exact": true})));
    let before = first["next_before"].as_str().unwrap();
    let rest =
        admin.post(&format!("{JOBS}/bulk/cancel?tag=b&before={before}"), reason()).await.expect(200).json();
    assert_eq!((&rest["done"], &rest["next_before"]), (&json!(2), &json!(null)));
    for order in ["retry", "cancel", "snooze?limit=9", "priority?rerun=false&dry_run=true"] {
        let mut body =
            json!({"reason": "x", "until": app.app.clock.now() + jiff::SignedDuration::from_hours(1)});
        match order {
            order if order.starts_with("snooze") => {}
            order if order.starts_with("priority") => body = json!({"reason": "x", "priority": 5}),
            _ => body = reason(),
        }
        let everything = admin.post(&format!("{JOBS}/bulk/{order}"), body).await.expect(422).json();
        assert_eq!(everything["errors"][0]["pointer"], "/all", "{order}: {everything}");
    }
    assert_eq!(app.count("job.ready").await, 1);
    let all = json!({"reason": "x", "priority": 5, "all": true});
    let all = admin.post(&format!("{JOBS}/bulk/priority"), all).await.expect(200).json();
    assert_eq!(all["results"], json!({"prioritised": 1}));
    let wrong = admin.post(&format!("{JOBS}/bulk/cancel?state=done"), reason()).await.expect(422);
    assert_eq!(wrong.code(), "state_does_not_fit");
    for query in ["queue=nope", "limit=0", "limit=1001", "dry_run=perhaps", "tag=b&colour=red"] {
        admin.post(&format!("{JOBS}/bulk/cancel?{query}"), reason()).await.expect(400);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ended_well_is_shown_with_the_attempt_that_did_the_work() {
    let (app, admin) = admin(|_| {}).await;
    let id = insert(&app.app, &[NewJob::of(&Write(1))]).await[0].unwrap();
    app.until_count("job.done", 1).await;
    app.sql(&format!(
        "INSERT INTO job.attempt (job_id, attempt, token, worker_id, started_at, finished_at, outcome, error)
         SELECT {id}, 1, 0, 0, started_at - interval '2 s', started_at - interval '1500 ms', 7, 'gone' FROM job.done"
    ))
    .await;
    let shown = admin.get(&format!("{JOBS}/{id}")).await.expect(200).json();
    let told = |at: usize, name: &str| shown["attempts"][at][name].clone();
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 2, "{shown}");
    assert_eq!((told(0, "outcome"), told(0, "attempt")), (json!("done"), json!(1)));
    assert_eq!(
        (told(0, "started_at"), told(0, "finished_at")),
        (shown["started_at"].clone(), shown["finished_at"].clone())
    );
    assert!(told(0, "took_ms").as_i64().unwrap() >= 0 && told(0, "error").is_null());
    assert_eq!((told(1, "outcome"), told(1, "took_ms")), (json!("crash"), json!(500)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_job_is_run_once_more_once_and_leaves_the_list_of_what_is_to_be_done() {
    let (app, admin, id) = paused().await;
    admin.post(&format!("{JOBS}/{id}/cancel"), reason()).await.expect(200);
    app.sql("UPDATE job.done SET state = 1, body = '1'").await;
    let count = async || {
        let path = format!("{JOBS}/bulk/retry?state=discarded&dry_run=true");
        admin.post(&path, reason()).await.expect(200).json()["matched"]["count"].clone()
    };
    let listed = async |query: &str| {
        let page = admin.get(&format!("{JOBS}?state=discarded{query}")).await.expect(200).json();
        page["data"].as_array().unwrap().len()
    };
    assert_eq!((count().await, listed("&rerun=false").await), (json!(1), 1));
    let rerun = admin.post(&format!("{JOBS}/{id}/retry"), reason()).await.expect(200).json();
    app.sql("UPDATE job.queue SET paused_at = NULL").await;
    app.app.jobs.heed_orders();
    app.until_count("effect", 1).await;
    app.run_jobs().await;
    let again = admin.post(&format!("{JOBS}/{id}/retry"), reason()).await.expect(409);
    assert_eq!(again.code(), "rerun_already");
    let named = rerun["job"].as_str().unwrap();
    assert!(again.json()["detail"].as_str().unwrap().contains(named), "{:?}", again.body);
    assert_eq!(admin.get(&format!("{JOBS}/{id}")).await.expect(200).json()["rerun"], json!(named));
    assert_eq!((count().await, app.count("effect").await), (json!(0), 1));
    assert_eq!((listed("").await, listed("&rerun=false").await, listed("&rerun=true").await), (1, 0, 1));
    let bulk = admin.post(&format!("{JOBS}/bulk/retry?state=discarded"), reason()).await.expect(200).json();
    assert_eq!((&bulk["done"], &bulk["results"]), (&json!(0), &json!({})), "it is skipped");
    let live = admin.get(&format!("{JOBS}?rerun=true&state=ready")).await.expect(200).json();
    assert_eq!(live["data"], json!([]), "nothing live was run once more");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_enqueued_by_name_and_its_arguments_are_checked() {
    let (app, admin) = admin(|_| {}).await;
    let body = json!({"kind": "tests.flaky", "arguments": {"succeeds_at": 1}, "tags": ["by hand"], "reason": "to see"});
    let key = [("idempotency-key", "once")];
    let made = admin.request(Method::POST, JOBS, &key, Some(body.clone())).await.expect(201);
    let again = admin.request(Method::POST, JOBS, &key, Some(body)).await.expect(201);
    assert_eq!(made.json(), again.json());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("{JOBS}/{id}"));
    app.until_count(&format!("job.done WHERE id = {id} AND state = 0 AND tags = ARRAY['by hand']"), 1).await;
    for (body, pointer) in [
        (json!({"kind": "tests.unheard", "reason": "x"}), "/kind"),
        (json!({"kind": "tests.flaky", "reason": "x"}), "/arguments"),
        (
            json!({"kind": "tests.flaky", "arguments": {"succeeds_at": "x"}, "reason": "x"}),
            "/arguments/succeeds_at",
        ),
        (json!({"kind": "tests.nothing"}), "/reason"),
        (json!({"kind": "tests.nothing", "reason": "x", "tags": [""]}), "/tags/0"),
        (json!({"kind": "tests.nothing", "reason": "x", "priority": 5000}), "/priority"),
        (json!({"kind": "tests.nothing", "reason": "x", "run_at": "1999-12-31T00:00:00Z"}), "/run_at"),
        (json!({"kind": "tests.nothing", "reason": "x", "run_at": "2600-01-01T00:00:00Z"}), "/run_at"),
        (json!({"kind": "tests.nothing", "reason": "x", "owner": uuid::Uuid::nil()}), "/owner"),
        (
            json!({"kind": "tests.flaky", "arguments": {"succeeds_at": 1, "x": "y".repeat(65_536)}, "reason": "x"}),
            "/arguments",
        ),
    ] {
        let refused = admin.post(JOBS, body.clone()).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    app.pause_queue("maintenance").await;
    let unique = json!({"kind": "tests.nothing", "unique": "one", "reason": "x"});
    admin.post(JOBS, unique.clone()).await.expect(201);
    assert_eq!(admin.post(JOBS, unique).await.expect(409).code(), "unique_job_is_live");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_nodes_and_batches_are_shown() {
    let (app, admin, _) = paused().await;
    insert(&app.app, &[NewJob::of(&Write(2)).at(app.app.clock.now() + jiff::SignedDuration::from_hours(1))])
        .await;
    app.sql("UPDATE job.queue SET max_running = 7, paused_by = 'anna' WHERE name = 'default'").await;
    let queue = admin.get("/admin/api/queues/default").await.expect(200).json();
    assert_eq!((&queue["depth"]["ready"], &queue["depth"]["scheduled"]), (&json!(1), &json!(1)), "{queue}");
    assert_eq!((&queue["paused_by"], &queue["max_running"]), (&json!("anna"), &json!(7)));
    assert!(queue["oldest_age_s"].as_f64().unwrap() >= 0.0 && queue["depth"]["exact"] == true);
    let queues = admin.get("/admin/api/queues").await.expect(200).json();
    assert_eq!(queues["data"].as_array().unwrap().len(), 6);
    let nodes = admin.get("/admin/api/nodes").await.expect(200).json();
    let node = &nodes["data"][0];
    assert_eq!((&node["state"], &node["draining"]), (&json!("live"), &json!(false)));
    assert!(node["kinds"].as_array().unwrap().contains(&json!("tests.write")), "{node}");
    let path = format!("/admin/api/nodes/{}", node["id"].as_str().unwrap());
    assert_eq!(admin.get(&path).await.expect(200).json()["boot"], node["boot"]);
    app.sql(
        "INSERT INTO job.batch (id, name, total, ok, bad) VALUES (5, 'mails', 4, 2, 1), (6, 'others', 0, 0, 0);
         UPDATE job.batch SET closed_at = now() WHERE id = 6; UPDATE job.body SET batch_id = 5",
    )
    .await;
    let list = async |query: &str| {
        let page = admin.get(&format!("/admin/api/batches{query}")).await.expect(200).json();
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (list("").await, list("?open=true").await),
        (vec!["6".to_owned(), "5".to_owned()], vec!["5".to_owned()])
    );
    assert_eq!(list("?open=false").await, ["6"]);
    let page = admin.get("/admin/api/batches?limit=1").await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(list(&format!("?limit=1&cursor={cursor}")).await, ["5"]);
    let batch = admin.get("/admin/api/batches/5").await.expect(200).json();
    assert_eq!((&batch["left"], batch["members"].as_array().unwrap().len()), (&json!(1), 2));
    app.finish().await;
}
