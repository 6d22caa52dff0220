//! Reads over HTTP: lane actors against the same handlers that check a connection out of a pool (`database.reads`).
//!
//! Both servers run in this process, on the same database and without a cache of pages; one is asked at a time. Keys are
//! spread evenly over all events, so that no lane answers two callers with one row.

#![expect(clippy::print_stderr, reason = "progress goes where the report does not")]

#[path = "support/load.rs"]
mod load;
mod support;

use std::net::SocketAddr;

use load::Plan;
use support::{Ground, Measured, Options, Report, Variant, cpu::Cpu, report::order};

/// Events asked for, spread over the whole table.
const KEYS: i64 = 20_000;
/// What lanes must be worth at so many connections.
const TARGETS: [(usize, f64); 2] = [(64, 1.7), (256, 2.0)];

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
    let lanes = ground.app(|config| config.jobs.enabled = false).await?;
    let direct = ground
        .app(|config| {
            config.jobs.enabled = false;
            config.database.reads = "direct".to_owned();
        })
        .await?;
    let servers = [("lane actors", lanes.address), ("a pool, directly", direct.address)];
    let mut report = Report::new("reads", ground.version().await?, options.json);
    for (name, paths) in [("detail", details(&ground).await?), ("list", lists(&ground).await?)] {
        for connections in &options.connections {
            let title = format!("{name}, {connections} connections");
            if !options.wants(&title) {
                continue;
            }
            let target = TARGETS.iter().find(|(at, _)| at == connections && name == "detail");
            let variants = compare(options, &ground, &servers, *connections, &paths).await?;
            report.add(title, target.map(|(_, ratio)| *ratio), variants);
        }
    }
    lanes.stop().await;
    direct.stop().await;
    ground.close().await?;
    report.finish()
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
            let plan =
                Plan { address: servers[index].1, connections, time: options.time(), paths: paths.to_vec() };
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
