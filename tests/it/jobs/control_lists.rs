//! Lists of jobs: every filter, and cursors while jobs move.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use sportello::jobs::{
    JobId, NewJob,
    inspect::{self, Filter, State},
};

use super::{
    kinds::{Nothing, Write, start_idle},
    node::{Worker, insert},
};
use crate::harness::{app::TestApp, sources};

/// The jobs that fit, by page of `limit`.
async fn listed(app: &TestApp, filter: &Filter, limit: i64) -> Vec<i64> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let mut tx = app.app.db.begin("tests.list").await.unwrap();
        let page = inspect::list(&mut tx, filter, after, limit).await.unwrap();
        tx.commit().await.unwrap();
        assert!(page.jobs.len() as i64 <= limit);
        seen.extend(page.jobs.iter().map(|job| job.id.0));
        after = page.next;
        if after.is_none() {
            assert!(seen.is_sorted_by(|one, next| one > next), "{seen:?}");
            return seen;
        }
    }
}

/// A job in each state, by hand.
async fn one_of_each(app: &TestApp) -> Vec<(State, i64)> {
    let hour = app.app.clock.now() + SignedDuration::from_hours(1);
    let later = || NewJob::of(&Write(2)).at(hour).tag("x");
    let new =
        [later(), later(), later(), NewJob::of(&Write(1)), NewJob::of(&Write(3)), NewJob::of(&Write(4))];
    let mut ids: Vec<i64> = insert(&app.app, &new).await.into_iter().map(|id| id.unwrap().0).collect();
    let worker = Worker::new(app, "one").await;
    let claimed = worker.claim(1).await;
    assert_eq!(claimed[0].job.0, ids[3]);
    app.sql(&format!("UPDATE job.later SET why = 1 WHERE id = {}", ids[1])).await;
    app.sql(&format!("UPDATE job.later SET why = 2 WHERE id = {}", ids[2])).await;
    app.sql(&format!(
        "WITH gone AS (DELETE FROM job.ready WHERE id = {} RETURNING *)
         INSERT INTO job.parked (door, lane, rank, id, queue_id, key_hash) SELECT 5, lane, rank, id, queue_id, 5 FROM gone",
        ids[4]
    ))
    .await;
    app.sql(&format!(
        "WITH gone AS (DELETE FROM job.ready WHERE id = {} RETURNING *)
         INSERT INTO job.gate (id, waits, run_at, queue_id, lane, rank) SELECT id, 1, now(), queue_id, lane, rank FROM gone",
        ids[5]
    ))
    .await;
    let ready = insert(&app.app, &[NewJob::of(&Nothing).tag("subject:anna").tag("y")]).await;
    ids.push(ready[0].unwrap().0);
    app.sql(
        "INSERT INTO job.done (id, queue_id, kind_id, state, attempts, crashes, enqueued_at, tags, fingerprint, owner_id,
            batch_id)
         SELECT 10 + n, q.id, k.id, n, 1, 0, now(), ARRAY['z'], 100 + n, '00000000-0000-0000-0000-000000000009', 77
         FROM generate_series(0, 3) AS n, job.queue AS q, job.kind AS k
         WHERE q.name = 'default' AND k.name = 'tests.write'",
    )
    .await;
    let live = [
        State::Scheduled,
        State::Retrying,
        State::Snoozed,
        State::Running,
        State::Parked,
        State::Waiting,
        State::Ready,
    ];
    let ended = [State::Done, State::Discarded, State::Cancelled, State::Quarantined];
    let all = live.into_iter().zip(ids).chain(ended.into_iter().zip(10..));
    all.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_finds_its_jobs_and_no_others() {
    let app = start_idle().await;
    let jobs = one_of_each(&app).await;
    let of = |state| jobs.iter().find(|(it, _)| *it == state).unwrap().1;
    let plain = Filter::default;
    assert_eq!(listed(&app, &plain(), 3).await.len(), 11);
    for (state, id) in &jobs {
        assert_eq!(listed(&app, &Filter { state: Some(*state), ..plain() }, 10).await, [*id], "{state:?}");
    }
    let text = |text: &str| Some(text.to_owned());
    let ended = [13, 12, 11, 10];
    let (now, hour) = (app.app.clock.now(), SignedDuration::from_hours(1));
    let cases = [
        (Filter { queue: text("maintenance"), ..plain() }, vec![of(State::Ready)]),
        (Filter { queue: text("nowhere"), ..plain() }, vec![]),
        (Filter { kind: text("tests.nothing"), ..plain() }, vec![of(State::Ready)]),
        (Filter { kind: text("tests.write"), state: Some(State::Discarded), ..plain() }, vec![11]),
        (Filter { subject: text("anna"), ..plain() }, vec![of(State::Ready)]),
        (Filter { subject: text("anna"), tag: text("y"), ..plain() }, vec![of(State::Ready)]),
        (Filter { subject: text("anna"), tag: text("x"), ..plain() }, vec![]),
        (Filter { tag: text("x"), state: Some(State::Snoozed), ..plain() }, vec![of(State::Snoozed)]),
        (Filter { tag: text("z"), ..plain() }, ended.to_vec()),
        (Filter { fingerprint: Some(102), ..plain() }, vec![12]),
        (Filter { owner: Some(uuid::Uuid::from_u128(9)), ..plain() }, ended.to_vec()),
        (Filter { batch: Some(77), state: Some(State::Done), ..plain() }, vec![10]),
        (Filter { batch: Some(78), ..plain() }, vec![]),
        (Filter { finished_from: Some(now - hour), ..plain() }, ended.to_vec()),
        (Filter { finished_to: Some(now - hour), ..plain() }, vec![]),
        (Filter { enqueued_from: Some(now + hour), ..plain() }, vec![]),
    ];
    for (filter, expected) in cases {
        for limit in [1, 10] {
            assert_eq!(listed(&app, &filter, limit).await, expected, "{filter:?}");
        }
    }
    app.sql(&format!(
        "INSERT INTO job.attempt (job_id, attempt, token, worker_id, started_at, outcome, fingerprint)
         VALUES ({}, 1, 1, 1, now(), 1, 500), ({0}, 2, 1, 1, now(), 1, 500)",
        of(State::Retrying)
    ))
    .await;
    let filter = Filter { fingerprint: Some(500), ..plain() };
    assert_eq!(listed(&app, &filter, 10).await, [of(State::Retrying)], "a live job with that error");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_shows_every_job_once_while_all_of_them_move() {
    let app = start_idle().await;
    let new: Vec<_> = (0..40).map(|n| NewJob::of(&Write(n))).collect();
    let made: BTreeSet<i64> = insert(&app.app, &new).await.into_iter().map(|id| id.unwrap().0).collect();
    let worker = Worker::new(&app, "one").await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let mut tx = app.app.db.begin("tests.list").await.unwrap();
        let page = inspect::list(&mut tx, &Filter::default(), after, 6).await.unwrap();
        tx.commit().await.unwrap();
        seen.extend(page.jobs.iter().map(|job| job.id.0));
        after = page.next;
        if after.is_none() {
            break;
        }
        // Between two pages some jobs start, some end, some are put off, and new ones come.
        let claimed = worker.claim(7).await;
        let done: Vec<String> = claimed.iter().skip(3).map(|it| it.job.0.to_string()).collect();
        if !done.is_empty() {
            app.sql(&format!(
                "WITH gone AS (DELETE FROM job.lease WHERE id IN ({0})), b AS (
                    DELETE FROM job.body WHERE id IN ({0}) RETURNING *)
                 INSERT INTO job.done (id, queue_id, kind_id, state, attempts, crashes, enqueued_at)
                 SELECT id, queue_id, kind_id, 0, 1, 0, enqueued_at FROM b",
                done.join(",")
            ))
            .await;
        }
        insert(&app.app, &[NewJob::of(&Nothing), NewJob::of(&Nothing)]).await;
    }
    assert_eq!(seen, made.into_iter().rev().collect::<Vec<_>>());
    app.finish().await;
}

/// Fifty thousand jobs that have ended, and fifty thousand that wait, of the kind and queue of `Write`; ids from 101 on,
/// those that wait above the others. The lowest of both, and one in the middle, are of the queue `mail` and the kind
/// `tests.nothing`.
async fn crowd(app: &TestApp) {
    insert(&app.app, &[NewJob::of(&Write(1)), NewJob::of(&Nothing)]).await;
    app.sql("DELETE FROM job.ready; DELETE FROM job.body").await;
    for sql in [
        "INSERT INTO job.done (id, queue_id, kind_id, state, attempts, crashes, enqueued_at, tags)
         SELECT 100 + n, q.id, k.id, 0, 1, 0, now(), ARRAY['often'] FROM generate_series(1, 50000) AS n,
            job.queue AS q, job.kind AS k WHERE q.name = 'default' AND k.name = 'tests.write'",
        "INSERT INTO job.body (id, queue_id, kind_id, args, tags)
         SELECT 100000 + n, q.id, k.id, '1', ARRAY['often'] FROM generate_series(1, 50000) AS n,
            job.queue AS q, job.kind AS k WHERE q.name = 'default' AND k.name = 'tests.write'",
        "INSERT INTO job.ready (queue_id, lane, rank, id) SELECT queue_id, 100, id, id FROM job.body",
        "UPDATE job.done SET queue_id = (SELECT id FROM job.queue WHERE name = 'mail'),
            kind_id = (SELECT id FROM job.kind WHERE name = 'tests.nothing') WHERE id IN (101, 30000)",
        "UPDATE job.body SET queue_id = (SELECT id FROM job.queue WHERE name = 'mail'),
            kind_id = (SELECT id FROM job.kind WHERE name = 'tests.nothing') WHERE id IN (100001, 130000)",
        "ANALYZE job.done, job.body, job.lease, job.later, job.ready",
    ] {
        app.sql(sql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_queue_or_a_kind_are_full_though_its_jobs_are_few_among_many() {
    let app = start_idle().await;
    crowd(&app).await;
    let mail = || Some("mail".to_owned());
    let nothing = || Some("tests.nothing".to_owned());
    let plain = Filter::default;
    for filter in [
        Filter { queue: mail(), ..plain() },
        Filter { kind: nothing(), ..plain() },
        Filter { queue: mail(), tag: Some("often".to_owned()), ..plain() },
        Filter {
            queue: mail(),
            enqueued_to: Some(app.app.clock.now() + SignedDuration::from_hours(1)),
            ..plain()
        },
    ] {
        let mut tx = app.app.db.begin("tests.list").await.unwrap();
        let first = inspect::list(&mut tx, &filter, None, 3).await.unwrap();
        let ids: Vec<_> = first.jobs.iter().map(|job| job.id.0).collect();
        assert_eq!((ids, first.next.is_some()), (vec![130_000, 100_001, 30_000], true), "{filter:?}");
        let rest = inspect::list(&mut tx, &filter, first.next, 3).await.unwrap();
        let ids: Vec<_> = rest.jobs.iter().map(|job| job.id.0).collect();
        assert_eq!((ids, rest.next), (vec![101], None), "{filter:?}");
        tx.commit().await.unwrap();
    }
    let done = Filter { state: Some(State::Done), queue: mail(), ..plain() };
    assert_eq!(listed(&app, &done, 1).await, [30_000, 101]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wide_windows_are_read_from_an_index() {
    let app = start_idle().await;
    crowd(&app).await;
    let statements = sources::statements().statements;
    let client = app.database.client().await;
    client.batch_execute("SET plan_cache_mode = force_generic_plan; SET jit = off").await.unwrap();
    for (label, count, index) in [
        ("jobs.lists.live", 12, "body_pkey"),
        ("jobs.lists.ready", 12, "body_pkey"),
        ("jobs.lists.ended", 16, "id_idx"),
    ] {
        let name = label.replace('.', "_");
        client.batch_execute(&format!("PREPARE {name} AS {}", statements[label])).await.unwrap();
        let given = ["9223372036854775807", "0", "50000", "11", "NULL", "'mail'", "NULL", "'{}'"];
        let arguments = given.into_iter().chain(std::iter::repeat("NULL")).take(count);
        let explain = format!(
            "EXPLAIN (ANALYZE, TIMING off) EXECUTE {name} ({})",
            arguments.collect::<Vec<_>>().join(", ")
        );
        let plan: Vec<String> =
            client.query(&explain, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        let scans = |what: &str| plan.iter().filter(|line| line.contains(what)).count();
        assert!(scans(index) >= 2, "{label}: the edge and the window\n{}", plan.join("\n"));
        for table in ["Seq Scan on body", "Seq Scan on done"] {
            assert_eq!(scans(table), 0, "{label}\n{}", plan.join("\n"));
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_looks_at_so_many_jobs_and_says_where_to_go_on() {
    let app = start_idle().await;
    crowd(&app).await;
    // Of its kind and in the history; its tag and its queue are compared with what the windows hold.
    app.sql("DELETE FROM job.ready; DELETE FROM job.body").await;
    app.sql("UPDATE job.done SET kind_id = (SELECT id FROM job.kind WHERE name = 'tests.write')").await;
    let text = |text: &str| Some(text.to_owned());
    let filter =
        Filter { queue: text("mail"), kind: text("tests.write"), tag: text("often"), ..Filter::default() };
    app.sql(
        "UPDATE job.done SET queue_id = (SELECT id FROM job.queue WHERE name = 'default') WHERE id = 30000",
    )
    .await;
    let mut tx = app.app.db.begin("tests.list").await.unwrap();
    let first = inspect::list(&mut tx, &filter, None, 10).await.unwrap();
    // Windows of 250, 500, … 4000, and three of 5000.
    assert_eq!((first.jobs.len(), first.next), (0, Some(100 + 50_000 - 22_750 + 1)));
    let second = inspect::list(&mut tx, &filter, first.next, 10).await.unwrap();
    let third = inspect::list(&mut tx, &filter, second.next, 10).await.unwrap();
    assert_eq!(third.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [JobId(101)]);
    assert_eq!((second.jobs.len(), third.next), (0, None));
    tx.commit().await.unwrap();
    app.finish().await;
}

/// As many jobs as are asked for, in one page.
async fn page(app: &TestApp, filter: &Filter, limit: i64) -> (Vec<i64>, Option<i64>) {
    let mut tx = app.app.db.begin("tests.list").await.unwrap();
    let page = inspect::list(&mut tx, filter, None, limit).await.unwrap();
    tx.rollback().await.unwrap();
    (page.jobs.iter().map(|job| job.id.0).collect(), page.next)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_state_fills_its_page_however_many_jobs_of_another_are_newer() {
    let app = start_idle().await;
    insert(&app.app, &[NewJob::of(&Write(1))]).await;
    for sql in [
        "DELETE FROM job.ready; DELETE FROM job.body",
        "INSERT INTO job.body (id, queue_id, kind_id, args) SELECT n, q.id, k.id, '1' FROM generate_series(1, 100000) AS n,
            job.queue AS q, job.kind AS k WHERE q.name = 'default' AND k.name = 'tests.write'",
        "INSERT INTO job.ready (queue_id, lane, rank, id) SELECT queue_id, 100, id, id FROM job.body WHERE id <= 5",
        "INSERT INTO job.later (run_at, id, queue_id, lane, rank, why)
         SELECT now() + interval '1 day', id, queue_id, 100, id,
            CASE WHEN id <= 10 THEN 1 WHEN id <= 15 THEN 3 WHEN id <= 20 THEN 2 ELSE 0 END
         FROM job.body WHERE id > 5",
        "ANALYZE job.body, job.later, job.ready, job.lease",
    ] {
        app.sql(sql).await;
    }
    let state = |state| Filter { state: Some(state), ..Filter::default() };
    let down = |from: i64, to: i64| (to..=from).rev().collect::<Vec<_>>();
    assert_eq!(page(&app, &state(State::Ready), 10).await, (down(5, 1), None));
    assert_eq!(page(&app, &state(State::Retrying), 10).await, (down(15, 6), None));
    assert_eq!(page(&app, &state(State::Snoozed), 10).await, (down(20, 16), None));
    assert_eq!(page(&app, &state(State::Scheduled), 3).await, (down(100_000, 99_998), Some(99_998)));
    // Much is ready below what waits: more than is sorted.
    app.sql("DELETE FROM job.later WHERE id <= 20000").await;
    app.sql(
        "INSERT INTO job.ready (queue_id, lane, rank, id) SELECT queue_id, 100, id, id FROM job.body
         WHERE id BETWEEN 6 AND 20000",
    )
    .await;
    app.sql("ANALYZE job.later, job.ready").await;
    assert_eq!(page(&app, &state(State::Ready), 3).await, (down(20_000, 19_998), Some(19_998)));
    let of_queue = Filter { queue: Some("default".to_owned()), ..state(State::Ready) };
    assert_eq!(page(&app, &of_queue, 3).await, (down(20_000, 19_998), Some(19_998)));
    // And what is scheduled lies below what is tried again.
    app.sql("UPDATE job.later SET why = 1 WHERE id > 20010").await;
    assert_eq!(page(&app, &state(State::Scheduled), 20).await, (down(20_010, 20_001), None));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_has_taken_ahead_is_told_from_what_runs() {
    let app = start_idle().await;
    insert(&app.app, &(0..3).map(|n| NewJob::of(&Write(n))).collect::<Vec<_>>()).await;
    let worker = Worker::new(&app, "one").await;
    let claimed: Vec<i64> = worker.claim(3).await.iter().map(|it| it.job.0).collect();
    app.sql(r#"UPDATE job.worker SET info = '{"workers": 2}'"#).await;
    let mut tx = app.app.db.begin("tests.look").await.unwrap();
    let running = Filter { state: Some(State::Running), ..Filter::default() };
    let found = inspect::list(&mut tx, &running, None, 10).await.unwrap();
    let told: Vec<_> = found.jobs.iter().map(|job| (job.id.0, job.taken, job.attempt)).collect();
    let expected = [(claimed[2], true, Some(0)), (claimed[1], false, Some(1)), (claimed[0], false, Some(1))];
    assert_eq!(told, expected);
    let queue = inspect::queues(&mut tx, Some("default"), app.app.clock.now()).await.unwrap().remove(0);
    assert_eq!((queue.depth.running, queue.depth.taken), (2, 3));
    let patience = inspect::Patience::of(&app.app.config.jobs);
    let node = inspect::node(&mut tx, worker.id, patience).await.unwrap().unwrap();
    assert_eq!((node.running["default"], node.taken["default"]), (2, 3));
    tx.rollback().await.unwrap();
    app.sql("UPDATE job.queue SET workers = 1").await;
    let mut tx = app.app.db.begin("tests.look").await.unwrap();
    let found = inspect::list(&mut tx, &running, None, 10).await.unwrap();
    assert_eq!(found.jobs.iter().filter(|job| job.taken).count(), 2, "a queue may be scaled");
    tx.rollback().await.unwrap();
    app.finish().await;
}
