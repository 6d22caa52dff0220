//! Keys for programs at the clinic desk: scopes, and what the clinic has paid for.

use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::jobs::{accounts::PruneAccounts, registry::registry};

use super::{
    dossier::{Dossier, REPORT, analytes, ended, upload},
    ward::{PATIENTS, Ward, a_person},
};
use crate::harness::{
    client::{Answer, Client},
    until::eventually,
};

const KEYS: &str = "/api/v1/api-keys";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_scopes_and_its_owner_may_and_no_more_than_the_clinic_has() {
    let ward = Ward::new().await;
    let id = ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let make = |scopes: &[&str], quota: Option<i32>| json!({ "name": "cartella", "scopes": scopes, "quota_per_hour": quota });
    let made = ward.reader.post(KEYS, make(&["clinic:read", "clinic:write"], None)).await.expect(201).json();
    assert_eq!(made["quota_per_hour"], 100, "what a clinic has to try it");
    let key = ward.reader.with(made["key"].as_str().unwrap());
    key.get(&format!("{PATIENTS}/{id}")).await.expect(200);
    let refused = key.post(PATIENTS, a_person("Eva", "Neri", "1991-05-17")).await.expect(403);
    assert_eq!(refused.code(), "no_permission", "the owner may not");
    let read = ward.nurse.post(KEYS, make(&["clinic:read"], Some(50))).await.expect(201).json();
    let read = ward.nurse.with(read["key"].as_str().unwrap());
    let refused = read.post(PATIENTS, a_person("Eva", "Neri", "1991-05-17")).await.expect(403);
    assert_eq!(refused.code(), "insufficient_scope");
    read.get("/api/v1/clinic/members").await.expect(403);
    ward.reader.post(KEYS, make(&["clinic:read"], Some(101))).await.expect(422);
    ward.reader.post(KEYS, make(&["profile:read"], Some(101))).await.expect(201);
    // Another clinic's key gets nothing; who works there no more, neither.
    let rival = ward.rival.post(KEYS, make(&["clinic:read"], None)).await.expect(201).json();
    let rival = ward.rival.with(rival["key"].as_str().unwrap());
    rival.get(&format!("{PATIENTS}/{id}")).await.expect(404);
    let nurse = format!("/api/v1/clinic/members/{}", ward.nurse_account.id);
    ward.manager.delete(&nurse).await.expect(204);
    assert_eq!(read.get(PATIENTS).await.expect(403).code(), "no_clinic");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_what_the_clinic_has_at_that_moment_and_holds_over_two_nodes() {
    let ward = Ward::new().await;
    let pay = async |tier: &str| {
        let path = format!("/api/v1/clinics/{}", ward.clinic);
        ward.admin.patch(&path, "*", json!({ "tier": tier })).await.expect(200);
    };
    pay("basic").await;
    let made = json!({ "name": "cartella", "scopes": ["clinic:read"] });
    let made = ward.reader.post(KEYS, made).await.expect(201).json();
    assert_eq!(made["quota_per_hour"], 1000);
    let key = ward.reader.with(made["key"].as_str().unwrap());
    pay("demo").await;
    let node = ward.app.another_node(|_| {}, registry()).await;
    let there = key.at(node.address);
    let asked = join_all((0..130).map(|n| {
        let client = if n % 2 == 0 { &key } else { &there };
        client.get("/api/v1/clinic")
    }))
    .await;
    let count = |status: u16| asked.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(429)), (100, 30), "exactly what the clinic has");
    node.stop().await;
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_keys_of_a_clinic_share_what_it_has_exactly_and_over_two_nodes() {
    let ward = Ward::new().await;
    ward.not_over_an_hour();
    let node = ward.app.another_node(|_| {}, registry()).await;
    let whole = ward.key(&ward.reader, &["clinic:read"], None).await;
    let less = ward.key(&ward.reader, &["clinic:read"], Some(30)).await;
    let colleague = ward.key(&ward.nurse, &["clinic:read", "clinic:write"], None).await;
    let profile = ward.key(&ward.reader, &["profile:read"], None).await;
    let rival = ward.key(&ward.rival, &["clinic:read"], None).await;
    let keys = [&whole, &less, &colleague];
    let clients: Vec<_> = keys.iter().flat_map(|it| [(*it).clone(), it.at(node.address)]).collect();
    let asked = join_all((0..240).map(|n| clients[n % clients.len()].get("/api/v1/clinic"))).await;
    let count = |status: u16| asked.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(429)), (100, 140), "exactly what the clinic has");
    let of_less = asked.iter().enumerate().filter(|(n, it)| matches!(n % 6, 2 | 3) && it.status == 200);
    assert!(of_less.count() <= 30, "and no more than its owner has set");
    let counted = "SELECT sum(used)::bigint FROM api_key_hour";
    assert_eq!(ward.app.value::<i64>(counted).await, 100);
    assert_eq!(ward.app.value::<i32>("SELECT used FROM clinic_key_hour").await, 100);
    let refused = whole.get("/api/v1/clinic").await.expect(429);
    assert_eq!((refused.header("x-ratelimit-limit"), refused.header("x-ratelimit-remaining")), ("100", "0"));
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    // A new key is no way out; other clinics, and what is not of the desk, are not concerned.
    let new = ward.key(&ward.manager, &["clinic:read"], None).await;
    new.get("/api/v1/clinic").await.expect(429);
    rival.get("/api/v1/clinic").await.expect(200);
    profile.get("/api/v1/me").await.expect(200);
    // What is paid for counts with the next request.
    let path = format!("/api/v1/clinics/{}", ward.clinic);
    ward.admin.patch(&path, "*", json!({ "tier": "basic" })).await.expect(200);
    colleague.at(node.address).get("/api/v1/clinic").await.expect(200);
    ward.admin.patch(&path, "*", json!({ "tier": "demo" })).await.expect(200);
    new.get("/api/v1/clinic").await.expect(429);
    ward.app.app.clock.advance(SignedDuration::from_secs(wait));
    new.get("/api/v1/clinic").await.expect(200);
    // The hours that are over go.
    ward.app.app.clock.advance(SignedDuration::from_hours(3));
    let mut tx = ward.app.app.db.begin("tests.prune").await.unwrap();
    ward.app.app.jobs.enqueue(&mut tx, &PruneAccounts {}).await.unwrap();
    tx.commit().await.unwrap();
    ward.app.run_jobs().await;
    assert_eq!(ward.app.value::<i64>("SELECT count(*) FROM clinic_key_hour").await, 0);
    node.stop().await;
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_is_refused_takes_nothing_of_what_its_clinic_has() {
    let ward = Ward::new().await;
    ward.not_over_an_hour();
    let less = ward.key(&ward.reader, &["clinic:read"], Some(3)).await;
    let whole = ward.key(&ward.reader, &["clinic:read"], None).await;
    let told = |answer: &Answer| {
        ["x-ratelimit-limit", "x-ratelimit-remaining"].map(|name| answer.header(name).to_owned())
    };
    let mut said = Vec::new();
    for _ in 0..6 {
        let answer = less.get("/api/v1/clinic").await;
        said.push((answer.status, told(&answer)));
    }
    let expected = [(200, "2"), (200, "1"), (200, "0"), (429, "0"), (429, "0"), (429, "0")];
    assert_eq!(said, expected.map(|(status, left)| (status, ["3".to_owned(), left.to_owned()])));
    assert_eq!(told(&whole.get("/api/v1/clinic").await.expect(200)), ["100", "96"]);
    assert_eq!(ward.app.value::<i32>("SELECT used FROM clinic_key_hour").await, 4);
    ward.app.finish().await;
}

impl Ward {
    /// A program with a key of somebody's.
    async fn key(&self, owner: &Client, scopes: &[&str], quota: Option<i32>) -> Client {
        let made = json!({ "name": "cartella", "scopes": scopes, "quota_per_hour": quota });
        let made = owner.post(KEYS, made).await.expect(201).json();
        owner.with(made["key"].as_str().unwrap())
    }

    /// What follows is of one hour of the clock.
    fn not_over_an_hour(&self) {
        let left = 3600 - self.app.app.clock.now().as_second().rem_euclid(3600);
        if left < 300 {
            self.app.app.clock.advance(SignedDuration::from_secs(left));
        }
    }
}

/// The states that a stream tells until it ends.
async fn stream(client: &Client, path: &str) -> Vec<String> {
    let response = client.send(Method::GET, path, &[], None).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let reading = async { response.into_body().collect().await.unwrap().to_bytes() };
    let read = tokio::time::timeout(Duration::from_secs(30), reading).await.expect("the stream ends");
    let text = std::str::from_utf8(&read).unwrap();
    let events = text.split("\n\n").filter_map(|it| it.strip_prefix("event: task\ndata: "));
    events
        .map(|it| serde_json::from_str::<Value>(it).unwrap()["state"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_uploads_follows_its_tasks_and_reads_values_and_the_report() {
    let dossier = Dossier::new().await;
    let made = json!({ "name": "cartella", "scopes": ["clinic:read", "clinic:write"] });
    let made = dossier.ward.manager.post(KEYS, made).await.expect(201).json();
    let program = dossier.ward.manager.with(made["key"].as_str().unwrap());
    let sent =
        upload(&program, &dossier.path, "referto.txt", REPORT.as_bytes(), "lab_report").await.expect(202);
    let sent = sent.json();
    let links = &sent["task"]["links"];
    let states = stream(&program, links["events"].as_str().unwrap()).await;
    assert_eq!(states.last().map(String::as_str), Some("done"), "{states:?}");
    let task = program.get(links["self"].as_str().unwrap()).await.expect(200).json();
    let document = task["result"]["document"].as_str().unwrap();
    let read = program.get(document).await.expect(200).json();
    assert_eq!(analytes(&read["values"]), ["fsh", "tsh"]);
    let values = program.get(&format!("{}/values", dossier.path)).await.expect(200).json();
    assert_eq!(values["data"].as_array().unwrap().len(), 2);
    let started = program.post(&format!("{}/reports", dossier.path), json!({ "language": "en" })).await;
    let started = started.expect(202).json();
    let path = started["links"]["self"].as_str().unwrap();
    eventually("the report is made", async || program.get(path).await.json()["state"] == "done").await;
    let task = program.get(path).await.expect(200).json();
    let report = task["result"]["href"].as_str().unwrap();
    let pdf = program.get(&format!("{report}/content")).await.expect(200);
    assert!(pdf.body.starts_with(b"%PDF-"), "{}", pdf.header("content-type"));
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sees_the_tasks_of_the_desk_alone_and_a_stream_ends_with_it() {
    let dossier = Dossier::new().await;
    let ward = &dossier.ward;
    let key = async |client: &Client, scopes: &[&str]| {
        client.post(KEYS, json!({ "name": "cartella", "scopes": scopes })).await.expect(201).json()
    };
    let of = |client: &Client, made: &Value| client.with(made["key"].as_str().unwrap());
    let made = key(&ward.manager, &["clinic:read", "clinic:write"]).await;
    let program = of(&ward.manager, &made);
    ward.app.pause_queue("reading").await;
    let sent =
        upload(&program, &dossier.path, "referto.txt", REPORT.as_bytes(), "lab_report").await.expect(202);
    let links = sent.json()["task"]["links"].clone();
    let (task, events) = (links["self"].as_str().unwrap(), links["events"].as_str().unwrap());
    // Who may not read, and who is somebody else.
    let writes = of(&ward.manager, &key(&ward.manager, &["clinic:write"]).await);
    let rival = of(&ward.rival, &key(&ward.rival, &["clinic:read"]).await);
    for path in [task, events] {
        assert_eq!(writes.get(path).await.expect(403).code(), "insufficient_scope");
        rival.get(path).await.expect(404);
    }
    // What the person has asked for elsewhere is nothing of the key's.
    let mut tx = ward.app.app.db.begin("tests.task").await.unwrap();
    let owner = ward.manager_account.id.0;
    let job = sportello::jobs::NewJob::of(&sportello::jobs::events::WarmCache {}).owner(owner);
    let other = ward.app.app.jobs.insert(&mut tx, &[job]).await.unwrap()[0].unwrap();
    tx.commit().await.unwrap();
    ward.manager.get(&format!("/api/v1/tasks/{other}")).await.expect(200);
    program.get(&format!("/api/v1/tasks/{other}")).await.expect(404);
    program.get(&format!("/api/v1/tasks/{other}/events")).await.expect(404);
    // A stream that is open ends when the key is revoked.
    let open = program.send(Method::GET, events, &[], None).await.unwrap();
    assert_eq!(open.status(), 200);
    ward.manager.delete(&format!("{KEYS}/{}", made["id"].as_str().unwrap())).await.expect(204);
    let ending = tokio::time::timeout(Duration::from_secs(30), open.into_body().collect()).await;
    let told = ending.expect("the stream ends").unwrap().to_bytes();
    assert!(!std::str::from_utf8(&told).unwrap().contains("\"done\""), "before the task does");
    program.get(task).await.expect(401);
    ward.app.sql("UPDATE job.queue SET paused_at = NULL").await;
    ended(&ward.manager, &dossier.path, sent.json()["document"]["id"].as_str().unwrap()).await;
    dossier.ward.app.finish().await;
}
