//! Answers that are waited for, progress, steps that are done once, sealed and versioned arguments, and forgetting.

use std::{
    sync::atomic::{AtomicI64, Ordering::SeqCst},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sportello::{
    config::values::{Optional, Secret},
    jobs::{Answering, Job, JobContext, NewJob, NoAnswer, Outcome, Pending, registry::Registry},
};

use super::{
    kinds::{Write, kinds},
    node::{eventually, insert},
};
use crate::harness::app::TestApp;

const PATIENCE: Duration = Duration::from_secs(30);
const KEY: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Doubles its number, or gives up.
#[derive(Serialize, Deserialize)]
struct Double(i64);

impl Answering for Double {
    type Answer = i64;
}

impl Job for Double {
    const KIND: &'static str = "tests.double";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        if self.0 < 0 {
            return Ok(Outcome::Discard("it is negative".to_owned()));
        }
        Self::answer(ctx, &(self.0 * 2))?;
        Ok(Outcome::Done)
    }
}

/// Says how far it is, and goes on when it is told.
#[derive(Serialize, Deserialize)]
struct Slow;

impl Job for Slow {
    const KIND: &'static str = "tests.slow";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        ctx.attempt().progress(10.0, "page 1", None);
        ctx.attempt().progress(42.5, "page 2", Some(serde_json::json!({ "pages": 5 })));
        ctx.cancelled().await;
        Ok(Outcome::Done)
    }
}

static FIRST: AtomicI64 = AtomicI64::new(0);
static SECOND: AtomicI64 = AtomicI64::new(0);

/// Two steps; fails after the first of them once.
#[derive(Serialize, Deserialize)]
struct Steps;

impl Job for Steps {
    const KIND: &'static str = "tests.steps";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let number = ctx.step("first", async || Ok(FIRST.fetch_add(1, SeqCst) + 41)).await?;
        anyhow::ensure!(ctx.attempt().number > 1, "between the steps");
        let text: String = ctx
            .step("second", async || {
                SECOND.fetch_add(1, SeqCst);
                Ok(format!("{number} and more"))
            })
            .await?;
        assert_eq!((number, text.as_str()), (41, "41 and more"));
        Write(number).run(ctx).await
    }
}

/// Nobody but its handler may read it.
#[derive(Serialize, Deserialize)]
struct Secretive {
    pin: String,
    fails: bool,
}

impl Job for Secretive {
    const KIND: &'static str = "tests.secretive";
    const SEALED: bool = true;
    const MAX_ATTEMPTS: u16 = 1;

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        anyhow::ensure!(!self.fails, "no luck");
        Write(self.pin.parse()?).run(ctx).await
    }
}

/// Its arguments once were a bare number, then had no unit.
#[derive(Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) value: i64,
    pub(super) unit: String,
}

impl Job for Measured {
    const KIND: &'static str = "tests.measured";
    const VERSION: i16 = 3;

    fn upcast(version: i16, args: serde_json::Value) -> anyhow::Result<serde_json::Value> {
        Ok(match version {
            1 => serde_json::json!({ "value": args }),
            _ => serde_json::json!({ "value": args["value"], "unit": "cm" }),
        })
    }

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        Write(self.value + i64::from(self.unit == "cm")).run(ctx).await
    }
}

fn all() -> Registry {
    kinds().with::<Double>().with::<Slow>().with::<Steps>().with::<Secretive>().with::<Measured>()
}

fn with_key(config: &mut sportello::config::Config) {
    config.jobs.seal_keys = Optional(Some(Secret::new(KEY)));
}

async fn start() -> TestApp {
    let app = TestApp::start_full(with_key, all()).await;
    app.sql("CREATE TABLE effect (n bigint NOT NULL, attempt smallint NOT NULL)").await;
    app
}

async fn ask(app: &sportello::app::App, n: i64) -> Pending<Double> {
    let mut tx = app.db.begin("tests.ask").await.unwrap();
    let pending = app.jobs.ask(&mut tx, &Double(n)).await.unwrap();
    tx.commit().await.unwrap();
    pending
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_reaches_who_waits_in_this_process_and_on_a_server_without_workers() {
    let app = start().await;
    let office = app.another_node(|config| config.jobs.enabled = false, all()).await;
    for n in 1..20 {
        let here = ask(&app.app, n).await;
        let there = ask(&office, 100 * n).await;
        assert_eq!(app.app.jobs.answer(&app.app.db, &here, PATIENCE).await.unwrap(), 2 * n);
        assert_eq!(office.jobs.answer(&office.db, &there, PATIENCE).await.unwrap(), 200 * n);
    }
    office.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_hears_why_there_is_no_answer() {
    let app = start().await;
    let bad = ask(&app.app, -1).await;
    let error = app.app.jobs.answer(&app.app.db, &bad, PATIENCE).await.unwrap_err();
    assert!(error.to_string().contains("it is negative"), "{error}");
    app.pause_queue("default").await;
    let late = ask(&app.app, 1).await;
    let error = app.app.jobs.answer(&app.app.db, &late, Duration::from_millis(20)).await.unwrap_err();
    assert!(matches!(error, NoAnswer::NotYet(_)));
    app.sql("UPDATE job.queue SET paused_at = NULL").await;
    app.app.jobs.heed_orders();
    assert_eq!(app.app.jobs.answer(&app.app.db, &late, PATIENCE).await.unwrap(), 2);
    let error =
        app.app.jobs.await_result(&app.app.db, sportello::jobs::JobId(1), PATIENCE).await.unwrap_err();
    assert!(matches!(error, NoAnswer::Unknown(_)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_progress_is_written_down_and_goes_with_the_job() {
    let app = TestApp::start_full(
        |config| {
            with_key(config);
            config.server.stop_grace.0 = Duration::ZERO;
        },
        all(),
    )
    .await;
    insert(&app.app, &[NewJob::of(&Slow)]).await;
    app.until_count("job.progress WHERE pct = 42.5 AND note = 'page 2' AND data ->> 'pages' = '5'", 1).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_done_is_skipped_by_the_next_attempt() {
    let app = start().await;
    insert(&app.app, &[NewJob::of(&Steps)]).await;
    eventually("it waits", async || app.count("job.later WHERE why = 1").await == 1).await;
    assert_eq!(app.value::<String>("SELECT name || value FROM job.step").await, "first41");
    app.app.clock.advance(jiff::SignedDuration::from_mins(1));
    app.run_jobs().await;
    assert_eq!((FIRST.load(SeqCst), SECOND.load(SeqCst), app.count("effect").await), (1, 1, 1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_arguments_are_read_by_nobody_but_the_handler() {
    let app = start().await;
    app.pause_queue("default").await;
    app.app.jobs.heed_orders();
    let secret = |fails| NewJob::of(&Secretive { pin: "314159".to_owned(), fails });
    insert(&app.app, &[secret(false), secret(true)]).await;
    assert_eq!(app.count("job.body WHERE args IS NULL AND codec = 1").await, 2);
    let dump = "SELECT string_agg(b::text, '') LIKE '%314159%' FROM job.body AS b";
    assert!(!app.value::<bool>(dump).await);
    // A server without the key leaves them alone.
    let stranger = app.another_node(
        |config| config.jobs.seal_keys = Optional(Some(Secret::new(KEY.replace("test", "other")))),
        all(),
    );
    stranger.await.stop().await;
    app.sql("UPDATE job.queue SET paused_at = NULL").await;
    app.app.jobs.heed_orders();
    app.until_count("job.done", 2).await;
    assert_eq!(app.value::<i64>("SELECT n FROM effect").await, 314_159);
    assert_eq!(app.count("job.done WHERE body IS NOT NULL").await, 0, "not even of the one that failed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_kinds_are_sealed_does_not_start_without_a_key() {
    use sportello::{app::App, clock::Clock};
    let app = TestApp::start_full(|_| {}, kinds()).await;
    let error = App::start_with(app.app.config.clone(), Clock::system(), all()).await.err().unwrap();
    assert!(error.to_string().contains("jobs.seal_keys"), "{error}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_sealed_with_an_unknown_key_waits_for_who_has_it() {
    let app = start().await;
    let stranger = app.another_node(
        |config| {
            config.jobs.enabled = false;
            config.jobs.seal_keys = Optional(Some(Secret::new(KEY.replace("test", "other"))));
        },
        all(),
    );
    let stranger = stranger.await;
    insert(&stranger, &[NewJob::of(&Secretive { pin: "1".to_owned(), fails: false })]).await;
    app.until_count("job.later WHERE why = 2 AND attempt = 0", 1).await;
    assert_eq!(app.count("effect").await, 0);
    stranger.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_arguments_are_brought_up_to_date_and_newer_ones_wait() {
    let app = start().await;
    app.pause_queue("default").await;
    app.app.jobs.heed_orders();
    insert(
        &app.app,
        &(0..4).map(|_| NewJob::of(&Measured { value: 5, unit: "m".to_owned() })).collect::<Vec<_>>(),
    )
    .await;
    app.sql(
        "WITH n AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM job.body)
        UPDATE job.body AS b SET args_version = n.n,
            args = CASE n.n WHEN 1 THEN '10' WHEN 2 THEN '{\"value\": 20}' ELSE args END
        FROM n WHERE n.id = b.id;
        UPDATE job.queue SET paused_at = NULL",
    )
    .await;
    app.app.jobs.heed_orders();
    app.until_count("job.later WHERE why = 2 AND attempt = 0", 1).await;
    app.until_count("job.done WHERE state = 0", 3).await;
    let sum = "SELECT string_agg(n::text, ' ' ORDER BY n) FROM effect";
    assert_eq!(app.value::<String>(sum).await, "5 11 21");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_is_forgotten_everywhere() {
    let app = start().await;
    let about = |n| NewJob::of(&Write(n)).subject("anna");
    let mut failing = NewJob::of(&Double(-7)).subject("anna");
    failing.max_attempts = 1;
    insert(&app.app, &[about(1), failing, NewJob::of(&Write(2)).subject("bruno")]).await;
    app.run_jobs().await;
    app.pause_queue("default").await;
    app.app.jobs.heed_orders();
    let later = app.app.clock.now() + jiff::SignedDuration::from_hours(1);
    insert(&app.app, &[about(3), about(4).at(later), NewJob::of(&Write(5)).subject("bruno")]).await;
    let mut tx = app.app.db.begin("tests.erase").await.unwrap();
    let erased = app.app.jobs.erase(&mut tx, "anna").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((erased.cancelled, erased.running, erased.history), (2, 0, 2));
    for table in ["job.body", "job.done", "job.attempt"] {
        let found = format!("SELECT coalesce(string_agg(t::text, ''), '') ~ 'anna|-7' FROM {table} AS t");
        assert!(!app.value::<bool>(&found).await, "{table}");
    }
    assert_eq!(app.count("job.body").await, 1, "of somebody else");
    assert_eq!(app.count("job.done WHERE tags @> '{subject:bruno}'").await, 1);
    app.assert_in_place().await;
    app.finish().await;
}
