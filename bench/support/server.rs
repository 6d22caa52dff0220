//! The real binary as a process of its own, and what the kernel says of its memory.

use std::{fs, net::SocketAddr, process::Stdio, time::Duration};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, Command},
    task::JoinSet,
    time::timeout,
};

use crate::support::cpu;

/// Starting means looking at the schema and opening connections.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A server that runs; killed when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    _log: JoinSet<()>,
}

#[allow(dead_code, reason = "not every benchmark that starts a server asks it everything")]
impl Server {
    /// Starts `sportello serve` with these settings; returns when it serves.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sportello"));
        for (key, value) in settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        let mut process =
            command.arg("serve").stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(process.stderr.take().context("its log is piped")?).lines();
        let address =
            timeout(START_LIMIT, address(&mut lines)).await.context("the server does not start")??;
        let mut log = JoinSet::new();
        log.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { process, address, _log: log })
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        self.status("VmRSS:")
    }

    /// The same; from now on [`Server::highest`] says how high it has been.
    pub(crate) fn mark(&self) -> anyhow::Result<u64> {
        const RESET_HIGHEST: &str = "5";
        let pid = self.process.id().context("the server has ended")?;
        fs::write(format!("/proc/{pid}/clear_refs"), RESET_HIGHEST)?;
        self.memory()
    }

    /// The highest resident memory since the mark.
    pub(crate) fn highest(&self) -> anyhow::Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> anyhow::Result<u64> {
        let pid = self.process.id().context("the server has ended")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        cpu::of(self.process.id()?)
    }

    /// A figure of `/metrics`.
    pub(crate) async fn figure(&self, name: &str) -> anyhow::Result<f64> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("there is no {name}"))?.trim().parse()?)
    }
}

/// Where it says that it serves.
async fn address(lines: &mut Lines<BufReader<ChildStderr>>) -> anyhow::Result<SocketAddr> {
    let mut last = String::new();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, rest)) = line.split_once("serving: http://") {
            let address = rest.split('/').next().unwrap_or_default();
            return address.parse().with_context(|| format!("{address} is no address"));
        }
        last = line;
    }
    anyhow::bail!("the server ended: {last}")
}
