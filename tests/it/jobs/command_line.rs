//! The command line steers running servers.

use serde_json::Value;

use super::{
    kinds::{Write, start},
    node::{enqueue, eventually},
};
use crate::harness::{app::TestApp, process};

/// Runs `sportello jobs …` on the database of `app`; its exit code and what it said.
async fn jobs(app: &TestApp, arguments: &[&str]) -> (i32, String) {
    let mut command = process::sportello();
    command.arg("jobs").args(arguments).args(["--reason", "a quiet night", "--json"]);
    command.env("SPORTELLO_DATABASE__URL", app.database.url());
    command.env("SPORTELLO_DATABASE__DATA_DIR", app.app.config.database.data_dir.display().to_string());
    let output = command.output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout) + &text(output.stderr))
}

async fn done(app: &TestApp, arguments: &[&str]) -> Value {
    let (code, said) = jobs(app, arguments).await;
    assert_eq!(code, 0, "{said}");
    serde_json::from_str(&said).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_kinds_and_nodes_are_steered_beside_a_running_server() {
    let app = start(|_| {}).await;
    app.run_jobs().await;
    let orders = app.app.registry.find("root/jobs/steward").unwrap();
    let paused = done(&app, &["pause", "default"]).await;
    assert!(paused["paused_at"].is_string());
    assert!(paused["paused_by"].as_str().unwrap().starts_with("os:"), "{paused}");
    enqueue(&app.app, &Write(1)).await;
    assert_eq!(app.count("job.ready").await, 1);
    assert_eq!(done(&app, &["scale", "default", "2"]).await["workers"], 2);
    assert!(done(&app, &["resume", "default"]).await["paused_at"].is_null());
    app.run_jobs().await;
    assert!(done(&app, &["scale", "default", "default"]).await["workers"].is_null());
    assert!(done(&app, &["pause", "--kind", "tests.write"]).await["paused_at"].is_string());
    done(&app, &["resume", "--kind", "tests.write"]).await;
    let worker: i64 = app.value("SELECT id FROM job.worker").await;
    assert!(done(&app, &["drain", &worker.to_string()]).await["drain_at"].is_string());
    eventually("the node is drained", async || {
        app.app.registry.inspect(&orders.path).await.unwrap();
        orders.view()["draining"] == true
    })
    .await;
    done(&app, &["resume", "--node", &worker.to_string()]).await;
    assert_eq!(app.count("journal WHERE actor_id IS NULL AND reason = 'a quiet night'").await, 8);
    let named = "journal WHERE details ->> 'via' = 'cli' AND details ->> 'os_user' <> '' AND details ? 'uid'";
    assert_eq!(app.count(named).await, 8);
    for (wrong, code) in [
        (vec!["pause", "nowhere"], 1),
        (vec!["pause"], 2),
        (vec!["scale", "default", "-1"], 2),
        (vec!["drain", "999999"], 1),
    ] {
        let (found, said) = jobs(&app, &wrong).await;
        assert_eq!(found, code, "{wrong:?}: {said}");
    }
    app.finish().await;
}
