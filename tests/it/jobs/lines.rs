//! The last log lines of an attempt, in the history of those that fail.

use serde::{Deserialize, Serialize};
use sportello::{
    jobs::{Job, JobContext, Outcome, registry::Registry},
    telemetry::KeptLines,
};
use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

use super::node::enqueue;
use crate::harness::app::TestApp;

/// Talks, also in another thread, then fails or does not.
#[derive(Serialize, Deserialize)]
struct Talk {
    fails: bool,
}

impl Job for Talk {
    const KIND: &'static str = "tests.talk";
    const MAX_ATTEMPTS: u16 = 1;

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        for n in 0..25 {
            tracing::info!(n, "telling");
            tokio::task::yield_now().await;
        }
        ctx.blocking(|_| {
            tracing::warn!("the thread speaks too");
            Ok(())
        })
        .await?;
        anyhow::ensure!(!self.fails, "nobody listens");
        Ok(Outcome::Done)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_attempt_keeps_its_last_lines_and_a_good_one_none() {
    tracing_subscriber::registry().with(KeptLines).init();
    let app = TestApp::start_full(|_| {}, Registry::default().with::<Talk>()).await;
    let jobs =
        (enqueue(&app.app, &Talk { fails: false }).await, enqueue(&app.app, &Talk { fails: true }).await);
    app.until_count("job.done", 2).await;
    assert_eq!(app.count(&format!("job.attempt WHERE job_id = {}", jobs.0)).await, 0);
    let lines = format!("SELECT log FROM job.attempt WHERE job_id = {}", jobs.1);
    let lines: Vec<String> = app.value(&lines).await;
    assert_eq!(lines.len(), 20, "{lines:#?}");
    assert!(lines[0].contains("INFO telling n=6"), "{}", lines[0]);
    assert!(lines[19].contains("WARN the thread speaks too"), "{}", lines[19]);
    app.finish().await;
}
