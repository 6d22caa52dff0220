//! Schedules over HTTP: made, changed, paused, run, previewed and deleted by administrators; decisions are listed.

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sportello::{
    accounts::policy::Role,
    jobs::schedules::{Overlap, Schedule},
};

use super::kinds::{Hang, Write, start};
use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
};

const CRON: &str = "/admin/api/cron";

async fn administrator(app: &TestApp) -> Client {
    app.log_in(&app.a_person_with(Role::Admin).await).await
}

fn hourly(key: &str) -> Value {
    json!({"key": key, "kind": "tests.write", "args": 7, "spec": "0 * * * *", "overlap": "allow"})
}

async fn order(client: &Client, key: &str, order: &str) -> Answer {
    client.post(&format!("{CRON}/{key}/{order}"), json!({"reason": "a test wants it"})).await
}

/// Pointers and codes of a refusal.
fn wrong(answer: &Answer) -> Vec<(String, String)> {
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    errors.iter().map(|error| (text(&error["pointer"]), text(&error["code"]))).collect()
}

fn at(view: &Value) -> Timestamp {
    view["next_at"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_made_ticks_is_changed_and_is_deleted() {
    let app = start(|_| {}).await;
    let admin = administrator(&app).await;
    let made = admin.post(CRON, hourly("tests.made")).await.expect(201);
    assert_eq!(made.header("location"), "/admin/api/cron/tests.made");
    let view = made.json();
    assert_eq!(
        (&view["state"], &view["source"], &view["tz"]),
        (&json!("ticking"), &json!("api"), &json!("UTC"))
    );
    assert_eq!((&view["missed"], &view["version"]), (&json!("one"), &json!(1)));
    assert_eq!(admin.post(CRON, hourly("tests.made")).await.expect(409).code(), "schedule_exists");

    let tick = at(&view);
    app.travel(tick);
    app.run_jobs().await;
    assert_eq!(app.count("effect WHERE n = 7").await, 1);
    let admin = administrator(&app).await; // the first token may be too old
    let shown = admin.get(&format!("{CRON}/tests.made")).await.expect(200);
    assert_eq!(at(&shown.json()), tick + SignedDuration::from_hours(1));
    let last = &shown.json()["last"];
    assert_eq!((&last["outcome"], &last["by"]), (&json!("fired"), &Value::Null));
    assert!(last["job"].is_string(), "{last}");

    let path = format!("{CRON}/tests.made");
    let change = json!({"spec": "*/10 * * * *", "args": 8, "queue": "maintenance", "tags": ["nightly"]});
    admin.request(Method::PATCH, &path, &[], Some(change.clone())).await.expect(428);
    admin.patch(&path, "\"v9\"", change.clone()).await.expect(412);
    let changed = admin.patch(&path, shown.header("etag"), change).await.expect(200).json();
    assert_eq!((&changed["version"], &changed["queue"]), (&json!(2), &json!("maintenance")));
    assert!(at(&changed) <= app.app.clock.now() + SignedDuration::from_mins(10), "{changed}");
    app.travel(at(&changed));
    app.run_jobs().await;
    assert_eq!(app.count("effect WHERE n = 8").await, 1);
    let tags = "SELECT tags = '{nightly,cron:tests.made}' FROM job.done ORDER BY finished_at DESC LIMIT 1";
    assert!(app.value::<bool>(tags).await);

    admin.delete(&path).await.expect(204);
    admin.get(&path).await.expect(404);
    let journalled = "journal WHERE action LIKE 'cron.%' AND target = 'tests.made' AND actor_id IS NOT NULL";
    assert_eq!(app.count(journalled).await, 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_schedule_is_pointed_at() {
    let app = start(|_| {}).await;
    let admin = administrator(&app).await;
    let refused = async |change: Value| {
        let mut body = hourly("tests.wrong");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        wrong(&admin.post(CRON, body).await.expect(422))
    };
    let one = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
    assert_eq!(refused(json!({"kind": "tests.nobody"})).await, one("/kind", "unknown_kind"));
    assert_eq!(refused(json!({"args": "seven"})).await, one("/args", "wrong_arguments"));
    let flaky = json!({"kind": "tests.flaky", "args": {"succeeds_at": "soon"}});
    assert_eq!(refused(flaky).await, one("/args/succeeds_at", "wrong_arguments"));
    assert_eq!(refused(json!({"spec": "0 25 * * *"})).await, one("/spec", "invalid_schedule"));
    assert_eq!(refused(json!({"tz": "Europe/Roma"})).await, one("/tz", "unknown_time_zone"));
    assert_eq!(refused(json!({"key": "Not A Key"})).await, one("/key", "invalid_key"));
    assert_eq!(refused(json!({"overlap": "sometimes"})).await[0].0, "/overlap");
    assert_eq!(refused(json!({"zone": "UTC"})).await, one("/zone", "unknown_field"));
    let both = json!({"spec": "* * *", "missed_max": 0});
    assert_eq!(refused(both).await.len(), 2, "all at once");
    let admin_only = app.log_in(&app.a_person_with(Role::Host).await).await;
    admin_only.get(CRON).await.expect(403);
    admin_only.post(CRON, hourly("tests.mine")).await.expect(403);
    app.anonymous().get(CRON).await.expect(401);
    assert_eq!(app.count("job.cron WHERE source = 'api'").await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_skips_its_ticks_and_says_so() {
    let app = start(|_| {}).await;
    let admin = administrator(&app).await;
    let first = at(&admin.post(CRON, hourly("tests.paused")).await.expect(201).json());
    let paused = order(&admin, "tests.paused", "pause").await.expect(200).json();
    assert_eq!(
        (&paused["state"], &paused["paused"]["reason"]),
        (&json!("paused"), &json!("a test wants it"))
    );
    assert!(paused["paused"]["by"].is_string());
    let again = order(&admin, "tests.paused", "pause").await.expect(200).json();
    assert_eq!(again["version"], paused["version"], "pausing twice changes nothing");
    app.travel(first + SignedDuration::from_mins(150));
    app.run_jobs().await;
    assert_eq!(app.count("effect").await, 0);
    let admin = administrator(&app).await; // the first token is too old
    let listed = admin.get(&format!("{CRON}?paused=true")).await.expect(200).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);

    let resumed = order(&admin, "tests.paused", "resume").await.expect(200).json();
    assert_eq!(at(&resumed), first + SignedDuration::from_hours(3));
    let fires = format!("{CRON}/tests.paused/fires?limit=2");
    let page = admin.get(&fires).await.expect(200).json();
    let reasons: Vec<_> = page["data"].as_array().unwrap().iter().map(|it| &it["reason"]).collect();
    assert_eq!(reasons, ["paused: nothing is made up for"; 2]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = admin.get(&format!("{fires}&cursor={cursor}")).await.expect(200).json();
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    assert_eq!(rest["data"][0]["fire_at"], first.to_string());
    admin.get(&format!("{CRON}/tests.paused/fires?outcome=sometimes")).await.expect(400);
    admin.get(&format!("{CRON}/tests.nobody/fires")).await.expect(404);

    app.travel(at(&resumed));
    app.run_jobs().await;
    assert_eq!(app.count("effect").await, 1);
    assert_eq!(app.count("journal WHERE action IN ('cron.pause', 'cron.resume')").await, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_runs_it_now_and_the_ticks_stay() {
    let app = start(|config| config.server.stop_grace.0 = std::time::Duration::ZERO).await;
    let admin = administrator(&app).await;
    let made = admin.post(CRON, hourly("tests.run")).await.expect(201).json();
    order(&admin, "tests.run", "pause").await.expect(200);
    let key = [("idempotency-key", "once")];
    let body = || Some(json!({"reason": "the printer was off"}));
    let path = format!("{CRON}/tests.run/run");
    let ran = admin.request(Method::POST, &path, &key, body()).await.expect(201);
    let repeated = admin.request(Method::POST, &path, &key, body()).await.expect(201);
    assert_eq!(ran.json()["job"], repeated.json()["job"]);
    app.run_jobs().await;
    assert_eq!(app.count("effect").await, 1, "also of a paused one");
    let shown = admin.get(&format!("{CRON}/tests.run")).await.expect(200).json();
    assert_eq!(shown["next_at"], made["next_at"]);
    let last = &shown["last"];
    assert_eq!((&last["outcome"], &last["reason"]), (&json!("run_now"), &json!("the printer was off")));
    assert!(last["by"].is_string() && last["job"] == ran.json()["job"], "{last}");

    let mut slow = hourly("tests.slow");
    (slow["kind"], slow["overlap"]) = (json!("tests.hang"), json!("skip"));
    admin.post(CRON, slow).await.expect(201);
    order(&admin, "tests.slow", "run").await.expect(201);
    assert_eq!(order(&admin, "tests.slow", "run").await.expect(409).code(), "run_still_live");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_of_the_program_are_paused_and_run_but_not_changed() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    app.run_jobs().await;
    let listed = admin.get(&format!("{CRON}?source=code&limit=3")).await.expect(200).json();
    assert_eq!(listed["data"][0]["key"], "accounts.end_retention");
    assert!(listed["next_cursor"].is_string());
    let path = format!("{CRON}/accounts.prune");
    let shown = admin.get(&path).await.expect(200);
    let changed = admin.patch(&path, shown.header("etag"), json!({"spec": "@daily"})).await;
    assert_eq!(changed.expect(409).code(), "schedule_in_code");
    assert_eq!(admin.delete(&path).await.expect(409).code(), "schedule_in_code");
    order(&admin, "accounts.prune", "run").await.expect(201);
    order(&admin, "accounts.prune", "pause").await.expect(200);
    app.run_jobs().await;
    let app = app.restart().await;
    let admin = administrator(&app).await;
    app.run_jobs().await;
    let shown = admin.get(&path).await.expect(200).json();
    assert_eq!((&shown["state"], &shown["source"]), (&json!("paused"), &json!("code")), "a restart keeps it");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_ticks_are_previewed_with_what_the_clocks_do_to_them() {
    let app = start(|_| {}).await;
    let admin = administrator(&app).await;
    let rome = json!({"key": "tests.rome", "kind": "tests.write", "args": 1, "spec": "30 2 * * *", "tz": "Europe/Rome"});
    admin.post(CRON, rome).await.expect(201);
    let preview = format!("{CRON}/tests.rome/preview?n=2&after=2027-03-27T12:00:00Z");
    let shown = admin.get(&preview).await.expect(200).json();
    assert_eq!(shown["ticks"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&shown["ticks"][0]["at"], &shown["ticks"][0]["remark"]),
        (&json!("2027-03-28T01:30:00Z"), &json!("shifted"))
    );
    assert_eq!(shown["ticks"][1]["remark"], Value::Null);
    let tried = json!({"spec": "30 2 * * *", "tz": "Europe/Rome", "fold": "both", "gap": "skip", "n": 2,
        "after": "2027-10-30T12:00:00Z"});
    let shown = admin.post(&format!("{CRON}/preview"), tried).await.expect(200).json();
    assert_eq!(
        (&shown["ticks"][0]["remark"], &shown["ticks"][1]["remark"]),
        (&json!("doubled"), &json!("doubled"))
    );
    let shown = admin
        .post(&format!("{CRON}/preview"), json!({"spec": "* * * * * *", "n": 100}))
        .await
        .expect(200)
        .json();
    assert_eq!(shown["ticks"].as_array().unwrap().len(), 100);
    for n in [0, 101] {
        admin.get(&format!("{CRON}/tests.rome/preview?n={n}")).await.expect(400);
        let refused =
            admin.post(&format!("{CRON}/preview"), json!({"spec": "@daily", "n": n})).await.expect(422);
        assert_eq!(wrong(&refused)[0].0, "/n");
    }
    let refused = admin.post(&format!("{CRON}/preview"), json!({"spec": "0 0 30 2 *"})).await.expect(422);
    assert_eq!(wrong(&refused)[0].0, "/spec");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_changes_holds_for_all() {
    let app = start(|config| config.jobs.enabled = false).await;
    let second = app.another_node(|config| config.jobs.enabled = true, super::kinds::kinds()).await;
    let admin = administrator(&app).await;
    let made = admin.post(CRON, hourly("tests.elsewhere")).await.expect(201).json();
    app.travel(at(&made));
    second.jobs.run_until_idle(&second.db, std::time::Duration::from_secs(20)).await.unwrap();
    assert_eq!(app.count("effect").await, 1);
    let admin = administrator(&app).await; // the first token may be too old
    let there = admin.at(second.address).get(&format!("{CRON}/tests.elsewhere")).await.expect(200).json();
    assert_eq!(there["last"]["outcome"], "fired");
    second.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_cancels_the_last_one() {
    let app = start(|config| {
        config.server.stop_grace.0 = std::time::Duration::ZERO;
        config.jobs.cancel_grace.0 = std::time::Duration::from_millis(20);
    })
    .await;
    let schedule = Schedule::new("tests.newest", "* * * * *", &Hang(1)).overlap(Overlap::CancelOld);
    let next_at = app.schedule(&schedule, app.app.clock.now()).await;
    for minute in 0..3 {
        app.travel(next_at + SignedDuration::from_mins(minute));
        app.until_count("effect", minute + 1).await;
    }
    app.until_count("job.done WHERE state = 2 AND tags @> '{cron:tests.newest}'", 2).await;
    app.until_count("job.body", 1).await;
    let said = "job.cron_fire WHERE outcome = 'fired' AND reason = 'overlap: earlier runs were told to end'";
    assert_eq!(app.count(said).await, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_makes_way_for_the_next_run() {
    let app = start(|_| {}).await;
    app.pause_queue("default").await;
    let schedule = Schedule::new("tests.newest", "* * * * *", &Write(1)).overlap(Overlap::CancelOld);
    let next_at = app.schedule(&schedule, app.app.clock.now()).await;
    for minute in 0..3 {
        app.travel(next_at + SignedDuration::from_mins(minute));
        app.until_count("job.cron_fire", minute + 1).await;
    }
    assert_eq!((app.count("job.ready").await, app.count("job.body").await), (1, 1));
    assert_eq!(app.count("job.done WHERE state = 2 AND reason LIKE 'overlap: %'").await, 2);
    app.assert_in_place().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_waits_until_the_running_one_has_ended() {
    let app = start(|config| {
        config.server.stop_grace.0 = std::time::Duration::ZERO;
        config.jobs.cancel_grace.0 = std::time::Duration::from_millis(20);
    })
    .await;
    let schedule = Schedule::new("tests.queued", "* * * * *", &Hang(1)).overlap(Overlap::QueueOne);
    let next_at = app.schedule(&schedule, app.app.clock.now()).await;
    app.travel(next_at);
    app.until_count("effect", 1).await;
    for minute in 1..3 {
        app.travel(next_at + SignedDuration::from_mins(minute));
        app.until_count("job.cron_fire", minute + 1).await;
    }
    assert_eq!((app.count("job.lease").await, app.count("job.parked").await), (1, 1), "one runs, one waits");
    assert_eq!(app.count("job.cron_fire WHERE reason = 'overlap: one is waiting already'").await, 1);
    assert_eq!(app.count("effect").await, 1);
    let running = sportello::jobs::JobId(app.value("SELECT id FROM job.lease").await);
    let mut tx = app.app.db.begin("tests.cancel").await.unwrap();
    assert!(app.app.jobs.cancel_running(&mut tx, running, "a test wants it").await.unwrap());
    tx.commit().await.unwrap();
    app.until_count("effect", 2).await;
    assert_eq!((app.count("job.lease").await, app.count("job.parked").await), (1, 0));
    app.finish().await;
}
