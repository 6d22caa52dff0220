//! Cron: every tick has one decision, whoever decides it and however late.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sportello::jobs::{
    schedules::{Fold, Gap, Missed, Overlap, Schedule},
    store::{catalog, cron},
};

use super::kinds::{Hang, Write, kinds, start};
use crate::harness::app::TestApp;

impl TestApp {
    /// Adds a schedule whose next tick is the first one after `from`.
    pub(super) async fn schedule(&self, schedule: &Schedule, from: Timestamp) -> Timestamp {
        let next_at = schedule.timing().unwrap().after(from).next().unwrap().at;
        let mut tx = self.app.db.begin("tests.schedule").await.unwrap();
        let catalog = catalog::register(&mut tx, self.app.jobs.registry()).await.unwrap();
        assert!(cron::save(&mut tx, &catalog, schedule, next_at).await.unwrap());
        tx.commit().await.unwrap();
        next_at
    }

    /// Moves the clock to `at`.
    pub(super) fn travel(&self, at: Timestamp) {
        self.app.clock.advance(at.duration_since(self.app.clock.now()));
    }

    async fn decisions(&self) -> Vec<(String, String)> {
        let sql = "SELECT to_char(fire_at AT TIME ZONE 'UTC', 'MM-DD\"T\"HH24:MI'), concat_ws(': ', outcome, reason)
            FROM job.cron_fire ORDER BY fire_at";
        let rows = self.database.client().await.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_schedulers_fire_each_tick_once() {
    let app = start(|_| {}).await;
    let second = app.another_node(|_| {}, kinds()).await;
    let schedule = Schedule::new("tests.minutely", "* * * * *", &Write(1)).overlap(Overlap::Allow);
    let next_at = app.schedule(&schedule, app.app.clock.now()).await;
    for minute in 0..20 {
        app.travel(next_at + SignedDuration::from_mins(minute));
        let (one, other) = tokio::join!(
            app.app.jobs.run_until_idle(&app.app.db, Duration::from_secs(20)),
            second.jobs.run_until_idle(&second.db, Duration::from_secs(20)),
        );
        one.unwrap();
        other.unwrap();
    }
    assert_eq!(app.count("effect").await, 20);
    assert_eq!(app.count("job.cron_fire WHERE outcome = 'fired' AND job_id IS NOT NULL").await, 20);
    second.stop().await;
    app.finish().await;
}

/// The two nights of 2027 on which Rome changes its clocks.
async fn night(spec: &'static str, midnight: &str, hours: i64) -> Vec<(String, String)> {
    let app = start(|_| {}).await;
    let midnight: Timestamp = midnight.parse().unwrap();
    app.travel(midnight);
    let schedule =
        Schedule::new("tests.nightly", spec, &Write(1)).in_zone("Europe/Rome").overlap(Overlap::Allow);
    app.schedule(&schedule, midnight).await;
    for quarter in 1..=hours * 4 {
        app.travel(midnight + SignedDuration::from_mins(15 * quarter));
        app.run_jobs().await;
    }
    let decisions = app.decisions().await;
    let fired = decisions.iter().filter(|(_, outcome)| outcome.starts_with("fired")).count();
    assert_eq!(app.count("effect").await, fired as i64);
    app.finish().await;
    decisions
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_spring_night_the_half_past_two_tick_is_not_lost() {
    let moved = "fired: gap: its local time does not exist and is moved by the length of the gap";
    assert_eq!(
        night("30 2 * * *", "2027-03-27T23:00:00Z", 6).await,
        [("03-28T01:30".to_owned(), moved.to_owned())],
        "at 03:30 in Rome"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_autumn_night_the_half_past_two_tick_comes_once() {
    let decided = |at: &str, how: &str| (at.to_owned(), how.to_owned());
    assert_eq!(
        night("30 2 * * *", "2027-10-30T22:00:00Z", 6).await,
        [
            decided("10-31T00:30", "fired: fold: the first of two equal local times"),
            decided("10-31T01:30", "skipped: fold: the first of two equal local times was taken"),
        ],
        "the first half past two"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_missed_while_the_server_was_down_are_decided_by_policy() {
    let app = start(|_| {}).await;
    let start: Timestamp = "2027-05-01T00:30:00Z".parse().unwrap();
    app.travel(start);
    let hourly =
        |key, missed| Schedule::new(key, "0 * * * *", &Write(1)).missed(missed).overlap(Overlap::Allow);
    for (key, missed) in
        [("tests.skip", Missed::Skip), ("tests.one", Missed::One), ("tests.all", Missed::All)]
    {
        app.schedule(&hourly(key, missed), start).await;
    }
    app.travel("2027-05-01T05:45:00Z".parse().unwrap());
    app.run_jobs().await;
    for (key, fired) in [("tests.skip", 0), ("tests.one", 1), ("tests.all", 5)] {
        let decided = format!("job.cron_fire WHERE key = '{key}'");
        assert_eq!(app.count(&decided).await, 5, "{key}: each tick has its decision");
        assert_eq!(app.count(&format!("{decided} AND outcome = 'fired'")).await, fired, "{key}");
    }
    assert_eq!(app.count("effect").await, 6);
    let next = "SELECT min(next_at) = max(next_at) AND min(next_at) = '2027-05-01T06:00:00Z' FROM job.cron
        WHERE key LIKE 'tests.%'";
    assert!(app.value::<bool>(next).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_is_skipped_while_the_last_run_lives_and_says_so() {
    let app = start(|config| config.server.stop_grace.0 = Duration::ZERO).await;
    let schedule = Schedule::new("tests.slow", "* * * * *", &Hang(1)).overlap(Overlap::Skip);
    let next_at = app.schedule(&schedule, app.app.clock.now()).await;
    app.travel(next_at);
    app.until_count("effect", 1).await;
    app.travel(next_at + SignedDuration::from_mins(1));
    app.until_count("job.cron_fire", 2).await;
    let outcomes: Vec<_> = app.decisions().await.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["fired", "skipped: overlap: the last run is still live"]);
    assert_eq!(app.count("job.body").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_timing_starts_anew_and_an_unchanged_one_keeps_its_next_tick() {
    let app = start(|_| {}).await;
    let (now, read) = (app.app.clock.now(), "SELECT next_at FROM job.cron WHERE key = 'tests.kept'");
    let daily = Schedule::new("tests.kept", "0 3 * * *", &Write(1));
    let first = app.schedule(&daily, now).await;
    app.schedule(&daily, now + SignedDuration::from_hours(72)).await;
    assert_eq!(app.value::<Timestamp>(read).await, first);
    let changed = app.schedule(&Schedule::new("tests.kept", "0 4 * * *", &Write(1)), now).await;
    assert_eq!(app.value::<Timestamp>(read).await, changed);
    app.finish().await;
}

/// A series of the metrics page.
async fn series(app: &TestApp, name: &str) -> Option<f64> {
    let answer = app.anonymous().get("/metrics").await.expect(200);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|number| number.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn how_late_ticks_are_decided_is_measured_but_not_of_those_made_up_for() {
    const LATE: &str = "sportello_cron_lateness_seconds";
    let app = start(|_| {}).await;
    let schedule = Schedule::new("tests.hourly", "0 * * * *", &Write(1)).overlap(Overlap::Allow);
    let next_at = app.schedule(&schedule, app.app.clock.now()).await;
    let [count, sum] = ["count", "sum"].map(|what| format!("{LATE}_{what}"));
    assert_eq!((series(&app, &count).await, series(&app, &sum).await), (Some(0.0), Some(0.0)));
    app.travel(next_at + SignedDuration::from_secs(7));
    app.run_jobs().await;
    let late = series(&app, &sum).await;
    assert!(late >= Some(7.0) && late < Some(37.0), "{late:?}");
    let up_to = async |seconds: &str| series(&app, &format!("{LATE}_bucket{{le=\"{seconds}\"}}")).await;
    assert_eq!((series(&app, &count).await, up_to("2.0").await), (Some(1.0), Some(0.0)));
    assert_eq!((up_to("60.0").await, up_to("+Inf").await), (Some(1.0), Some(1.0)));
    // A quarter of an hour late is missed, and made up for.
    app.travel(next_at + SignedDuration::from_mins(75));
    app.run_jobs().await;
    assert_eq!(app.count("job.cron_fire WHERE outcome = 'fired'").await, 2);
    assert_eq!((series(&app, &count).await, series(&app, &sum).await), (Some(1.0), late));
    app.finish().await;
}

/// What the table of `two_years` says, through the whole engine: a month at a time, each tick decided by the scheduler
/// and run as a job.
#[tokio::test(flavor = "multi_thread")]
async fn two_years_of_ticks_are_decided_and_run_once_each() {
    const TABLE: [(&str, &str, Gap, Fold, [i64; 2]); 7] = [
        ("tests.shift_first", "30 2 * * *", Gap::Shift, Fold::First, [365, 366]),
        ("tests.skip_both", "30 2 * * *", Gap::Skip, Fold::Both, [365, 366]),
        ("tests.skip_second", "30 2 * * *", Gap::Skip, Fold::Second, [364, 365]),
        ("tests.three", "0 3 * * *", Gap::Skip, Fold::Both, [365, 366]),
        ("tests.mondays", "0 9 * * MON", Gap::Shift, Fold::First, [52, 52]),
        ("tests.the_31st", "0 12 31 * *", Gap::Shift, Fold::First, [7, 7]),
        ("tests.leap_day", "0 0 29 2 *", Gap::Shift, Fold::First, [0, 1]),
    ];
    let app = start(|_| {}).await;
    let start: Timestamp = "2026-12-31T23:00:00Z".parse().unwrap();
    app.travel(start);
    for (key, spec, gap, fold, _) in TABLE {
        let mut schedule = Schedule::new(key, spec, &Write(1)).in_zone("Europe/Rome").missed(Missed::All);
        (schedule.gap, schedule.fold, schedule.overlap) = (gap, fold, Overlap::Allow);
        (schedule.missed_within, schedule.missed_max) = (Duration::from_secs(40 * 24 * 3600), 100);
        app.schedule(&schedule, start - SignedDuration::from_nanos(1000)).await;
    }
    for month in 1..=24 {
        app.travel(
            start.in_tz("Europe/Rome").unwrap().saturating_add(jiff::Span::new().months(month)).timestamp(),
        );
        app.run_jobs().await;
    }
    let mut all = 0;
    for (key, spec, _, _, expected) in TABLE {
        for (year, expected) in [2027, 2028].into_iter().zip(expected) {
            let of_year = format!(
                "job.cron_fire WHERE key = '{key}' AND outcome = 'fired' AND job_id IS NOT NULL
                 AND date_part('year', fire_at AT TIME ZONE 'Europe/Rome') = {year}"
            );
            assert_eq!(app.count(&of_year).await, expected, "{key}: {spec} in {year}");
            all += expected;
        }
    }
    // A night in March and one in October, each year, where the policy drops a time.
    for (key, _, gap, fold, _) in TABLE.iter().filter(|(_, spec, ..)| *spec == "30 2 * * *") {
        for (why, drops) in [("gap", *gap == Gap::Skip), ("fold", *fold != Fold::Both)] {
            let dropped = format!(
                "job.cron_fire WHERE key = '{key}' AND outcome = 'skipped' AND reason LIKE '{why}: %'"
            );
            assert_eq!(app.count(&dropped).await, 2 * i64::from(drops), "{key} {why}");
        }
    }
    let missed = "job.cron_fire WHERE key LIKE 'tests.%' AND outcome <> 'fired' AND reason NOT SIMILAR TO '(gap|fold)%'";
    assert_eq!((app.count("effect").await, app.count(missed).await), (all, 0));
    app.finish().await;
}

/// The half hours from one to half past three of the autumn night, with the hour that comes twice.
const AUTUMN: [&str; 8] = ["23:00", "23:30", "00:00", "00:30", "01:00", "01:30", "02:00", "02:30"];

/// The outcomes of that night's ticks under each of these policies, of jobs that never end.
async fn overlapping(
    policies: &[Overlap],
    change: impl FnOnce(&mut sportello::config::Config),
    paused: bool,
) -> Vec<Vec<bool>> {
    let app = start(|config| {
        config.server.stop_grace.0 = Duration::ZERO;
        config.jobs.poll_max.0 = Duration::from_millis(50);
        change(config);
    })
    .await;
    let evening: Timestamp = "2027-10-30T22:15:00Z".parse().unwrap();
    app.travel(evening);
    if paused {
        app.pause_queue("default").await;
    }
    for policy in policies {
        let key = ["tests.allow", "tests.skip", "tests.queue_one", "tests.cancel_old"]
            .into_iter()
            .find(|key| key.ends_with(policy.as_str()))
            .unwrap();
        let mut schedule =
            Schedule::new(key, "*/30 1-3 * * *", &Hang(1)).in_zone("Europe/Rome").overlap(*policy);
        schedule.fold = Fold::Both;
        app.schedule(&schedule, evening).await;
    }
    for (number, time) in (1..).zip(AUTUMN) {
        let day = if time.starts_with("23") { 30 } else { 31 };
        app.travel(format!("2027-10-{day}T{time}:01Z").parse().unwrap());
        app.until_count("job.cron_fire WHERE key LIKE 'tests.%'", number * policies.len() as i64).await;
        let running = app.count("job.lease").await;
        if !paused && running == 0 {
            app.until_count("job.lease", 1).await;
        }
    }
    let mut outcomes = Vec::new();
    for policy in policies {
        let sql = "SELECT outcome = 'fired' FROM job.cron_fire WHERE key = 'tests.' || $1 ORDER BY fire_at";
        let rows = app.database.client().await.query(sql, &[&policy.as_str()]).await.unwrap();
        outcomes.push(rows.iter().map(|row| row.get(0)).collect());
    }
    app.finish().await;
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_while_nothing_can_start_are_all_kept_or_one() {
    let policies = [Overlap::Allow, Overlap::Skip, Overlap::QueueOne, Overlap::CancelOld];
    let fired = overlapping(&policies, |_| {}, true).await;
    let first = [true, false, false, false, false, false, false, false];
    assert_eq!(fired, [[true; 8], first, first, [true; 8]], "allow, skip, queue one, cancel old");
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_while_one_runs_are_skipped_or_one_of_them_waits() {
    let one_at_a_time = |config: &mut sportello::config::Config| config.jobs.workers = 1;
    let fired = overlapping(&[Overlap::Skip], one_at_a_time, false).await;
    assert_eq!(fired, [[true, false, false, false, false, false, false, false]]);
    let fired = overlapping(&[Overlap::QueueOne], |_| {}, false).await;
    assert_eq!(fired, [[true, true, false, false, false, false, false, false]], "one runs, one waits");
}
