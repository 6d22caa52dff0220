//! What those who watch jobs are told.

use axum::{body::Body, http::Method};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sportello::jobs::NewJob;

use super::{
    control_rest::{JOBS, admin, paused, reason},
    kinds::{Nothing, Write},
    node::insert,
};
use crate::harness::client::{Client, PATIENCE};

/// A viewer of the stream.
struct Watch {
    body: Body,
    read: String,
}

impl Watch {
    async fn start(admin: &Client) -> Self {
        let response = admin.send(Method::GET, &format!("{JOBS}/events"), &[], None).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        Self { body: Body::new(response.into_body()), read: String::new() }
    }

    /// The next event.
    async fn next(&mut self) -> Value {
        loop {
            while let Some((event, rest)) = self.read.clone().split_once("\n\n") {
                self.read = rest.to_owned();
                if let Some(data) = event.strip_prefix("event: jobs\ndata: ") {
                    return serde_json::from_str(data).unwrap();
                }
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.unwrap().unwrap().unwrap();
            self.read.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    }

    /// Waits until each of these jobs was said to have changed so.
    async fn until(&mut self, what: &str, mut jobs: Vec<String>) -> Value {
        loop {
            let told = self.next().await;
            for change in told["changes"].as_array().unwrap() {
                if change["what"] == what {
                    jobs.retain(|job| change["job"] != job.as_str());
                }
            }
            if jobs.is_empty() {
                return told;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_jobs_is_streamed_to_those_who_watch() {
    let (app, admin) = admin(|_| {}).await;
    let mut watch = Watch::start(&admin).await;
    let ids = insert(&app.app, &[NewJob::of(&Nothing), NewJob::of(&Write(7))]).await;
    watch.until("done", ids.into_iter().map(|id| id.unwrap().to_string()).collect()).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_administrators_do_to_jobs_is_streamed_too() {
    let (app, admin, id) = paused().await;
    let mut watch = Watch::start(&admin).await;
    let path = |order: &str| format!("{JOBS}/{id}/{order}");
    let until = app.app.clock.now() + jiff::SignedDuration::from_hours(3);
    for (order, body, what) in [
        ("priority", json!({"reason": "x", "priority": 3}), "prioritised"),
        ("snooze", json!({"reason": "x", "until": until}), "snoozed"),
        ("retry", reason(), "hastened"),
        ("cancel", reason(), "cancelled"),
    ] {
        admin.post(&path(order), body).await.expect(200);
        let told = watch.until(what, vec![id.clone()]).await;
        assert_eq!(told["changes"][0]["queue"], "default", "{told}");
    }
    // What is refused is no change: the next that is heard of is the next job.
    admin.post(&path("cancel"), reason()).await.expect(409);
    let other = insert(&app.app, &[NewJob::of(&Write(2))]).await[0].unwrap().to_string();
    let told = watch.next().await;
    assert_eq!((&told["changes"][0]["job"], told["changes"].as_array().unwrap().len()), (&json!(other), 1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_order_to_many_jobs_some_are_told_and_the_others_counted() {
    let (app, admin, _) = paused().await;
    let new: Vec<_> = (0..250).map(|n| NewJob::of(&Write(n)).tag("many")).collect();
    insert(&app.app, &new).await;
    let mut watch = Watch::start(&admin).await;
    let ordered = admin
        .post(&format!("{JOBS}/bulk/priority?tag=many"), json!({"reason": "x", "priority": 3}))
        .await
        .expect(200);
    assert_eq!(ordered.json()["done"], 250);
    let told = watch.next().await;
    let changes = told["changes"].as_array().unwrap();
    assert!(changes.iter().all(|change| change["what"] == "prioritised"), "{told}");
    assert_eq!((changes.len(), &told["more"]), (100, &json!(150)));
    let counted = format!("{JOBS}/bulk/cancel?tag=many&dry_run=true");
    admin.post(&counted, reason()).await.expect(200);
    let ordered = admin.post(&format!("{JOBS}/bulk/cancel?tag=many&limit=7"), reason()).await.expect(200);
    let jobs: Vec<String> = serde_json::from_value(ordered.json()["jobs"].clone()).unwrap();
    let told = watch.until("cancelled", jobs).await;
    assert_eq!((told["changes"].as_array().unwrap().len(), &told["more"]), (7, &json!(0)));
    app.finish().await;
}
