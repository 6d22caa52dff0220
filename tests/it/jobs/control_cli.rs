//! `sportello jobs`, beside a running server.

use serde_json::{Value, json};
use sportello::jobs::{NewJob, events::WarmCache};

use super::node::insert;
use crate::harness::{app::TestApp, process};

/// The exit code, standard output and standard error.
async fn jobs(app: &TestApp, arguments: &[&str]) -> (i32, String, String) {
    let mut command = process::sportello();
    // Variables say anything; the number of the process does not.
    command
        .arg("jobs")
        .args(arguments)
        .env("SPORTELLO_DATABASE__URL", app.database.url())
        .env("USER", "olga")
        .env_remove("SUDO_USER");
    let output = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

async fn json_of(app: &TestApp, arguments: &[&str]) -> Value {
    let (code, out, err) = jobs(app, arguments).await;
    assert_eq!(code, 0, "{arguments:?}: {out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_lists_explains_and_orders_jobs_and_is_journalled() {
    let app = TestApp::start().await;
    app.pause_queue("maintenance").await;
    let new: Vec<_> = (0..3).map(|_| NewJob::of(&WarmCache {}).tag("t")).collect();
    let ids: Vec<String> =
        insert(&app.app, &new).await.into_iter().map(|id| id.unwrap().to_string()).collect();

    let listed = json_of(&app, &["list", "--tag", "t", "--state", "ready", "--json"]).await;
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 3, "{listed}");
    let (_, plain, _) = jobs(&app, &["list", "--tag", "t", "--limit", "2"]).await;
    assert!(plain.contains(&ids[2]) && plain.contains("more: --before"), "{plain}");
    let page = json_of(&app, &["list", "--tag", "t", "--limit", "2", "--json"]).await;
    assert_eq!(page["next_before"], ids[1], "a text, as every id");
    let why = json_of(&app, &["explain", &ids[0], "--json"]).await;
    assert_eq!(why["reasons"][0]["code"], "queue_paused", "{why}");
    let (_, shown, _) = jobs(&app, &["show", &ids[0]]).await;
    assert!(shown.contains("its queue is paused"), "{shown}");

    let counted = json_of(&app, &["cancel", "--tag", "t", "--dry-run", "--json"]).await;
    assert_eq!(counted, json!({"dry_run": true, "matched": {"count": 3, "exact": true}}));
    let (_, counted, _) = jobs(&app, &["cancel", "--tag", "t", "--dry-run"]).await;
    assert!(
        counted.contains("can be run once more with `jobs retry`, but not those of audit.seal"),
        "{counted}"
    );
    let snoozed = json_of(&app, &["snooze", &ids[0], "--until", "2h", "--json"]).await;
    assert_eq!(snoozed["jobs"][0]["result"], "snoozed");
    assert_eq!(
        json_of(&app, &["priority", &ids[0], "--to", "-3", "--json"]).await["jobs"][0]["result"],
        "prioritised"
    );
    let (code, out, _) = jobs(&app, &["retry", &ids[0], "12345"]).await;
    assert_eq!((code, out.contains("there is no such job")), (1, true), "{out}");
    let cancelled = json_of(&app, &["cancel", "--tag", "t", "--reason", "spring cleaning", "--json"]).await;
    assert_eq!((&cancelled["done"], &cancelled["results"]), (&json!(3), &json!({"cancelled": 3})));
    let kept =
        "journal WHERE details ->> 'os_user' <> 'olga' AND details ->> 'via' = 'cli' AND actor_id IS NULL";
    assert_eq!(app.count(kept).await, 4);
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap());
    assert_eq!(app.count(&format!("journal WHERE details -> 'uid' = '{uid}'")).await, 4);
    assert_eq!(app.count("journal WHERE reason = 'spring cleaning'").await, 1);

    let queues = json_of(&app, &["queues", "--json"]).await;
    assert!(queues["queues"].as_array().unwrap().iter().any(|queue| !queue["paused_at"].is_null()));
    insert(&app.app, &(0..3).map(|_| NewJob::of(&WarmCache {}).tag("u")).collect::<Vec<_>>()).await;
    let (_, said, _) = jobs(&app, &["cancel", "--tag", "u", "--limit", "2"]).await;
    assert!(said.lines().any(|line| line.starts_with("1 remain: go on with --before ")), "{said}");

    let why = ["--reason", "the weather", "--json"];
    json_of(&app, &[&["pause", "--kind", "events.warm_cache"], &why[..]].concat()).await;
    let kinds = json_of(&app, &["kinds", "--json"]).await;
    let kinds = kinds["kinds"].as_array().unwrap();
    let kind = kinds.iter().find(|kind| kind["name"] == "events.warm_cache").unwrap();
    assert_eq!((&kind["paused_reason"], &kind["queue"]), (&json!("the weather"), &json!("maintenance")));
    json_of(&app, &[&["pause", "mail"], &why[..]].concat()).await;
    for list in ["kinds", "queues"] {
        let (_, plain, _) = jobs(&app, &[list]).await;
        let line = plain.lines().find(|line| line.contains(": the weather")).expect(&plain);
        assert!(line.contains("paused since 20"), "{line}");
    }
    let (_, plain, _) = jobs(&app, &["queues"]).await;
    assert!(plain.lines().all(|line| line.contains("  workers as configured")), "{plain}");
    json_of(&app, &[&["scale", "media", "0"], &why[..]].concat()).await;
    let (_, plain, _) = jobs(&app, &["queues"]).await;
    assert!(
        plain.lines().any(|line| line.starts_with("media") && line.contains("nothing begins")),
        "{plain}"
    );
    let nodes = json_of(&app, &["nodes", "--json"]).await;
    assert_eq!(nodes["nodes"][0]["state"], "live");
    json_of(&app, &[&["drain", nodes["nodes"][0]["id"].as_str().unwrap()], &why[..]].concat()).await;
    let (_, plain, _) = jobs(&app, &["nodes"]).await;
    assert!(plain.contains("draining") && plain.contains("drained by os:"), "{plain}");
    assert_eq!(json_of(&app, &["batches", "--json"]).await, json!({"batches": []}));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_enqueued_at_the_command_line_runs_on_the_server() {
    let app = TestApp::start().await;
    let kind = "events.warm_cache";
    let made = json_of(&app, &["enqueue", kind, "--args", "{}", "--tag", "by-hand", "--json"]).await;
    let id = made["id"].as_str().unwrap();
    app.until_count(&format!("job.done WHERE id = {id} AND state = 0"), 1).await;
    for wrong in [&["enqueue", "no.such.kind"][..], &["enqueue", "events.send_booking_mail", "--args", "{}"]]
    {
        assert_eq!(jobs(&app, wrong).await.0, 1, "{wrong:?}");
    }
    for (args, says) in [
        (r#"{"zzz":1}"#, "/zzz: there is no such member; there are none"),
        (r#"{"a":"\u0000"}"#, "/a: must not contain U+0000"),
        ("5", "must be an object"),
    ] {
        let (code, _, said) = jobs(&app, &["enqueue", kind, "--args", args]).await;
        assert!(code == 1 && said.contains(says), "{args}: {said}");
    }
    for wrong in [
        &["cancel"][..],
        &["cancel", id, "--tag", "x"],
        &["cancel", "--state", "done"],
        &["list", "--state", "lost"],
        &["snooze", id, "--until", "2020-01-01T00:00:00Z"],
        &["priority", id, "--to", "5000"],
        &["snooze", id, "--until", "99999h"],
        &["list", "--enqueued-from", "1h", "--enqueued-to", "2h"],
        &["enqueue", kind, "--args", "{"],
        &["enqueue", kind, "--reason", "a\u{1b}[2J"],
        &["pause", "mail", "--reason", "a\u{1b}[2J"],
        &["cancel", id, "--reason", ""],
        &["cancel", "--queue", "nope"],
        &["list", "--kind", "nope"],
        &["enqueue", kind, "--at", "-5h"],
        &["scale", "mail", "-1", "--reason", "x"],
        &["enqueue", kind, "--priority", "2000"],
        &["enqueue", kind, "--tag", ""],
        &["enqueue", kind, "--tag", "a\nb"],
        &["enqueue", kind, "--unique", " "],
        &["enqueue", kind, "--at", "1990-01-01T00:00:00Z"],
        &["cancel", "--rerun", "false"],
        &["list", "--rerun", "perhaps"],
    ] {
        assert_eq!(jobs(&app, wrong).await.0, 2, "{wrong:?}");
    }
    assert_eq!(jobs(&app, &["show", "12345"]).await.0, 1);
    // A kind without arguments needs none.
    let made = json_of(&app, &["enqueue", kind, "--json"]).await;
    let id = made["id"].as_str().unwrap();
    app.until_count(&format!("job.done WHERE id = {id} AND state = 0"), 1).await;
    // Nobody answers where the database should be.
    let mut away = process::sportello();
    away.args(["jobs", "list", "--json"])
        .env("SPORTELLO_DATABASE__URL", "postgres://nobody@127.0.0.1:9/none");
    let away = away.output().await.unwrap();
    assert_ne!(away.status.code(), Some(0));
    assert!(away.stdout.is_empty() && !away.stderr.is_empty(), "{away:?}");
    app.finish().await;
}
