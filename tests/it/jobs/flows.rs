//! Batches, chains and graphs: fan-in, failures, and what children read of their parents.

use serde::{Deserialize, Serialize};
use sportello::jobs::{
    Answering, Ending, Flow, Job, JobContext, JobId, NewJob, OnFail, Outcome, registry::Registry,
};

use super::{
    kinds::{Flaky, Say, Write, kinds},
    node::{eventually, insert},
};
use crate::harness::app::TestApp;

/// Answers its number, with its writes if it is to.
#[derive(Serialize, Deserialize)]
struct Number {
    n: i64,
    finishes: bool,
}

impl Answering for Number {
    type Answer = i64;
}

impl Job for Number {
    const KIND: &'static str = "tests.number";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        Self::answer(ctx, &self.n)?;
        if self.finishes {
            let mut tx = ctx.db.begin("tests.number").await?;
            ctx.finish(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(Outcome::Done)
    }
}

/// Adds up what its parents answered, and writes it.
#[derive(Serialize, Deserialize)]
struct Sum;

impl Answering for Sum {
    type Answer = i64;
}

impl Job for Sum {
    const KIND: &'static str = "tests.sum";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let mut sum = 0;
        for parent in ctx.parents().await? {
            sum += match parent.ending {
                Ending::Done => parent.answer::<i64>()?.unwrap_or(0),
                Ending::Discarded | Ending::Cancelled | Ending::Quarantined => 1_000_000,
            };
        }
        Self::answer(ctx, &sum)?;
        Write(sum).run(ctx).await
    }
}

async fn start() -> TestApp {
    let kinds: Registry = kinds().with::<Number>().with::<Sum>();
    let app = TestApp::start_full(|_| {}, kinds).await;
    app.sql("CREATE TABLE effect (n bigint NOT NULL, attempt smallint NOT NULL)").await;
    app
}

fn number(n: i64) -> NewJob {
    NewJob::of(&Number { n, finishes: n % 2 == 0 })
}

async fn begin(app: &TestApp, flow: Flow) -> sportello::jobs::Started {
    let mut tx = app.app.db.begin("tests.flow").await.unwrap();
    let started = app.app.jobs.start(&mut tx, flow).await.unwrap();
    tx.commit().await.unwrap();
    started
}

async fn ending(app: &TestApp, job: JobId) -> i16 {
    app.value(&format!("SELECT state FROM job.done WHERE id = {job}")).await
}

/// Nothing is left of a flow that has ended but its history and its batch.
async fn assert_nothing_left(app: &TestApp) {
    for table in ["job.body", "job.gate", "job.edge", "job.lease", "job.ready", "job.parked"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    assert_eq!(app.count("job.batch WHERE closed_at IS NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chord_runs_when_all_its_parents_are_done_and_reads_their_answers() {
    let app = start().await;
    let mut flow = Flow::new("sum of a hundred");
    let numbers: Vec<_> = (1..=100).map(|n| flow.add(number(n))).collect();
    flow.after(&numbers, NewJob::of(&Sum));
    let started = begin(&app, flow).await;
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT n FROM effect").await, 5050);
    let counts =
        format!("SELECT total || ' ' || ok || ' ' || bad FROM job.batch WHERE id = {}", started.batch);
    assert_eq!(app.value::<String>(&counts).await, "101 101 0");
    assert_nothing_left(&app).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_runs_in_its_order() {
    let app = start().await;
    begin(&app, Flow::chain("ten", (0..10).map(|n| NewJob::of(&Write(n))))).await;
    app.run_jobs().await;
    assert!(
        app.value::<bool>("SELECT array_agg(n ORDER BY ctid) = array_agg(n ORDER BY n) FROM effect").await
    );
    assert_eq!(app.count("effect").await, 10);
    assert_nothing_left(&app).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_failed_job_is_cancelled_unless_it_runs_in_any_case() {
    let app = start().await;
    let mut flow = Flow::new("a diamond with a hole");
    let top = flow.add(number(1));
    let left = flow.after(&[top], NewJob::of(&Say::Discard));
    let right = flow.after(&[top], number(3));
    let strict = flow.after(&[left, right], NewJob::of(&Write(7)));
    flow.after(&[strict], NewJob::of(&Write(8)));
    flow.after_all(&[left, right], OnFail::Run, NewJob::of(&Sum));
    flow.finally(OnFail::Run, NewJob::of(&Write(9)));
    flow.finally(OnFail::Cancel, NewJob::of(&Write(10)));
    let started = begin(&app, flow).await;
    app.run_jobs().await;
    let endings = futures_util::future::join_all(started.members.iter().map(|job| ending(&app, *job))).await;
    assert_eq!(endings, [0, 1, 0, 2, 2, 0], "what waits for the cancelled one is cancelled, too");
    let (any, strict) = (ending(&app, started.last[0]).await, ending(&app, started.last[1]).await);
    assert_eq!((any, strict), (0, 2));
    assert_eq!(
        app.value::<String>("SELECT string_agg(n::text, ' ' ORDER BY n) FROM effect").await,
        "9 1000003"
    );
    assert_nothing_left(&app).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_filled_bit_by_bit_ends_when_it_is_sealed_and_all_have_ended() {
    let app = start().await;
    let jobs = &app.app.jobs;
    let mut tx = app.app.db.begin("tests.batch").await.unwrap();
    let batch = jobs.open_batch(&mut tx, "import", None).await.unwrap();
    let last = jobs.after_batch(&mut tx, batch, OnFail::Run, NewJob::of(&Sum)).await.unwrap();
    tx.commit().await.unwrap();
    for n in 1..=3 {
        let mut tx = app.app.db.begin("tests.batch").await.unwrap();
        jobs.add_to_batch(&mut tx, batch, vec![number(n), number(10 * n)]).await.unwrap();
        tx.commit().await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.count("job.gate").await, 1, "it is open");
    }
    let mut tx = app.app.db.begin("tests.batch").await.unwrap();
    jobs.seal_batch(&mut tx, batch).await.unwrap();
    tx.commit().await.unwrap();
    eventually("it ends", async || app.count(&format!("job.done WHERE id = {last}")).await == 1).await;
    assert_eq!(app.value::<i64>("SELECT n FROM effect").await, 66);
    let mut tx = app.app.db.begin("tests.batch").await.unwrap();
    assert!(jobs.add_to_batch(&mut tx, batch, vec![number(1)]).await.is_err(), "it is sealed");
    tx.rollback().await.unwrap();
    let mut tx = app.app.db.begin("tests.batch").await.unwrap();
    jobs.after_batch(&mut tx, batch, OnFail::Cancel, NewJob::of(&Write(5))).await.unwrap();
    tx.commit().await.unwrap();
    app.run_jobs().await;
    assert_eq!(app.count("effect WHERE n = 5").await, 1, "whoever comes after the end does not wait");
    assert_nothing_left(&app).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_of_two_nodes_loses_nothing_when_its_jobs_are_retried() {
    let app = start().await;
    let other = app.another_node(|_| {}, kinds().with::<Number>().with::<Sum>()).await;
    let mut flow = Flow::new("wide");
    let mut numbers: Vec<_> = (1..=300).map(|n| flow.add(number(n))).collect();
    numbers.push(flow.add(NewJob::of(&Flaky { succeeds_at: 2 })));
    let sums: Vec<_> = numbers.chunks(50).map(|part| flow.after(part, NewJob::of(&Sum))).collect();
    flow.after(&sums, NewJob::of(&Sum));
    begin(&app, flow).await;
    eventually("the flaky one waits", async || app.count("job.later WHERE why = 1").await == 1).await;
    app.app.clock.advance(jiff::SignedDuration::from_mins(1));
    app.app.jobs.wake_at(app.app.clock.now());
    eventually("it ends", async || app.count("job.body").await == 0).await;
    assert_eq!(app.value::<i64>("SELECT max(n) FROM effect").await, 300 * 301 / 2);
    assert_nothing_left(&app).await;
    other.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_flow_is_never_seen() {
    let app = start().await;
    let mut flow = Flow::new("nothing");
    let one = flow.add(number(1));
    flow.after(&[one], number(2));
    let mut tx = app.app.db.begin("tests.flow").await.unwrap();
    app.app.jobs.start(&mut tx, flow).await.unwrap();
    tx.rollback().await.unwrap();
    insert(&app.app, &[number(3)]).await;
    app.run_jobs().await;
    assert_eq!((app.count("job.done").await, app.count("job.batch").await), (1, 0));
    assert_nothing_left(&app).await;
    app.finish().await;
}
