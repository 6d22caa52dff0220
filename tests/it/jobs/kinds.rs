//! Kinds of jobs for these tests. Their effects are rows of the table `effect`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sportello::{
    config::Config,
    jobs::{Job, JobContext, Outcome, QueueName, registry::Registry},
};

use crate::harness::app::TestApp;

pub(crate) fn kinds() -> Registry {
    Registry::default()
        .with::<Write>()
        .with::<Finish>()
        .with::<Flaky>()
        .with::<Hang>()
        .with::<Say>()
        .with::<Nothing>()
}

/// An application with these kinds and the table.
pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::start_full(change, kinds()).await;
    let table = "CREATE TABLE effect (n bigint NOT NULL, attempt smallint NOT NULL)";
    app.database.client().await.batch_execute(table).await.unwrap();
    app
}

/// One that only enqueues: the test plays the workers.
pub(crate) async fn start_idle() -> TestApp {
    start(|config| config.jobs.enabled = false).await
}

async fn write(ctx: &JobContext, n: i64, finish: bool) -> anyhow::Result<Outcome> {
    const EFFECT: &str = "-- tests.effect\nINSERT INTO effect (n, attempt) VALUES ($1, $2)";
    let mut tx = ctx.db.begin("tests.effect").await?;
    tx.execute(EFFECT, &[&n, &ctx.attempt().number]).await?;
    if finish {
        ctx.finish(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(Outcome::Done)
}

/// Writes its number.
#[derive(Serialize, Deserialize)]
pub(crate) struct Write(pub(crate) i64);

impl Job for Write {
    const KIND: &'static str = "tests.write";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        write(ctx, self.0, false).await
    }
}

/// Writes its number and acknowledges itself in the same transaction.
#[derive(Serialize, Deserialize)]
pub(crate) struct Finish(pub(crate) i64);

impl Job for Finish {
    const KIND: &'static str = "tests.finish";
    const MAX_ATTEMPTS: u16 = 100;

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        write(ctx, self.0, true).await
    }
}

/// Fails until its attempt has this number.
#[derive(Serialize, Deserialize)]
pub(crate) struct Flaky {
    pub(crate) succeeds_at: i16,
}

impl Job for Flaky {
    const KIND: &'static str = "tests.flaky";
    const MAX_ATTEMPTS: u16 = 3;

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        use anyhow::Context as _;
        let number = ctx.attempt().number;
        if number < self.succeeds_at {
            Err(std::io::Error::other("the cable is unplugged")).context("could not ring the bell")?;
        }
        Ok(Outcome::Done)
    }
}

/// Writes its number, then never ends by itself.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hang(pub(crate) i64);

impl Job for Hang {
    const KIND: &'static str = "tests.hang";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        write(ctx, self.0, false).await?;
        std::future::pending().await
    }
}

/// Ends as it is told.
#[derive(Serialize, Deserialize)]
pub(crate) enum Say {
    Snooze,
    Cancel,
    Discard,
    Panic,
    Slow,
}

impl Job for Say {
    const KIND: &'static str = "tests.say";
    const TIMEOUT: Duration = Duration::from_millis(50);
    const MAX_ATTEMPTS: u16 = 1;

    async fn run(&self, _ctx: &JobContext) -> anyhow::Result<Outcome> {
        match self {
            Self::Snooze => Ok(Outcome::Snooze(Duration::from_secs(3600))),
            Self::Cancel => Ok(Outcome::Cancel("the booking is gone".to_owned())),
            Self::Discard => Ok(Outcome::Discard("this can never work".to_owned())),
            Self::Panic => panic!("a bug"),
            Self::Slow => std::future::pending().await,
        }
    }
}

/// Does nothing, in a queue of its own.
#[derive(Serialize, Deserialize)]
pub(crate) struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "tests.nothing";
    const QUEUE: QueueName = QueueName::Maintenance;

    async fn run(&self, _ctx: &JobContext) -> anyhow::Result<Outcome> {
        Ok(Outcome::Done)
    }
}
