//! Ten thousand idle keep-alive connections and two hundred clients that never finish their header: what they cost, and
//! what everybody else notices.
//!
//! Two real servers run on the same database, one with the crowd and one without; the same load asks them in turns. The
//! memory of a connection is the growth of the server's resident memory, divided by the connections, after it has
//! answered the load once (so that what it keeps anyway is there before).

#![expect(clippy::print_stderr, reason = "progress goes where the report does not")]

#[path = "support/crowd.rs"]
mod crowd;
#[path = "support/load.rs"]
mod load;
#[path = "support/server.rs"]
mod server;
mod support;

use std::time::{Duration, Instant};

use crowd::{Crowd, Guests};
use load::Plan;
use server::Server;
use support::{Ground, Measured, Options, Report, Variant, report::order};

/// Keep-alive connections on which nothing happens.
const IDLE: usize = 10_000;
/// Clients that send their header byte by byte.
const SLOW: usize = 200;
/// Events that the load asks for: all of them are in the cache.
const KEYS: i64 = 200;
/// An idle connection is put to rest after some seconds.
const REST_LIMIT: Duration = Duration::from_secs(60);
const PARKED: &str = "http_connections_parked";
const TIMEOUTS: &str = "http_timeouts_total";

fn main() -> anyhow::Result<()> {
    if load::take_over()? || crowd::take_over()? {
        return Ok(());
    }
    let options = Options::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let (idle, slow) = if options.smoke { (200, 20) } else { (IDLE, SLOW) };
    let ground = Ground::open(options).await?;
    let (alone, crowded) = (start(&ground).await?, start(&ground).await?);
    let paths = details(&ground).await?;
    let mut report = Report::new("connections", ground.version().await?, options.json);
    for connections in &options.connections {
        for server in [&alone, &crowded] {
            load::apply(&plan(server, *connections, options, &paths)).await?; // warms it up
        }
    }
    let before = crowded.memory()?;
    let began = Instant::now();
    let guests = Guests { address: crowded.address, idle, slow: 0 };
    let idlers = Crowd::gather(&guests).await?;
    let opened = began.elapsed();
    let busy = crowded.memory()?;
    rest(&crowded, idle).await?;
    let resting = crowded.memory()?;
    let dawdlers = Crowd::gather(&Guests { address: crowded.address, idle: 0, slow }).await?;
    for connections in &options.connections {
        let name =
            format!("cached detail, {connections} connections, beside {idle} idle and {slow} slow ones");
        if options.wants(&name) {
            let servers = [("with the crowd", &crowded), ("alone", &alone)];
            report.add(name, None, compare(options, servers, *connections, &paths).await?);
        }
    }
    anyhow::ensure!(crowded.figure(PARKED).await? as usize >= idle, "the idle ones did not stay at rest");
    let cut = crowded.figure(TIMEOUTS).await?;
    let (idlers, dawdlers) = (idlers.leave().await?, dawdlers.leave().await?);
    anyhow::ensure!(idlers.closed == 0, "{} idle connections were closed", idlers.closed);
    let per_connection = |memory: u64| memory.saturating_sub(before) as f64 / idle as f64 / 1024.0;
    eprintln!(
        "\n{idle} connections opened in {opened:.1?}; resident memory {} MiB before, {} MiB with them ({:.1} KiB each), \
         {} MiB when they rest ({:.1} KiB each); {cut} slow headers cut off ({} seen)",
        before >> 20,
        busy >> 20,
        per_connection(busy),
        resting >> 20,
        per_connection(resting),
        dawdlers.cut
    );
    drop((alone, crowded));
    ground.close().await?;
    report.finish()
}

async fn start(ground: &Ground) -> anyhow::Result<Server> {
    let data_dir = ground.data_dir().display().to_string();
    let settings = [
        ("database.url", ground.url()),
        ("database.data_dir", &data_dir),
        ("server.listen", "127.0.0.1:0"),
        ("server.keep_alive", "1h"), // nobody is sent home while we measure
        ("limits.anonymous", "1000000000/1s"),
        ("jobs.enabled", "false"),
        ("logs.format", "json"),
    ];
    Server::start(&settings).await
}

/// Until the idle connections are at rest.
async fn rest(server: &Server, idle: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    while (server.figure(PARKED).await? as usize) < idle {
        anyhow::ensure!(began.elapsed() < REST_LIMIT, "idle connections are not put to rest");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn plan(server: &Server, connections: usize, options: &Options, paths: &[String]) -> Plan {
    Plan {
        address: server.address,
        connections,
        time: options.time(),
        paths: paths.to_vec(),
        token: None,
        rest: Duration::ZERO,
    }
}

/// Interleaved rounds of the same load on each server.
async fn compare(
    options: &Options,
    servers: [(&'static str, &Server); 2],
    connections: usize,
    paths: &[String],
) -> anyhow::Result<Vec<Variant>> {
    let mut variants = servers.map(|(name, _)| Variant { name, rounds: Vec::new() });
    for round in 0..options.rounds {
        for index in order(round, servers.len()) {
            let (name, server) = servers[index];
            let before = server.cpu();
            let seen = load::apply(&plan(server, connections, options, paths)).await?;
            let used = server.cpu().zip(before).map(|(now, then)| now.saturating_sub(then));
            eprintln!(
                "{connections} connections, round {}: {name} {:.0}/s, p99 {:.2} ms, {} errors, {:.0} bytes",
                round + 1,
                seen.rate,
                seen.p99_ms,
                seen.errors,
                seen.bytes
            );
            variants[index].rounds.push(Measured {
                rate: seen.rate,
                p50_ms: seen.p50_ms,
                p99_ms: seen.p99_ms,
                server_us: used.map(|used| used.as_secs_f64() * 1e6 / seen.answers.max(1) as f64),
                postgres_us: None,
                errors: seen.errors,
            });
        }
    }
    Ok(variants.into())
}

/// Paths of some events.
async fn details(ground: &Ground) -> anyhow::Result<Vec<String>> {
    const SLUGS: &str = "-- bench.connections.slugs
        SELECT slug FROM events WHERE status = 'published' ORDER BY md5(slug) LIMIT $1";
    let rows = ground.client().query(SLUGS, &[&KEYS]).await?;
    Ok(rows.iter().map(|row| format!("/api/v1/events/{}", row.get::<_, &str>(0))).collect())
}
