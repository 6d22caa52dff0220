//! A server that is suspended (SIGSTOP) with running jobs: others take them over, and when it comes back it does no harm.

use std::time::Duration;

use rustix::process::Signal;
use sportello::jobs::NewJob;
use tokio::time::{Instant, interval_at};

use super::{
    deeds::{Report, WriteRow},
    fleet::{Field, happened, worker},
};
use crate::harness::until::{eventually, until};

/// Of each kind: as many as two servers run at once.
const JOBS: i64 = 16;
/// So long that who took them over still runs them when the sleeper wakes.
const WORK_MS: u64 = 7000;
/// How long it sleeps.
const SLEEP: Duration = Duration::from_secs(15);
/// Not before this long without a beat…
const RESCUE: f64 = 10.0;
/// …and not later than this after it fell asleep.
const TAKEN_WITHIN: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_server_suspended_for_fifteen_seconds_comes_back_fenced() {
    let field = Field::new().await;
    let mut nodes = field.nodes(2);
    for node in &mut nodes {
        node.start();
    }
    eventually("both run jobs", async || field.count("job.worker WHERE beat_at > '-infinity'").await == 2)
        .await;
    let rows = (0..JOBS).map(|n| NewJob::of(&WriteRow { n, work_ms: WORK_MS }));
    let reports = (JOBS..2 * JOBS).map(|n| NewJob::of(&Report { n, work_ms: WORK_MS }));
    field.enqueue(&rows.zip(reports).flat_map(<[NewJob; 2]>::from).collect::<Vec<_>>()).await;
    until("all have started", || field.outside().len() == 2 * JOBS as usize).await;

    let [sleeper, other] = &mut nodes[..] else { unreachable!() };
    let client = field.database.client().await;
    let number = worker(&client, sleeper.pid()).await.unwrap().unwrap();
    let leases = format!("job.lease WHERE worker_id = {number}");
    let held = field.count(&leases).await;
    sleeper.signal(Signal::STOP);
    let (asleep, awake) = (Instant::now(), interval_at(Instant::now() + SLEEP, SLEEP));
    eventually("they are taken over", async || field.count(&leases).await == 0).await;
    let taken = asleep.elapsed();
    let silence =
        "SELECT extract(epoch FROM clock_timestamp() - beat_at)::float8 FROM job.worker WHERE id = $1";
    let silence: f64 = client.query_one(silence, &[&number]).await.unwrap().get(0);
    eprintln!(
        "{held} jobs of the sleeper were taken over after {taken:.1?}, {silence:.1} s after its last beat"
    );
    assert!(held > 0 && silence >= RESCUE && taken <= TAKEN_WITHIN);

    { awake }.tick().await;
    sleeper.signal(Signal::CONT);
    let address = sleeper.address();
    eventually("it was fenced", async || happened(address, "fenced").await == 1).await;
    eventually("what it reports is late", async || happened(address, "stale").await > 0).await;
    eventually("everything has ended", async || field.count("job.body").await == 0).await;
    field.assert_rows_once(JOBS).await;
    let done = "SELECT count(*) FROM job.done WHERE state = 0 AND attempts = 1";
    assert_eq!(field.value(done).await, 2 * JOBS, "no attempt was burned");
    assert_eq!(field.count("job.done WHERE crashes > 0").await, held);
    let outside = field.outside().len() as i64;
    eprintln!("{} acts outside PostgreSQL happened twice", outside - 2 * JOBS);
    assert_eq!(outside - 2 * JOBS, held, "at least once, and as often as it was started");

    // Alone, it works on.
    other.stop().await;
    let pid = sleeper.pid();
    let more: Vec<_> = (JOBS..2 * JOBS).map(|n| NewJob::of(&WriteRow { n, work_ms: 0 })).collect();
    field.enqueue(&more).await;
    eventually("it works on", async || {
        field.count(&format!("job_deed WHERE pid = {pid} AND n >= {JOBS}")).await == JOBS
    })
    .await;
    sleeper.stop().await;
    field.assert_rows_once(2 * JOBS).await;
    field.assert_nothing_left().await;
}
