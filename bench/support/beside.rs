//! What goes on beside the load: in a process of its own, until it is told to end; then it says one figure. And what the
//! load notices of it.

#![expect(clippy::print_stderr, reason = "progress goes where the report does not")]

use std::{
    io::{BufRead as _, Write as _},
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    load::{self, Plan},
    server::Server,
    support::{Ground, Measured, Options, Variant, report::order},
};

/// Events that the load asks for.
const KEYS: i64 = 200;
/// A few, which do not fill the machine: it is the wait that is looked at.
const CONNECTIONS: usize = 4;

/// Something that goes on.
pub(crate) struct Beside {
    process: Child,
    ending: ChildStdin,
    words: BufReader<ChildStdout>,
}

impl Beside {
    /// Starts this program again, with `role` set.
    pub(crate) fn start(role: &str, plan: &impl Serialize) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .env(role, serde_json::to_string(plan)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let ending = process.stdin.take().context("its input is piped")?;
        let words = BufReader::new(process.stdout.take().context("its output is piped")?);
        Ok(Self { process, ending, words })
    }

    /// Ends it; the figure.
    pub(crate) async fn end(mut self) -> anyhow::Result<f64> {
        drop(self.ending);
        let mut line = String::new();
        self.words.read_line(&mut line).await?;
        self.process.wait().await?;
        line.trim().parse().context("what went on beside the load has failed")
    }
}

/// Does the work if this process was started for it; returns whether it was.
pub(crate) fn take_over<P: DeserializeOwned, W: Future<Output = anyhow::Result<f64>>>(
    role: &str,
    work: impl FnOnce(P) -> W,
) -> anyhow::Result<bool> {
    let Ok(plan) = std::env::var(role) else { return Ok(false) };
    let plan = serde_json::from_str(&plan)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figure = runtime.block_on(work(plan))?;
    #[expect(clippy::print_stdout, reason = "standard output is how it answers")]
    {
        println!("{figure}");
    }
    std::io::stdout().flush()?;
    Ok(true)
}

/// Until the end of our input.
pub(crate) async fn told_to_end() -> anyhow::Result<()> {
    let read = || std::io::stdin().lock().lines().map_while(Result::ok).for_each(drop);
    Ok(tokio::task::spawn_blocking(read).await?)
}

/// How details of events are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asking<'a> {
    /// By whom, an access token. They come from the database then, because they say what is that person's favourite; otherwise
    /// from the cache.
    pub(crate) token: Option<&'a str>,
    /// Each connection rests so long before its next question. Without a rest the load takes what it gets of the machine, and
    /// the rate says how much was left.
    pub(crate) rest: Duration,
}

/// Details of events with and without what `start` starts; `told` is said with its figure.
pub(crate) async fn compare(
    options: &Options,
    (ground, server): (&Ground, &Server),
    asking: Asking<'_>,
    start: impl Fn() -> anyhow::Result<Beside>,
    told: impl Fn(f64) -> String,
) -> anyhow::Result<Vec<Variant>> {
    const SLUGS: &str = "-- bench.beside.slugs
        SELECT slug FROM events WHERE status = 'published' ORDER BY md5(slug) LIMIT $1";
    let rows = ground.client().query(SLUGS, &[&KEYS]).await?;
    let paths = rows.iter().map(|row| format!("/api/v1/events/{}", row.get::<_, &str>(0))).collect();
    let (token, rest) = (asking.token.map(str::to_owned), asking.rest);
    let plan =
        Plan { address: server.address, connections: CONNECTIONS, time: options.time(), paths, token, rest };
    load::apply(&plan).await?; // warms it up
    let mut variants = ["beside them", "alone"].map(|name| Variant { name, rounds: Vec::new() });
    for round in 0..options.rounds {
        for index in order(round, 2) {
            let beside = if index == 0 { Some(start()?) } else { None };
            let seen = load::apply(&plan).await?;
            if let Some(beside) = beside {
                eprintln!("{}", told(beside.end().await?));
            }
            variants[index].rounds.push(Measured {
                rate: seen.rate,
                p50_ms: seen.p50_ms,
                p99_ms: seen.p99_ms,
                server_us: None, // what goes on beside it costs, too
                postgres_us: None,
                errors: seen.errors,
            });
        }
    }
    Ok(variants.into())
}
