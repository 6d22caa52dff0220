//! A job that takes its process with it: three times, then never again; and nobody is taken for it who merely ran beside.

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt as _};

use rustix::process::Signal;
use sportello::jobs::NewJob;

use super::{
    deeds::{Poison, WriteRow},
    fleet::Field,
};
use crate::harness::until::eventually;

/// The number of the poisonous one.
const POISON: i64 = -1;
/// More than run at once, so that some wait behind it: the first have started with it.
const INNOCENTS: i64 = 24;
/// Longer than the poison takes.
const WORK_MS: u64 = 100;

fn innocents(numbers: std::ops::Range<i64>) -> Vec<NewJob> {
    numbers.map(|n| NewJob::of(&WriteRow { n, work_ms: WORK_MS })).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn g5_a_job_that_aborts_the_process_runs_three_times_and_its_neighbours_all_end_well() {
    let field = Field::new().await;
    let mut jobs = innocents(0..INNOCENTS);
    jobs.insert(INNOCENTS as usize / 8, NewJob::of(&Poison { n: POISON }));
    field.enqueue(&jobs).await;
    let (mut node, mut aborts) = (field.nodes(1).remove(0), 0);
    node.start();
    let calm = async || field.count("job.body").await == 0;
    // What a service manager does.
    loop {
        tokio::select! {
            status = node.ended() => {
                assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
                aborts += 1;
                node.start();
            }
            () = eventually("it is set aside", async || field.count("job.done WHERE state = 3").await == 1) => break,
        }
    }
    // Those that were beside it twice have run one by one since.
    eventually("the innocent have run", &calm).await;
    assert_eq!(aborts, 3);
    let runs = field.outside().iter().filter(|(n, _)| *n == POISON).count();
    assert_eq!(runs, 3, "it ran three times");
    assert_eq!(field.count("job.done WHERE state = 3 AND crashes = 3").await, 1, "and was quarantined");
    let told = "job.attempt AS a JOIN job.done AS d ON d.id = a.job_id AND d.state = 3
        WHERE a.outcome = 7 AND a.error_kind = 'worker lost'";
    assert_eq!(field.count(told).await, 3, "the history says so");
    field.assert_rows_once(INNOCENTS).await;
    let crashes: BTreeMap<i16, i64> = field
        .database
        .client()
        .await
        .query("SELECT crashes, count(*) FROM job.done WHERE state = 0 GROUP BY 1", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    eprintln!("innocent jobs by crashes beside which they ran: {crashes:?}");
    assert!(crashes.len() > 1, "some have run beside it: {crashes:?}");

    // The same process works on.
    let pid = node.pid();
    field.enqueue(&innocents(INNOCENTS..2 * INNOCENTS)).await;
    eventually("the others have run", calm).await;
    assert!(!node.has_ended());
    field.assert_rows_once(2 * INNOCENTS).await;
    assert_eq!(field.count(&format!("job_deed WHERE n >= {INNOCENTS} AND pid = {pid}")).await, INNOCENTS);
    node.stop().await;
    field.assert_nothing_left().await;
}
