//! What jobs need is away: they wait, others go on, and they come back by themselves.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sportello::jobs::{Dependency, Job, JobContext, Outcome, registry::Registry};

use super::{
    kinds::Nothing,
    node::{enqueue, eventually},
};
use crate::harness::{app::TestApp, bucket::TestBucket};

/// Keeps a file; the key of the last one is none.
#[derive(Serialize, Deserialize)]
struct KeepFile {
    key: String,
}

impl Job for KeepFile {
    const KIND: &'static str = "tests.keep_file";
    const MAX_ATTEMPTS: u16 = 2;
    const NEEDS: &'static [Dependency] = &[Dependency::Storage];

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        ctx.storage.put(&self.key, Bytes::from_static(b"x")).await?;
        Ok(Outcome::Done)
    }
}

fn file(n: usize) -> KeepFile {
    KeepFile { key: format!("tests/{n}") }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_wait_while_the_bucket_is_away_and_go_on_by_themselves_without_losing_an_attempt() {
    let mut bucket = TestBucket::start().await;
    let kinds = Registry::default().with::<KeepFile>().with::<Nothing>();
    let app = TestApp::start_full(
        |config| {
            bucket.configure(config);
            config.jobs.breaker_pause_max.0 = Duration::from_secs(2);
        },
        kinds,
    )
    .await;
    let admin = app.log_in(&app.a_person_with(sportello::accounts::policy::Role::Admin).await).await;
    let storage = async || {
        let all = admin.get("/admin/api/dependencies").await.expect(200).json();
        all["data"].as_array().unwrap().iter().find(|it| it["dependency"] == "storage").unwrap().clone()
    };
    let health = async || admin.get("/health").await.expect(200).json()["checks"]["jobs"]["status"].clone();
    enqueue(&app.app, &file(0)).await;
    app.until_count("job.done WHERE state = 0", 1).await;
    assert_eq!((&storage().await["is_open"], health().await), (&false.into(), "ok".into()));

    bucket.stop().await;
    for n in 1..=20 {
        enqueue(&app.app, &file(n)).await;
    }
    eventually("the breaker opens", async || storage().await["is_open"] == true).await;
    let view = storage().await;
    assert_eq!(view["kinds"], serde_json::json!([KeepFile::KIND]));
    assert!(view["why"].as_str().is_some_and(|why| !why.is_empty()), "{view}");
    assert_eq!(health().await, "degraded");
    let metrics = app.app.metrics.encode();
    assert!(metrics.contains("sportello_dependency_away{dependency=\"storage\"} 1"), "{metrics}");
    enqueue(&app.app, &Nothing).await;
    app.until_count("job.done WHERE state = 0", 2).await; // who needs nothing is not kept waiting
    eventually("they wait", async || app.count("job.later").await + app.count("job.ready").await == 20).await;

    bucket.start_again().await;
    app.until_count("job.done WHERE state = 0", 22).await;
    let attempts: i64 = app.value("SELECT count(*) FROM job.done WHERE attempts <> 1").await;
    assert_eq!((attempts, app.count("job.attempt").await), (0, 0), "no attempt was lost");
    assert_eq!((&storage().await["is_open"], health().await), (&false.into(), "ok".into()));

    // One that fails by itself fails by itself, whatever it blames.
    enqueue(&app.app, &KeepFile { key: "..".to_owned() }).await;
    app.until_count("job.done WHERE state <> 0", 1).await;
    assert_eq!(storage().await["opened"], 1);
    app.finish().await;
}
