//! The test.

use std::{collections::BTreeMap, sync::atomic::Ordering::Relaxed, time::Duration};

use sportello::{jobs::NewJob, postgres::Mode};
use tokio::time::Instant;
use tokio_postgres::Row;

use super::{
    super::{deeds::WriteRow, fleet::Field},
    killing::kill,
    plan::Plan,
    restarts::restart,
    story::{Story, print, times},
};
use crate::harness::{cluster::start_postgres, database::TestDatabase, scratch::Scratch, until::eventually};

/// From the registration of a server to the rescue of what an earlier boot of its node has left.
const ENGINE: Duration = Duration::from_secs(2);
const SERVERS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn g1_killed_servers_and_restarts_of_postgres_lose_no_job_and_finish_none_twice() {
    let (plan, seed) = (Plan::read(), u64::from(std::process::id()));
    eprintln!("{plan:?}, seed {seed}");
    let scratch = Scratch::new();
    let cluster = start_postgres(scratch.path()).await;
    let field = Field::of(TestDatabase::of_managed(&cluster.config()), Scratch::new()).await;
    let work_ms = plan.work_ms;
    let jobs: Vec<NewJob> = (0..plan.jobs).map(|n| NewJob::of(&WriteRow { n, work_ms })).collect();
    field.enqueue(&jobs).await;

    let (mut nodes, story, began) = (field.nodes(SERVERS), Story::default(), Instant::now());
    let ((), cluster) = tokio::join!(
        kill(&field, plan, &story, &mut nodes, seed),
        restart(&field, plan, &story, cluster, scratch.path())
    );
    let took = began.elapsed();
    let set_aside = retry(&field).await;
    for node in &mut nodes {
        node.stop().await;
    }
    tell(&field, plan, &story, took).await;
    field.assert_rows_once(plan.jobs).await;
    field.assert_nothing_left().await;
    assert_eq!(field.count("job.done WHERE state = 0").await, plan.jobs, "every job is done");
    assert_eq!(field.count("job.done WHERE state <> 0").await, set_aside);
    // Nobody can tell a job that kills its server from one that was in two such deaths before and ran alone, announced,
    // in the third. Of each kill that can be one job; it is not lost, it waits for an administrator.
    let kills = story.kills.load(Relaxed);
    assert!(set_aside <= kills as i64, "{set_aside} innocent jobs were set aside by {kills} kills");
    let outside = surplus(&field, plan);
    assert!(outside >= 0, "outside PostgreSQL every job has acted at least once");
    assert!(kills >= 4 && story.leases() > 0, "there was chaos");
    assert!(!story.recoveries(true).is_empty() && !story.recoveries(false).is_empty(), "both ways were seen");
    assert!(story.recoveries(true).iter().all(|took| *took <= plan.same_node), "recovery on the same node");
    assert!(story.recoveries(false).iter().all(|took| *took <= plan.elsewhere), "recovery elsewhere");
    assert!(story.engine().iter().all(|took| *took <= ENGINE), "the engine's part of it");
    drop(field);
    cluster.stop(Mode::Immediate).await;
}

/// Lets the jobs run that were set aside, as an administrator would who knows that servers were killed; how many.
async fn retry(field: &Field) -> i64 {
    const SET_ASIDE: &str = "SELECT (body ->> 'n')::bigint, (body ->> 'work_ms')::bigint,
            (SELECT count(*) FROM job.attempt AS a WHERE a.job_id = d.id AND a.outcome = 7)
        FROM job.done AS d WHERE state = 3";
    let rows = field.database.client().await.query(SET_ASIDE, &[]).await.unwrap();
    assert!(rows.iter().all(|row| row.get::<_, i64>(2) == 3), "they were in three crashes");
    let job = |row: &Row| NewJob::of(&WriteRow { n: row.get(0), work_ms: row.get::<_, i64>(1) as u64 });
    field.enqueue(&rows.iter().map(job).collect::<Vec<_>>()).await;
    eventually("they are done", async || field.count("job.body").await == 0).await;
    rows.len() as i64
}

/// Acts outside PostgreSQL beyond one per job; negative if some job never acted.
fn surplus(field: &Field, plan: Plan) -> i64 {
    let mut acts: BTreeMap<i64, i64> = BTreeMap::new();
    for (n, _) in field.outside() {
        *acts.entry(n).or_default() += 1;
    }
    if (acts.len() as i64) < plan.jobs {
        acts.len() as i64 - plan.jobs
    } else {
        acts.values().map(|it| it - 1).sum()
    }
}

async fn tell(field: &Field, plan: Plan, story: &Story, took: Duration) {
    let histogram = |sql: &'static str| async move {
        let rows = field.database.client().await.query(sql, &[]).await.unwrap();
        let pairs = rows.iter().map(|row| format!("{}: {}", row.get::<_, i16>(0), row.get::<_, i64>(1)));
        pairs.collect::<Vec<_>>().join(", ")
    };
    let crashes = histogram("SELECT crashes, count(*) FROM job.done GROUP BY 1 ORDER BY 1").await;
    let outcomes = histogram("SELECT outcome, count(*) FROM job.attempt GROUP BY 1 ORDER BY 1").await;
    let duplicates = field.value("SELECT count(*) - count(DISTINCT n) FROM job_deed").await;
    let restarts = story.turns.load(Relaxed) / 2;
    print(&[
        ("jobs", plan.jobs.to_string()),
        ("rows", field.count("job_deed").await.to_string()),
        ("duplicate rows", duplicates.to_string()),
        (
            "set aside: in three crashes, the last time alone",
            field.count("job.done WHERE state = 3").await.to_string(),
        ),
        ("seconds, and milliseconds of work per job", format!("{:.1}, {}", took.as_secs_f64(), plan.work_ms)),
        ("servers killed, PostgreSQL restarted", format!("{}, {restarts}", story.kills.load(Relaxed))),
        ("leases held by killed servers", story.leases().to_string()),
        ("acts outside PostgreSQL beyond one per job", surplus(field, plan).to_string()),
        ("jobs by crashes", crashes),
        ("attempts in the history by outcome", outcomes),
        ("recovery on the same node", times(&story.recoveries(true))),
        ("… of which after its registration", times(&story.engine())),
        ("recovery elsewhere, the node stays dead", times(&story.recoveries(false))),
        ("recoveries while PostgreSQL was away", story.disturbed().to_string()),
    ]);
}
