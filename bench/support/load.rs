//! The load: many keep-alive connections that ask one question after another, in a process of its own.
//!
//! The benchmark starts itself again with [`ROLE`] set, so that the load's processor time is not the server's. Requests
//! are prepared bytes and answers are read, not parsed: the load must cost less than what it measures.

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
    task::JoinSet,
};

/// Set in the environment of the load's process.
const ROLE: &str = "SPORTELLO_BENCH_LOAD";
/// Threads of the load: two keep up with every server measured here.
const THREADS: usize = 2;
/// Not counted at the beginning, in parts of the measured time.
const WARM_UP: f64 = 0.2;
/// Answers of lists have some ten KiB.
const BUFFER: usize = 64 * 1024;

/// What to ask, and for how long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The server.
    pub(crate) address: SocketAddr,
    /// Connections at once.
    pub(crate) connections: usize,
    /// How long answers are counted.
    pub(crate) time: Duration,
    /// Paths, asked in random order, each connection in its own.
    pub(crate) paths: Vec<String>,
    /// Who asks, if it is not just anybody: an access token.
    pub(crate) token: Option<String>,
    /// Each connection rests so long between an answer and its next question.
    pub(crate) rest: Duration,
}

/// What came back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Answers counted per second.
    pub(crate) rate: f64,
    /// Answers in all, those of the warm-up too.
    pub(crate) answers: u64,
    /// Answers other than 200.
    pub(crate) errors: u64,
    /// Bytes of an answer, its header included, on average.
    pub(crate) bytes: f64,
    /// Milliseconds.
    pub p50_ms: f64,
    /// Milliseconds.
    pub p99_ms: f64,
}

/// Does the load if this process was started for it; returns whether it was.
pub(crate) fn take_over() -> anyhow::Result<bool> {
    let Ok(plan) = std::env::var(ROLE) else { return Ok(false) };
    let plan: Plan = serde_json::from_str(&std::fs::read_to_string(plan)?)?;
    println_json(&run(&plan)?)?;
    Ok(true)
}

#[expect(clippy::print_stdout, reason = "standard output is how the load answers")]
fn println_json(outcome: &Outcome) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(outcome)?);
    Ok(())
}

/// Runs the load in a process of its own.
pub(crate) async fn apply(plan: &Plan) -> anyhow::Result<Outcome> {
    let file = std::env::temp_dir().join(format!("sportello-bench-load-{}.json", std::process::id()));
    tokio::fs::write(&file, serde_json::to_vec(plan)?).await?;
    let load = Command::new(std::env::current_exe()?)
        .env(ROLE, &file)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    tokio::fs::remove_file(&file).await?;
    anyhow::ensure!(load.status.success(), "the load failed: {}", load.status);
    serde_json::from_slice(&load.stdout).context("the load did not report")
}

/// The body of one page.
#[allow(dead_code, reason = "not every benchmark that makes load reads a page")]
pub(crate) async fn get(address: SocketAddr, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&request(address, path, None)).await?;
    let mut buffer = vec![0; BUFFER];
    let (ok, whole) = answer(&mut stream, &mut buffer).await?;
    anyhow::ensure!(ok, "{path} was not answered with 200");
    buffer.truncate(whole);
    let head =
        buffer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer without a header")?;
    Ok(buffer.split_off(head + 4))
}

fn request(address: SocketAddr, path: &str, token: Option<&str>) -> Vec<u8> {
    let who = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{who}\r\n").into_bytes()
}

fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let requests: Vec<_> =
        plan.paths.iter().map(|path| request(plan.address, path, plan.token.as_deref())).collect();
    let (requests, address) = (Arc::new(requests), plan.address);
    let began = Instant::now();
    let counted_from = began + plan.time.mul_f64(WARM_UP);
    let until = counted_from + plan.time;
    let share = |thread: usize| (thread..plan.connections).step_by(THREADS).collect::<Vec<_>>();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (requests, seeds) = (requests.clone(), share(thread));
            let rest = plan.rest;
            std::thread::spawn(move || connections((address, rest), &seeds, &requests, counted_from, until))
        })
        .collect();
    let mut all = Tally::default();
    for thread in threads {
        all.add(&thread.join().map_err(|_| anyhow::anyhow!("a thread of the load panicked"))??)?;
    }
    let ms = |quantile| all.latencies.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Outcome {
        rate: all.latencies.len() as f64 / plan.time.as_secs_f64(),
        answers: all.answers,
        errors: all.errors,
        bytes: all.bytes as f64 / all.answers.max(1) as f64,
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
    })
}

/// What a connection, a thread or the whole load has seen.
struct Tally {
    /// Microseconds, of counted answers.
    latencies: Histogram<u64>,
    answers: u64,
    errors: u64,
    bytes: u64,
}

impl Default for Tally {
    fn default() -> Self {
        let latencies = Histogram::new(3).expect("three digits are allowed");
        Self { latencies, answers: 0, errors: 0, bytes: 0 }
    }
}

impl Tally {
    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.latencies.add(&other.latencies)?;
        self.answers += other.answers;
        self.errors += other.errors;
        self.bytes += other.bytes;
        Ok(())
    }
}

fn connections(
    target: (SocketAddr, Duration),
    seeds: &[usize],
    requests: &Arc<Vec<Vec<u8>>>,
    counted_from: Instant,
    until: Instant,
) -> anyhow::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connections = JoinSet::new();
        for seed in seeds {
            let (requests, seed) = (requests.clone(), *seed as u64);
            connections.spawn(async move { connection(target, seed, &requests, counted_from, until).await });
        }
        let mut all = Tally::default();
        while let Some(tally) = connections.join_next().await {
            all.add(&tally??)?;
        }
        Ok(all)
    })
}

async fn connection(
    (address, rest): (SocketAddr, Duration),
    seed: u64,
    requests: &[Vec<u8>],
    counted_from: Instant,
    until: Instant,
) -> anyhow::Result<Tally> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut tally, mut buffer) = (Tally::default(), vec![0; BUFFER]);
    let mut random = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    loop {
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let asked = Instant::now();
        if asked >= until {
            return Ok(tally);
        }
        stream.write_all(&requests[(random % requests.len() as u64) as usize]).await?;
        let (ok, bytes) = answer(&mut stream, &mut buffer).await?;
        let answered = Instant::now();
        tally.answers += 1;
        tally.bytes += bytes as u64;
        tally.errors += u64::from(!ok);
        if asked >= counted_from && answered <= until {
            tally.latencies.record((answered - asked).as_micros() as u64)?;
        }
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
    }
}

/// Reads one answer to its end: whether it is 200, and its bytes.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<(bool, usize)> {
    let (mut filled, mut whole) = (0, None);
    loop {
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0);
        }
        let read = stream.read(&mut buffer[filled..]).await?;
        anyhow::ensure!(read > 0, "the server closed a connection");
        filled += read;
        if whole.is_none() {
            whole = length(&buffer[..filled])?;
        }
        if let Some(whole) = whole.filter(|whole| *whole <= filled) {
            return Ok((buffer.starts_with(b"HTTP/1.1 200"), whole));
        }
    }
}

/// The bytes of the answer that begins here; `None` until its header is complete.
fn length(head: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&head[..end])?;
    let name = "content-length:";
    let line =
        text.lines().find(|line| line.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name)));
    let body: usize = line.context("an answer without a length")?[name.len()..].trim().parse()?;
    Ok(Some(end + 4 + body))
}
