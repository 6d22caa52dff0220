//! Background work of one's own, over HTTP.

use std::time::Duration;

use axum::http::Method;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sportello::jobs::{Job, JobContext, JobId, NewJob, Outcome, registry::Registry};
use tokio::sync::Notify;

use super::node::insert;
use crate::harness::{app::TestApp, client::PATIENCE, people::Cast};

/// Lets the job below go on.
static GO: Notify = Notify::const_new();

/// Says how far it is, waits, and answers.
#[derive(Serialize, Deserialize)]
struct Report;

impl Job for Report {
    const KIND: &'static str = "tests.report";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        ctx.attempt().progress(40.0, "half way", None);
        GO.notified().await;
        ctx.attempt().answer(&json!({"rows": 7}))?;
        Ok(Outcome::Done)
    }
}

async fn start() -> (TestApp, Cast) {
    let app = TestApp::start_full(|_| {}, Registry::default().with::<Report>()).await;
    let cast = app.a_cast().await;
    (app, cast)
}

async fn a_task(app: &TestApp, cast: &Cast) -> JobId {
    insert(&app.app, &[NewJob::of(&Report).owner(cast.user_account.id.0)]).await[0].unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_shown_to_its_owner_and_does_not_exist_for_others() {
    let (app, cast) = start().await;
    let id = a_task(&app, &cast).await;
    let path = format!("/api/v1/tasks/{id}");
    app.until_count("job.progress", 1).await;
    let task = cast.user.get(&path).await.expect(200).json();
    assert_eq!((&task["state"], &task["kind"]), (&json!("running"), &json!("tests.report")));
    assert_eq!(task["progress"]["pct"], json!(40.0));
    assert_eq!(task["links"], json!({"self": path, "events": format!("{path}/events")}));
    for path in
        [path.clone(), format!("{path}/events"), "/api/v1/tasks/1".to_owned(), "/api/v1/tasks/x".to_owned()]
    {
        cast.stranger.get(&path).await.expect(404);
        cast.admin.get(&path).await.expect(404);
        cast.anonymous.get(&path).await.expect(401);
    }
    GO.notify_one();
    app.until_count("job.done", 1).await;
    let task = cast.user.get(&path).await.expect(200);
    assert_eq!(task.header("cache-control"), "no-store");
    assert_eq!((&task.json()["state"], &task.json()["result"]), (&json!("done"), &json!({"rows": 7})));
    cast.stranger.get(&path).await.expect(404);
    app.sql("UPDATE job.done SET state = 1, reason = 'SELECT secret FROM users'").await;
    let failed = cast.user.get(&path).await.expect(200);
    assert_eq!(failed.json()["problem"]["code"], "failed");
    assert!(!String::from_utf8_lossy(&failed.body).contains("SELECT"), "no inside is shown");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_streamed_until_it_ends() {
    let (app, cast) = start().await;
    let id = a_task(&app, &cast).await;
    let path = format!("/api/v1/tasks/{id}/events");
    let response = cast.user.send(Method::GET, &path, &[], None).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let (mut body, mut read, mut states, mut noted) =
        (response.into_body(), String::new(), Vec::new(), false);
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("an event in time");
        let Some(frame) = frame else { break };
        read.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        while let Some((event, rest)) = read.clone().split_once("\n\n") {
            read = rest.to_owned();
            let Some(data) = event.strip_prefix("event: task\ndata: ") else { continue };
            let task: Value = serde_json::from_str(data).unwrap();
            states.push(task["state"].as_str().unwrap().to_owned());
            if task["progress"]["note"] == "half way" && !noted {
                noted = true;
                GO.notify_one();
            }
        }
    }
    assert_eq!((states.last().map(String::as_str), noted), (Some("done"), true), "{states:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_so_many_streams_and_they_end_with_the_log_in() {
    let (app, cast) = start().await;
    let id = a_task(&app, &cast).await;
    let path = format!("/api/v1/tasks/{id}/events");
    let mut streams = Vec::new();
    for _ in 0..4 {
        let response = cast.user.send(Method::GET, &path, &[], None).await.unwrap();
        assert_eq!(response.status(), 200);
        streams.push(response.into_body());
    }
    cast.user.get(&path).await.expect(429);
    cast.user.post("/api/v1/auth/logout", json!({})).await;
    app.sql("UPDATE sessions SET revoked_at = now(), revoked_why = 'logout'").await;
    for mut body in streams {
        let ending = async { while let Some(Ok(_)) = body.frame().await {} };
        tokio::time::timeout(PATIENCE + Duration::from_secs(5), ending).await.expect("the stream ends");
    }
    GO.notify_one();
    app.finish().await;
}
