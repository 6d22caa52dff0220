//! The text that Prometheus reads.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    thread,
    time::Duration,
};

use super::{Actors, JobFigures, Metrics, PoolUse, Statements};
use crate::{
    actors::kernel::Registry,
    clock::Clock,
    db::Observer,
    jobs::{self, Jobs},
};

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is missing in\n{text}")).parse().unwrap()
}

#[test]
fn every_hook_shows_up_under_its_documented_name() {
    let metrics = Metrics::new();
    let route = metrics.http.route("GET", "/api/v1/events/{slug}");
    route.record(200, Duration::from_millis(3));
    route.record(200, Duration::from_secs(30));
    route.record(404, Duration::from_micros(50));
    let in_flight = metrics.http.enter();
    let connection = metrics.http.connect();
    let observer = Observer::new(Duration::from_secs(1));
    metrics.collect(Statements::new(observer.clone()));
    observer.record("events.find", Duration::from_millis(1), 1, Ok(3));
    observer.record("events.find", Duration::from_millis(1), 1, Err(()));
    metrics.pool.watch(|| PoolUse { open: 9, leased: 4, waiting: 0 });
    let flight = metrics.lanes.lane("point-0").sent(7);
    metrics.cache.namespace("event").coalesced.inc();
    metrics.limiter.class("login").limited.inc();
    let jobs = Jobs::new(Clock::system(), jobs::registry::registry(), jobs::seal::KeyRing::default());
    let kind = jobs.registry().kinds().next().unwrap().name;
    jobs.figures().kind(kind).unwrap().outcomes.retried.fetch_add(1, Relaxed);
    jobs.figures().kind(kind).unwrap().ran(Duration::from_secs(2));
    metrics.collect(JobFigures::new(jobs));
    metrics.mails.handed_over("outbox", true);
    metrics.gauge("sportello_answer", "A gauge that is read", || 42.0);

    let text = metrics.encode();
    let get = |series: &str| value(&text, series);
    let near = |series: &str, expected: f64| assert!((get(series) - expected).abs() < 1e-9, "{series}");
    near(r#"http_requests_total{method="GET",route="/api/v1/events/{slug}",status="200"}"#, 2.0);
    near(r#"http_requests_total{method="GET",route="/api/v1/events/{slug}",status="404"}"#, 1.0);
    let duration = |rest: &str| format!("http_request_duration_seconds_{rest}");
    let ok = r#"method="GET",route="/api/v1/events/{slug}",status="2xx""#;
    near(&duration(&format!("count{{{ok}}}")), 2.0);
    near(&duration(&format!("sum{{{ok}}}")), 30.003);
    near(&duration(&format!("bucket{{le=\"0.0025\",{ok}}}")), 0.0);
    near(&duration(&format!("bucket{{le=\"0.005\",{ok}}}")), 1.0);
    near(&duration(&format!("bucket{{le=\"+Inf\",{ok}}}")), 2.0);
    near("http_in_flight", 1.0);
    near("http_connections", 1.0);
    near(r#"sportello_db_statement_duration_seconds_count{statement="events.find"}"#, 2.0);
    near(r#"sportello_db_rows_total{statement="events.find"}"#, 3.0);
    near(r#"sportello_db_errors_total{statement="events.find"}"#, 1.0);
    near("sportello_pool_in_use", 4.0);
    near(r#"sportello_lane_reads_total{lane="point-0"}"#, 7.0);
    near(r#"sportello_lane_in_flight{lane="point-0"}"#, 1.0);
    near(r#"sportello_cache_lookups_total{namespace="event",result="coalesced"}"#, 1.0);
    near(r#"sportello_limiter_decisions_total{class="login",decision="limited"}"#, 1.0);
    near(&format!(r#"sportello_jobs_finished_total{{kind="{kind}",outcome="retried"}}"#), 1.0);
    near(&format!(r#"sportello_job_run_seconds_sum{{kind="{kind}"}}"#), 2.0);
    near(r#"sportello_jobs_running{queue="mail"}"#, 0.0);
    near(r#"sportello_mails_total{transport="outbox",outcome="sent"}"#, 1.0);
    near("sportello_answer", 42.0);
    near(concat!(r#"sportello_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""}"#), 1.0);
    assert!(text.ends_with("# EOF\n"));
    drop((in_flight, connection, flight));
    assert!(metrics.encode().contains("\nhttp_in_flight 0\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_read_from_proc() {
    let text = Metrics::new().encode();
    assert!(value(&text, "process_resident_memory_bytes") > 1e6);
    assert!(value(&text, "process_open_fds") >= 3.0);
    assert!(value(&text, "process_cpu_seconds_total") >= 0.0);
    assert!(value(&text, "process_start_time_seconds") > 1.6e9);
}

#[test]
fn nothing_is_lost_when_many_threads_count_at_once() {
    let metrics = Arc::new(Metrics::new());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let metrics = Arc::clone(&metrics);
            thread::spawn(move || {
                for _ in 0..1000 {
                    metrics.pool.wait.record(Duration::from_micros(10));
                    metrics.pool.timeouts.add(2);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!((metrics.pool.wait.count(), metrics.pool.timeouts.get()), (8000, 16_000));
}

#[test]
fn actors_are_read_from_their_cells() {
    let registry = Registry::new(Clock::system());
    let metrics = Metrics::new();
    metrics.collect(Actors::new(registry.clone()));
    let _handle = registry.handle::<Nothing>("data/lanes/point-0", "lane", 64);
    let text = metrics.encode();
    assert!((value(&text, r#"sportello_actor_bound{actor="data/lanes/point-0"}"#) - 64.0).abs() < 1e-9);
    assert!(value(&text, r#"sportello_actor_restarts_total{actor="data/lanes/point-0"}"#).abs() < 1e-9);
}

#[expect(dead_code, reason = "never sent: only its handle is needed")]
enum Nothing {
    Ever,
}
crate::kinds!(Nothing: Ever);
