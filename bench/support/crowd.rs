//! The crowd: thousands of clients that have asked once and keep their connection, and some that never finish their
//! header. In a process of its own, because file descriptors are limited per process.

use std::{
    io::{BufRead as _, Write as _},
    net::SocketAddr,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Semaphore,
    task::JoinSet,
};

/// Set in the environment of the crowd's process.
const ROLE: &str = "SPORTELLO_BENCH_CROWD";
/// Connections being opened at once: less than a listener's queue.
const OPENING: usize = 256;
/// A slow client sends a byte of its header so often.
const DRIP: Duration = Duration::from_millis(500);
/// Descriptors besides those of the connections.
const OWN_DESCRIPTORS: u64 = 64;
const REQUEST: &[u8] = b"GET /alive HTTP/1.1\r\nhost: bench\r\n\r\n";
const ENDLESS: &[u8] = b"GET /alive HTTP/1.1\r\nx-slow: ";

/// Who comes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Guests {
    pub(crate) address: SocketAddr,
    pub(crate) idle: usize,
    pub(crate) slow: usize,
}

/// What became of them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Farewell {
    /// Idle connections that the server closed.
    pub(crate) closed: usize,
    /// Slow ones that it cut off; each came again at once.
    pub(crate) cut: usize,
}

/// Is the crowd if this process was started for it; returns whether it was.
pub(crate) fn take_over() -> anyhow::Result<bool> {
    let Ok(guests) = std::env::var(ROLE) else { return Ok(false) };
    let guests: Guests = serde_json::from_str(&guests)?;
    let wanted = (guests.idle + guests.slow) as u64 + OWN_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised)
            .with_context(|| format!("{wanted} file descriptors are needed"))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(stay(guests))?;
    Ok(true)
}

#[expect(clippy::print_stdout, reason = "standard output is how the crowd answers")]
fn say(words: &str) -> anyhow::Result<()> {
    println!("{words}");
    Ok(std::io::stdout().flush()?)
}

async fn stay(guests: Guests) -> anyhow::Result<()> {
    let (opening, closed, cut) =
        (Arc::new(Semaphore::new(OPENING)), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let mut opened = JoinSet::new();
    for _ in 0..guests.idle {
        let (opening, address) = (opening.clone(), guests.address);
        opened.spawn(async move {
            let _turn = opening.acquire_owned().await;
            ask_once(address).await
        });
    }
    let mut staying = JoinSet::new();
    while let Some(stream) = opened.join_next().await {
        let (mut stream, closed) = (stream??, closed.clone());
        staying.spawn(async move {
            let _ = stream.read(&mut [0; 64]).await; // nothing was asked: only the end can come
            closed.fetch_add(1, Relaxed);
        });
    }
    for _ in 0..guests.slow {
        let (address, cut) = (guests.address, cut.clone());
        staying.spawn(async move {
            while drip(address).await.is_ok() {
                cut.fetch_add(1, Relaxed);
            }
        });
    }
    say("here")?;
    // Until we are told to go: the end of our input.
    tokio::task::spawn_blocking(|| std::io::stdin().lock().lines().map_while(Result::ok).for_each(drop))
        .await?;
    let farewell = Farewell { closed: closed.load(Relaxed), cut: cut.load(Relaxed) };
    say(&serde_json::to_string(&farewell)?)
}

/// One request; the connection stays open.
async fn ask_once(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(REQUEST).await?;
    let (mut answer, mut filled) = (vec![0; 2048], 0);
    while !answer[..filled].ends_with(b"}") {
        let read = stream.read(&mut answer[filled..]).await?;
        anyhow::ensure!(read > 0, "the server closed a connection instead of answering");
        filled += read;
    }
    anyhow::ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..filled]));
    Ok(stream)
}

/// Sends a header that never ends; returns when the server has had enough.
async fn drip(address: SocketAddr) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(ENDLESS).await?;
    let (mut read, mut write) = stream.split();
    let dripping = async {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(DRIP).await;
        }
    };
    let ended = async { while read.read(&mut [0; 512]).await.is_ok_and(|read| read > 0) {} };
    tokio::select! { () = dripping => {}, () = ended => {} }
    Ok(())
}

/// A crowd that is there.
pub(crate) struct Crowd {
    process: Child,
    ending: ChildStdin,
    words: BufReader<ChildStdout>,
}

impl Crowd {
    /// Returns when everybody is there.
    pub(crate) async fn gather(guests: &Guests) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .env(ROLE, serde_json::to_string(guests)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let ending = process.stdin.take().context("its input is piped")?;
        let mut words = BufReader::new(process.stdout.take().context("its output is piped")?);
        let mut line = String::new();
        words.read_line(&mut line).await?;
        anyhow::ensure!(line.trim() == "here", "the crowd did not come");
        Ok(Self { process, ending, words })
    }

    /// Sends everybody home.
    pub(crate) async fn leave(mut self) -> anyhow::Result<Farewell> {
        drop(self.ending);
        let mut line = String::new();
        self.words.read_line(&mut line).await?;
        self.process.wait().await?;
        serde_json::from_str(&line).context("the crowd did not say good-bye")
    }
}
