//! A server around any router, and a client that can be as slow, silent or wrong as it likes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, http::Method};
use sportello::{
    config::{
        Config,
        sections::Server as ServerConfig,
        values::{Bytes, Period},
    },
    http::{
        front::Front,
        limits::Gate,
        listening::Listening,
        routes::{Query, Routes},
        server::Server,
    },
    metrics::Metrics,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

/// Whatever is waited for has happened long before, or never will.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server.
pub(super) struct Wired {
    pub(super) address: SocketAddr,
    pub(super) server: Server,
    pub(super) metrics: Arc<Metrics>,
    pub(super) listening: Listening,
    accepting: JoinHandle<()>,
}

impl Wired {
    /// Serves `router`; its routes are listed as `(template, method)` for limits and figures.
    pub(super) fn start(
        router: Router,
        routes: &[(&str, Method)],
        change: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        Self::start_on(Listening::open("127.0.0.1:0".parse().unwrap()).unwrap(), router, routes, change)
    }

    /// The same on a socket of the test's own.
    pub(super) fn start_on(
        listening: Listening,
        router: Router,
        routes: &[(&str, Method)],
        change: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let mut config = Config::defaults().server;
        change(&mut config);
        let metrics = Arc::new(Metrics::new());
        let routes = routes.iter().map(|(template, method)| (*template, method.clone(), Query::Read));
        let routes = Routes::new(&metrics, routes);
        let front = Front::new(&config, router, routes, Gate::default(), metrics.clone());
        let server = Server::new(front, &config, metrics.clone());
        let (address, accepting) = (listening.address().unwrap(), accept(&server, &listening));
        Self { address, server, metrics, listening, accepting }
    }

    pub(super) async fn connect(&self) -> Raw {
        Raw::connect(self.address).await
    }

    /// One request on a connection of its own.
    pub(super) async fn ask(&self, head: &str, body: &str) -> Reply {
        ask(self.address, head, body).await
    }

    /// The accept loop dies, as its actor would in a crash.
    pub(super) async fn crash_acceptor(&mut self) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
    }

    pub(super) fn restart_acceptor(&mut self) {
        self.accepting = accept(&self.server, &self.listening);
    }
}

#[expect(clippy::disallowed_methods, reason = "stands for the acceptor actor")]
fn accept(server: &Server, listening: &Listening) -> JoinHandle<()> {
    let (server, listener) = (server.clone(), listening.acceptor().unwrap());
    tokio::spawn(async move { server.accept(&listener).await })
}

pub(super) fn period(ms: u64) -> Period {
    Period(Duration::from_millis(ms))
}

pub(super) fn bytes(count: usize) -> Bytes {
    Bytes(count)
}

/// Waits until something is so.
pub(super) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} never came"));
}

/// One request on a connection of its own.
pub(super) async fn ask(address: SocketAddr, head: &str, body: &str) -> Reply {
    let mut raw = Raw::connect(address).await;
    raw.request(head, body).await;
    if head.starts_with("HEAD") { raw.head().await } else { raw.reply().await }
}

/// A client.
pub(super) struct Raw {
    pub(super) stream: TcpStream,
    read: Vec<u8>,
}

impl Raw {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// `head` is the request line and further headers, without the empty line.
    pub(super) async fn request(&mut self, head: &str, body: &str) {
        let mut lines = head.lines();
        let mut text = format!("{} HTTP/1.1\r\nhost: test\r\n", lines.next().unwrap());
        for line in lines {
            text.push_str(line.trim());
            text.push_str("\r\n");
        }
        if !body.is_empty() {
            text += "content-length: ";
            text += &body.len().to_string();
            text += "\r\n";
        }
        text.push_str("\r\n");
        text.push_str(body);
        self.send(&text).await;
    }

    /// The next answer without its body.
    async fn head(&mut self) -> Reply {
        let end = loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                break end;
            }
            assert!(self.more().await, "closed without an answer");
        };
        let head = String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
        Reply { head, body: Vec::new() }
    }

    /// The next answer.
    pub(super) async fn reply(&mut self) -> Reply {
        let mut reply = self.head().await;
        if let Some(length) = reply.header("content-length") {
            let length: usize = length.parse().unwrap();
            while self.read.len() < length {
                assert!(self.more().await, "closed within the body");
            }
            reply.body = self.read.drain(..length).collect();
        } else if reply.header("transfer-encoding").is_some() {
            self.chunks(&mut reply.body).await;
        }
        reply
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) {
        loop {
            let Some(end) = find(&self.read, b"\r\n") else {
                assert!(self.more().await, "closed within a chunk");
                continue;
            };
            let size = usize::from_str_radix(std::str::from_utf8(&self.read[..end]).unwrap(), 16).unwrap();
            while self.read.len() < end + 2 + size + 2 {
                assert!(self.more().await, "closed within a chunk");
            }
            let chunk: Vec<u8> = self.read.drain(..end + 2 + size + 2).collect();
            body.extend_from_slice(&chunk[end + 2..end + 2 + size]);
            if size == 0 {
                return;
            }
        }
    }

    /// Waits until the server closes; answers what it said before.
    pub(super) async fn closed(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&self.read).into_owned()
    }

    async fn more(&mut self) -> bool {
        match timeout(PATIENCE, self.stream.read_buf(&mut self.read))
            .await
            .expect("the server does something")
        {
            Ok(count) => count > 0,
            Err(_) => false, // reset
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The code of a problem, whose shape is checked on the way; below `/fhir` problems have one of their own.
    pub(super) fn problem(&self) -> String {
        if self.header("content-type") == Some("application/fhir+json") {
            let outcome = self.json();
            assert_eq!(outcome["resourceType"], "OperationOutcome", "{outcome}");
            return outcome["issue"][0]["details"]["text"].as_str().unwrap().to_owned();
        }
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status());
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        for member in ["type", "title", "detail", "instance"] {
            assert!(problem[member].is_string(), "{member} is missing in {problem}");
        }
        problem["code"].as_str().unwrap().to_owned()
    }
}
