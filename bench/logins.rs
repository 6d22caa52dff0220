//! Wrong passwords: whether the time of the answer tells that an account exists, and what everybody else notices of a
//! hundred guesses per second.
//!
//! The real binary without limits by address, as if the guesses came from everywhere.

#[path = "support/beside.rs"]
mod beside;
#[path = "support/load.rs"]
mod load;
#[path = "support/person.rs"]
mod person;
#[path = "support/server.rs"]
mod server;
mod support;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use beside::Beside;
use person::Person;
use serde::{Deserialize, Serialize};
use server::Server;
use support::{
    Ground, Measured, Options, Report, Variant,
    report::{order, spread},
};
use tokio::task::JoinSet;

/// Set in the environment of the process that guesses.
const ROLE: &str = "SPORTELLO_BENCH_GUESSES";
/// Guesses per second.
const RATE: u32 = 100;
/// Guesses per account and round: fewer than lock it.
const GUESSES: usize = 4;
/// Accounts per round.
const ACCOUNTS: usize = 25;

fn main() -> anyhow::Result<()> {
    if load::take_over()? || beside::take_over(ROLE, guess)? {
        return Ok(());
    }
    let options = Options::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let ground = Ground::open(options).await?;
    let server = start(&ground, options).await?;
    let mut report = Report::new("logins", ground.version().await?, options.json);
    report.add("a wrong password".to_owned(), None, tell_apart(options, &server).await?);
    let name = format!("cached detail beside {RATE} wrong passwords per second");
    let guesser = Guesser { address: server.address, rate: RATE };
    let told = |rate| format!("{rate:.0} guesses per second were looked at");
    let variants = beside::compare(
        options,
        (&ground, &server),
        beside::Asking::default(),
        || Beside::start(ROLE, &guesser),
        told,
    )
    .await?;
    report.add(name, None, variants);
    drop(server);
    ground.close().await?;
    report.finish()
}

async fn start(ground: &Ground, options: &Options) -> anyhow::Result<Server> {
    let data_dir = ground.data_dir().display().to_string();
    let mut settings = vec![
        ("database.url", ground.url()),
        ("database.data_dir", &data_dir),
        ("server.listen", "127.0.0.1:0"),
        ("limits.enabled", "false"),
        ("server.trusted_proxies", "127.0.0.0/8"),
        ("logs.format", "json"),
    ];
    settings.extend(options.settings.iter().filter_map(|setting| setting.split_once('=')));
    Server::start(&settings).await
}

/// Guesses at accounts that exist and at some that do not, one after another and in turns.
async fn tell_apart(options: &Options, server: &Server) -> anyhow::Result<Vec<Variant>> {
    let mut variants =
        ["of an account that exists", "of none"].map(|name| Variant { name, rounds: Vec::new() });
    let nobody = Person::nobody(server.address);
    let accounts = if options.smoke { 2 } else { ACCOUNTS };
    for round in 0..options.rounds {
        let mut seen = [Vec::new(), Vec::new()];
        for account in 0..accounts {
            let known = format!("known{round}x{account}@example.org");
            Person::register(server.address, &known).await?;
            let emails = [known, format!("nobody{round}x{account}@example.org")];
            for attempt in 0..GUESSES {
                for index in order(attempt, 2) {
                    let began = Instant::now();
                    let status = nobody.guess(&emails[index], somewhere()).await?;
                    seen[index].push(began.elapsed().as_secs_f64() * 1e3);
                    anyhow::ensure!(status == 401, "a wrong password was answered with {status}");
                }
            }
        }
        for (variant, mut seen) in variants.iter_mut().zip(seen) {
            seen.sort_by(f64::total_cmp);
            let (p50_ms, total) = (spread(seen.clone()).0, seen.iter().sum::<f64>());
            variant.rounds.push(Measured {
                rate: seen.len() as f64 * 1e3 / total,
                p50_ms,
                p99_ms: seen[seen.len() * 99 / 100],
                server_us: None,
                postgres_us: None,
                errors: 0,
            });
        }
    }
    Ok(variants.into())
}

/// Another address each time: too many failures lock an address.
fn somewhere() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0x0b00_0000); // 11.0.0.0
    Ipv4Addr::from_bits(NEXT.fetch_add(1, Relaxed))
}

/// Who guesses.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Guesser {
    address: SocketAddr,
    rate: u32,
}

/// At a steady rate, whatever becomes of the guesses before; how many per second were answered with 401.
async fn guess(guesser: Guesser) -> anyhow::Result<f64> {
    let (refused, nobody) = (Arc::new(AtomicU64::new(0)), Person::nobody(guesser.address));
    let (began, mut guesses) = (Instant::now(), JoinSet::new());
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / guesser.rate);
    let end = beside::told_to_end();
    tokio::pin!(end);
    loop {
        tokio::select! {
            told = &mut end => { told?; break }
            _ = ticks.tick() => {}
        }
        let (nobody, refused) = (nobody.clone(), refused.clone());
        let email = format!("{}@example.org", guesses.len());
        guesses.spawn(async move {
            // Too many are told so (503): that is what the bound is for.
            if nobody.guess(&email, somewhere()).await? == 401 {
                refused.fetch_add(1, Relaxed);
            }
            anyhow::Ok(())
        });
    }
    Ok(refused.load(Relaxed) as f64 / began.elapsed().as_secs_f64())
}
