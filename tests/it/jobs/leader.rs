//! Who fires a tick is killed at every step of it, and another one goes on: no tick is lost, none comes twice. And several
//! servers that tick each second share the work.
//!
//! A lock of the test holds the server of the database at exactly one statement of the firing transaction.

use rustix::process::Signal;
use tokio_postgres::Client;

use super::fleet::{Field, happened, worker};
use crate::harness::{servant::Node, until::eventually};

/// Held by the test: what waits for it waits in a trigger.
const GATE: &str = "SELECT pg_advisory_lock(42)";
/// The gates of the steps that no lock on a table reaches: after the record, and inside COMMIT. Closed only while one of
/// them is asked for in `gate`.
const GATES: &str = "CREATE TABLE gate (at text PRIMARY KEY);
    CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT FROM gate WHERE at = TG_NAME) THEN PERFORM pg_advisory_xact_lock_shared(42); END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER recorded AFTER INSERT ON job.cron_fire FOR EACH STATEMENT EXECUTE FUNCTION wait_at_gate();
    CREATE CONSTRAINT TRIGGER committing AFTER INSERT ON job.cron_fire DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait_at_gate()";

/// Where the one who fires is killed.
struct Step {
    name: &'static str,
    /// Makes the database wait there.
    hold: &'static str,
    /// What then waits.
    statement: &'static str,
}

const STEPS: [Step; 5] = [
    Step {
        name: "before the compare-and-swap",
        hold: "LOCK TABLE job.cron IN SHARE MODE",
        statement: "-- jobs.cron.take",
    },
    Step { name: "before the jobs", hold: "LOCK TABLE job.body IN SHARE MODE", statement: "-- jobs.insert" },
    Step {
        name: "before the record",
        hold: "LOCK TABLE job.cron_fire IN SHARE MODE",
        statement: "-- jobs.cron.record",
    },
    Step { name: "after the record", hold: "recorded", statement: "-- jobs.cron.record" },
    Step { name: "in the commit", hold: "committing", statement: "COMMIT" },
];

/// Adds `count` schedules of every second that write a row each time, and whose missed ticks are all made up for.
async fn every_second(field: &Field, count: i32) {
    const ADD: &str = "INSERT INTO job.cron
            (key, kind_id, spec, missed, missed_max, overlap, template, source, next_at)
        SELECT 'tests.second_' || n, id, '* * * * * *', 'all', 1000, 'allow', '{\"args\": {\"n\": 0, \"work_ms\": 0}}',
            'api', date_trunc('second', clock_timestamp()) + interval '2 s'
        FROM job.kind, generate_series(1, $1) AS n WHERE name = 'tests.write_row'";
    let added = field.database.client().await.execute(ADD, &[&count]).await.unwrap();
    assert_eq!(added, count as u64);
}

/// Waits until the server at `node` runs jobs.
async fn serves(field: &Field, node: &Node) {
    let client = field.database.client().await;
    eventually("it runs jobs", async || worker(&client, node.pid()).await.unwrap().is_some()).await;
}

async fn fires(field: &Field) -> i64 {
    field.count("job.cron_fire").await
}

/// No more ticks; everything has run. Between its first and its last tick, each schedule has ticked each second, and each
/// tick has written its row, once.
async fn assert_each_second_once(field: &Field) -> i64 {
    let client = field.database.client().await;
    client.execute("UPDATE job.cron SET paused_at = clock_timestamp()", &[]).await.unwrap();
    eventually("everything has ended", async || field.count("job.body").await == 0).await;
    let gaps = "SELECT count(*) FROM (SELECT count(*) AS ticks,
            extract(epoch FROM max(fire_at) - min(fire_at))::bigint + 1 AS seconds
        FROM job.cron_fire GROUP BY key) AS s WHERE ticks <> seconds";
    assert_eq!(field.value(gaps).await, 0, "no tick is missing");
    let undecided = "SELECT count(*) FROM job.cron AS c WHERE next_at <>
        (SELECT max(fire_at) + interval '1 s' FROM job.cron_fire WHERE key = c.key)";
    assert_eq!(field.value(undecided).await, 0, "all before the next one are decided");
    let ticks = fires(field).await;
    let fired = "SELECT count(DISTINCT job_id) FROM job.cron_fire WHERE outcome = 'fired'";
    assert_eq!(field.value(fired).await, ticks, "each has a job of its own");
    assert_eq!(field.count("job_deed").await, ticks, "each job has written its row once, and no other has");
    ticks
}

/// Closes a step's gate; who fires next waits there.
async fn close(gate: &Client, step: &Step) {
    if step.hold.starts_with("LOCK") {
        gate.batch_execute("BEGIN").await.unwrap();
        gate.batch_execute(step.hold).await.unwrap();
    } else {
        gate.batch_execute(GATE).await.unwrap();
        gate.execute("INSERT INTO gate (at) VALUES ($1)", &[&step.hold]).await.unwrap();
    }
}

async fn open(gate: &Client, step: &Step) {
    if step.hold.starts_with("LOCK") {
        gate.batch_execute("ROLLBACK").await.unwrap();
    } else {
        gate.batch_execute("DELETE FROM gate; SELECT pg_advisory_unlock(42)").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g6_a_leader_killed_at_any_step_of_firing_loses_no_tick_and_doubles_none() {
    const WAITS: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1 || '%'";
    let field = Field::new().await;
    let client = field.database.client().await;
    client.batch_execute(GATES).await.unwrap();
    let mut nodes = field.nodes(2);
    nodes[0].start();
    serves(&field, &nodes[0]).await;
    every_second(&field, 1).await;
    for (number, step) in STEPS.iter().enumerate() {
        let (leader, next) = (number % 2, (number + 1) % 2);
        let before = fires(&field).await;
        eventually("it ticks", async || fires(&field).await > before).await;
        let gate = field.database.client().await;
        close(&gate, step).await;
        let is_there =
            async || client.query_one(WAITS, &[&step.statement]).await.unwrap().get::<_, i64>(0) > 0;
        eventually(step.name, is_there).await;
        let before = fires(&field).await;
        nodes[leader].kill().await;
        nodes[next].start();
        serves(&field, &nodes[next]).await;
        assert_eq!(fires(&field).await, before, "{}: nobody gets past the gate", step.name);
        open(&gate, step).await;
        eventually("the other one goes on", async || fires(&field).await > before + 1).await;
        eprintln!("killed {}: {} ticks so far", step.name, fires(&field).await);
    }
    // After the commit, as soon as it can be seen.
    let (last, before) = (STEPS.len() % 2, fires(&field).await);
    while fires(&field).await == before {}
    nodes[last].signal(Signal::KILL);
    nodes[last].ended().await;
    let other = &mut nodes[(last + 1) % 2];
    other.start();
    serves(&field, other).await;
    let before = fires(&field).await;
    eventually("it goes on", async || fires(&field).await > before + 1).await;
    let ticks = assert_each_second_once(&field).await;
    eprintln!("{ticks} ticks with six kills");
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g6_three_servers_tick_each_second_for_twenty_schedules_once() {
    const SCHEDULES: i32 = 20;
    const SECONDS: i64 = 15;
    let field = Field::new().await;
    let mut nodes = field.nodes(3);
    for node in &mut nodes {
        node.start();
    }
    for node in &nodes {
        serves(&field, node).await;
    }
    every_second(&field, SCHEDULES).await;
    let wanted = i64::from(SCHEDULES) * SECONDS;
    eventually("fifteen seconds", async || fires(&field).await >= wanted).await;
    let ticks = assert_each_second_once(&field).await;
    let mut fired = Vec::new();
    for node in &nodes {
        fired.push(happened(node.address(), "fired").await);
    }
    assert_eq!(fired.iter().sum::<u64>(), ticks as u64, "each was fired by one: {fired:?}");
    let late = "SELECT percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP
            (ORDER BY extract(epoch FROM at - fire_at)::float8 * 1000) FROM job.cron_fire";
    let late: Vec<f64> = field.database.client().await.query_one(late, &[]).await.unwrap().get(0);
    eprintln!(
        "{ticks} ticks, fired by {fired:?}; late p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
        late[0], late[1], late[2]
    );
    for node in &mut nodes {
        node.stop().await;
    }
}
