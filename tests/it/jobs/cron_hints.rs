//! Who makes or changes a schedule wakes the schedulers of all nodes. Nobody polls here: only the hint can do it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sportello::{accounts::policy::Role, app::App};

use super::{
    kinds::{kinds, start},
    node::eventually,
};
use crate::harness::app::TestApp;

const CRON: &str = "/admin/api/cron";
const NEVER: Duration = Duration::from_secs(3600);

fn schedule(key: &str, spec: &str) -> Value {
    json!({"key": key, "kind": "tests.write", "args": 7, "spec": spec, "overlap": "allow"})
}

/// The next tick that the scheduler of `node` knows.
async fn next_tick(node: &App) -> Option<Timestamp> {
    const SCHEDULER: &str = "root/jobs/scheduler";
    node.registry.inspect(SCHEDULER).await.unwrap();
    let view = node.registry.find(SCHEDULER).unwrap().view();
    view["next_tick"].as_str().map(|at| at.parse().unwrap())
}

/// Two engines that know of each other.
async fn two_engines() -> (TestApp, App) {
    let app = start(|config| config.jobs.poll_max.0 = NEVER).await;
    let other = app.another_node(|_| {}, kinds()).await;
    app.until_count("job.worker", 2).await;
    for node in [&app.app, &other] {
        eventually("it knows of the other one", async || {
            node.registry.inspect("root/jobs/beat").await.unwrap();
            node.registry.find("root/jobs/beat").unwrap().view()["other_nodes"].as_i64() == Some(1)
        })
        .await;
    }
    (app, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_made_on_a_server_without_workers_ticks_on_another_at_once() {
    let office = start(|config| {
        config.jobs.enabled = false;
        config.jobs.poll_max.0 = NEVER;
    })
    .await;
    let engine = office.another_node(|config| config.jobs.enabled = true, kinds()).await;
    office.until_count("job.worker", 1).await;
    eventually("its scheduler has looked", async || next_tick(&engine).await.is_none()).await;
    let admin = office.log_in(&office.a_person_with(Role::Admin).await).await;
    admin.post(CRON, schedule("tests.seconds", "* * * * * *")).await.expect(201);
    eventually("three ticks", async || office.count("effect WHERE n = 7").await >= 3).await;
    let late = "SELECT max(extract(epoch FROM at - fire_at))::float8 FROM job.cron_fire";
    eprintln!("late at most {:.1} ms", office.value::<f64>(late).await * 1e3);
    engine.stop().await;
    office.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_engine_changes_wakes_the_scheduler_of_the_other() {
    let (app, other) = two_engines().await;
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    let is_known = async |view: &Value| {
        let next: Timestamp = view["next_at"].as_str().unwrap().parse().unwrap();
        for node in [&app.app, &other] {
            eventually("the scheduler knows it", async || next_tick(node).await == Some(next)).await;
        }
    };
    let made = admin.post(CRON, schedule("tests.yearly", "0 0 1 1 *")).await.expect(201);
    is_known(&made.json()).await;
    let path = format!("{CRON}/tests.yearly");
    let changed = admin.patch(&path, made.header("etag"), json!({"spec": "0 0 * * *"})).await.expect(200);
    is_known(&changed.json()).await;
    let reason = json!({"reason": "a test wants it"});
    admin.post(&format!("{path}/pause"), reason.clone()).await.expect(200);
    admin.post(CRON, schedule("tests.later", "0 0 1 * *")).await.expect(201);
    let later = admin.get(&format!("{CRON}/tests.later")).await.expect(200);
    is_known(&later.json()).await;
    let resumed = admin.post(&format!("{path}/resume"), reason).await.expect(200);
    is_known(&resumed.json()).await;
    other.stop().await;
    app.finish().await;
}
