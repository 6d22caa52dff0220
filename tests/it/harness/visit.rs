//! Clients that know nothing of each other: each request has a connection of its own, and its fate is told exactly.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::client::PATIENCE;

/// What became of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    /// A whole answer with this status.
    Answered(u16),
    /// Nobody listens.
    Refused,
    /// Anything else: a reset, half an answer.
    Broken(String),
}

/// Connects and asks once.
pub(crate) async fn visit(address: SocketAddr, path: &str) -> Visit {
    let visiting = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        // From here on a refusal is a broken promise.
        let asking = async {
            stream.write_all(request.as_bytes()).await?;
            let mut said = Vec::new();
            stream.read_to_end(&mut said).await?;
            io::Result::Ok(said)
        };
        Ok(asking.await.map_or_else(|error| Visit::Broken(error.to_string()), |said| answered(&said)))
    };
    let visited: io::Result<Visit> = timeout(PATIENCE, visiting).await.expect("a client hangs");
    visited.unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Visit::Refused,
        _ => Visit::Broken(format!("connecting: {error}")),
    })
}

fn answered(said: &[u8]) -> Visit {
    let text = String::from_utf8_lossy(said);
    let whole = || {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        (length.parse() == Ok(body.len())).then_some(())?;
        head.split(' ').nth(1)?.parse().ok()
    };
    whole().map_or_else(|| Visit::Broken(format!("half an answer: {text:?}")), Visit::Answered)
}

/// People who come one after another, each through this many doors at once, until one finds nobody.
pub(crate) struct Visitors {
    address: SocketAddr,
    path: &'static str,
    answered: AtomicUsize,
    enough: AtomicBool,
}

impl Visitors {
    pub(crate) fn of(address: SocketAddr, path: &'static str) -> Self {
        Self { address, path, answered: AtomicUsize::new(0), enough: AtomicBool::new(false) }
    }

    /// How many were answered.
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Relaxed)
    }

    /// Nobody else comes.
    pub(crate) fn end(&self) {
        self.enough.store(true, Relaxed);
    }

    /// Comes again and again, `doors` at a time; returns the visits that were neither 200 nor 503, the refused ones too.
    pub(crate) async fn come(&self, doors: usize) -> Vec<Visit> {
        let door = |_| async {
            while !self.enough.load(Relaxed) {
                match visit(self.address, self.path).await {
                    Visit::Answered(200 | 503) => self.answered.fetch_add(1, Relaxed),
                    other => return Some(other),
                };
            }
            None
        };
        futures_util::future::join_all((0..doors).map(door)).await.into_iter().flatten().collect()
    }
}
