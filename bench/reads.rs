//! Reads over HTTP.
//!
//! *Detail* and *list*: lane actors against the same handlers that check a connection out of a pool (`database.reads`),
//! both without the cache of pages. Keys are spread evenly over all events, so that no lane answers two callers with one
//! row. *Hits*: the cache with everything that happens to a request (limiter, metrics, request ids) against a bare axum
//! route that returns the same bytes.
//!
//! The servers run in this process, on the same database; one is asked at a time.

#![expect(clippy::print_stderr, reason = "progress goes where the report does not")]

#[path = "support/load.rs"]
mod load;
mod support;

use std::{net::SocketAddr, time::Duration};

use axum::{Router, http::header, routing::get};
use bytes::Bytes;
use load::Plan;
use tokio::{net::TcpListener, task::JoinSet};

use sportello::{app::App, config::Config};
use support::{Ground, Measured, Options, Report, Variant, cpu::Cpu, report::order};

/// Events asked for, spread over the whole table.
const KEYS: i64 = 20_000;
/// Events that are asked for often.
const POPULAR: usize = 1_000;
/// More than the cache waits for until it compresses a page with effort.
const HITS_UNTIL_POPULAR: usize = 10;
/// What lanes must be worth at so many connections.
const TARGETS: [(usize, f64); 2] = [(64, 1.7), (256, 2.0)];
/// What hits must reach of a bare route.
const HITS_TARGET: f64 = 0.75;

fn main() -> anyhow::Result<()> {
    if load::take_over()? {
        return Ok(());
    }
    let options = Options::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let ground = Ground::open(options).await?;
    let mut report = Report::new("reads", ground.version().await?, options.json);
    lanes(options, &ground, &mut report).await?;
    hits(options, &ground, &mut report).await?;
    ground.close().await?;
    report.finish()
}

/// Lane actors against a pool.
async fn lanes(options: &Options, ground: &Ground, report: &mut Report) -> anyhow::Result<()> {
    let plain = |config: &mut Config| (config.jobs.enabled, config.cache.enabled) = (false, false);
    let lanes = ground.app(plain).await?;
    let direct = ground
        .app(|config| {
            plain(config);
            config.database.reads = "direct".to_owned();
        })
        .await?;
    let servers = [("lane actors", lanes.address), ("a pool, directly", direct.address)];
    for (name, paths) in [("detail", details(ground).await?), ("list", lists(ground).await?)] {
        for connections in &options.connections {
            let title = format!("{name}, {connections} connections");
            if !options.wants(&title) {
                continue;
            }
            let target = TARGETS.iter().find(|(at, _)| at == connections && name == "detail");
            let variants = compare(options, ground, &servers, *connections, &paths).await?;
            report.add(title, target.map(|(_, ratio)| *ratio), variants);
        }
    }
    lanes.stop().await;
    direct.stop().await;
    Ok(())
}

/// Cache hits against a bare route.
async fn hits(options: &Options, ground: &Ground, report: &mut Report) -> anyhow::Result<()> {
    let app = ground.app(|config| config.jobs.enabled = false).await?;
    let mut paths = details(ground).await?;
    paths.truncate(POPULAR);
    let mut bodies = Vec::with_capacity(paths.len());
    for path in &paths {
        bodies.push(load::get(app.address, path).await?);
    }
    improved(&app, &paths).await?;
    bodies.sort_by_key(Vec::len);
    let body = Bytes::from(bodies.swap_remove(bodies.len() / 2));
    let (bare, _serving) = bare(body).await?;
    let servers = [("cache hits", app.address), ("a bare axum route", bare)];
    for connections in &options.connections {
        let title = format!("hits, {connections} connections");
        if options.wants(&title) {
            let variants = compare(options, ground, &servers, *connections, &paths).await?;
            report.add(title, Some(HITS_TARGET), variants);
        }
    }
    app.stop().await;
    Ok(())
}

/// Asks until every page is popular, and waits until all are compressed: from then on nothing but hits happens.
async fn improved(app: &App, paths: &[String]) -> anyhow::Result<()> {
    for _ in 0..HITS_UNTIL_POPULAR {
        for path in paths {
            load::get(app.address, path).await?;
        }
    }
    let compressed = || -> u64 {
        let shards = app.registry.cells().into_iter().filter(|cell| cell.kind == "cache");
        let counts = shards.flat_map(|cell| cell.by_kind().collect::<Vec<_>>());
        counts.filter(|(kind, _)| *kind == "Improved").map(|(_, count)| count).sum()
    };
    while compressed() < paths.len() as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// axum and nothing else: one route that answers with this body.
async fn bare(body: Bytes) -> anyhow::Result<(SocketAddr, JoinSet<()>)> {
    let answer = async move || ([(header::CONTENT_TYPE, "application/json")], body.clone());
    let router = Router::new().route("/api/v1/events/{slug}", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut serving = JoinSet::new();
    serving.spawn(async move { drop(axum::serve(listener, router).await) });
    Ok((address, serving))
}

/// Interleaved rounds of the same load on each server.
async fn compare(
    options: &Options,
    ground: &Ground,
    servers: &[(&'static str, SocketAddr)],
    connections: usize,
    paths: &[String],
) -> anyhow::Result<Vec<Variant>> {
    let mut variants: Vec<Variant> =
        servers.iter().map(|(name, _)| Variant { name, rounds: Vec::new() }).collect();
    for round in 0..options.rounds {
        for index in order(round, servers.len()) {
            let plan = Plan {
                address: servers[index].1,
                connections,
                time: options.time(),
                paths: paths.to_vec(),
                token: None,
                rest: Duration::ZERO,
            };
            let before = Cpu::read(ground.client()).await?;
            let seen = load::apply(&plan).await?;
            let after = Cpu::read(ground.client()).await?;
            let (server_us, postgres_us) = after.per_request(before, seen.answers);
            eprintln!(
                "{connections} connections, round {}: {} {:.0}/s, p99 {:.2} ms, {:.0} bytes",
                round + 1,
                servers[index].0,
                seen.rate,
                seen.p99_ms,
                seen.bytes
            );
            variants[index].rounds.push(Measured {
                rate: seen.rate,
                p50_ms: seen.p50_ms,
                p99_ms: seen.p99_ms,
                server_us,
                postgres_us,
                errors: seen.errors,
            });
        }
    }
    Ok(variants)
}

/// Paths of events, evenly spread.
async fn details(ground: &Ground) -> anyhow::Result<Vec<String>> {
    const SLUGS: &str = "-- bench.reads.slugs
        SELECT slug FROM events WHERE status = 'published' ORDER BY md5(slug) LIMIT $1";
    let rows = ground.client().query(SLUGS, &[&KEYS]).await?;
    Ok(rows.iter().map(|row| format!("/api/v1/events/{}", row.get::<_, &str>(0))).collect())
}

/// First pages of lists as people ask for them: by city, category, both, and in each order.
async fn lists(ground: &Ground) -> anyhow::Result<Vec<String>> {
    const FILTERS: &str = "-- bench.reads.filters
        SELECT DISTINCT c.slug, e.category FROM events e JOIN cities c ON c.id = e.city_id ORDER BY 1, 2";
    const SORTS: [&str; 5] = ["new", "price", "-price", "start", "popular"];
    let mut paths = Vec::new();
    for row in ground.client().query(FILTERS, &[]).await? {
        let (city, category): (&str, &str) = (row.get(0), row.get(1));
        for sort in SORTS {
            for filter in [
                format!("city={city}"),
                format!("category={category}"),
                format!("city={city}&category={category}"),
            ] {
                paths.push(format!("/api/v1/events?{filter}&sort={sort}"));
            }
        }
    }
    Ok(paths)
}
