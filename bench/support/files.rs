//! A person who sends and fetches large files over HTTP, and a crowd of people who fetch one at once, in a process of its
//! own.

use std::{
    io::{BufRead as _, Write as _},
    net::SocketAddr,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{Method, Request, Response, body::Frame, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinSet,
};

/// Set in the environment of the crowd's process.
const ROLE: &str = "SPORTELLO_BENCH_FETCHERS";
/// Sent at once.
const PIECE: usize = 64 << 10;

type Body = BoxBody<Bytes, std::io::Error>;

/// A person with an account.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    address: SocketAddr,
    token: String,
}

impl Person {
    /// Makes an account.
    pub(crate) async fn register(address: SocketAddr) -> anyhow::Result<Self> {
        let body = serde_json::json!({ "email": "bench@example.org", "password": "correct horse battery", "name": "Bench" });
        let nobody = Self { address, token: String::new() };
        let headers = [("content-type", "application/json".to_owned())];
        let answer = nobody
            .ask(Method::POST, "/api/v1/auth/register", &headers, full(body.to_string().into()))
            .await?;
        let said: serde_json::Value = serde_json::from_slice(&whole(answer, 201).await?)?;
        Ok(Self { address, token: said["access_token"].as_str().context("no token")?.to_owned() })
    }

    /// Announces a file by tus; its address.
    pub(crate) async fn announce(&self, bytes: usize) -> anyhow::Result<String> {
        let headers = [
            ("tus-resumable", "1.0.0".to_owned()),
            ("upload-length", bytes.to_string()),
            ("upload-metadata", "filename YmVuY2gucGRm".to_owned()), // bench.pdf
        ];
        let answer = self.ask(Method::POST, "/api/v1/uploads", &headers, full(Bytes::new())).await?;
        let path = answer.headers().get("location").context("no Location")?.to_str()?.to_owned();
        whole(answer, 201).await?;
        Ok(path)
    }

    /// Sends bytes from an offset; with `cut_at`, the line breaks after so many of them.
    pub(crate) async fn piece(
        &self,
        path: &str,
        offset: usize,
        content: Bytes,
        cut_at: Option<usize>,
    ) -> anyhow::Result<()> {
        let headers = [
            ("tus-resumable", "1.0.0".to_owned()),
            ("content-type", "application/offset+octet-stream".to_owned()),
            ("content-length", content.len().to_string()),
            ("upload-offset", offset.to_string()),
        ];
        let sent = content.slice(..cut_at.unwrap_or(content.len()));
        let pieces: Vec<_> =
            (0..sent.len()).step_by(PIECE).map(|at| sent.slice(at..sent.len().min(at + PIECE))).collect();
        let broken = cut_at.map(|_| Err(std::io::Error::other("the line is cut")));
        let frames = pieces.into_iter().map(Ok).chain(broken).map(|piece| piece.map(Frame::data));
        let body = StreamBody::new(stream::iter(frames)).boxed();
        let answer = self.ask(Method::PATCH, path, &headers, body).await;
        if cut_at.is_some() {
            anyhow::ensure!(answer.is_err(), "a line that was cut was answered");
            return Ok(());
        }
        whole(answer?, 204).await.map(drop)
    }

    /// How much the server has of an upload.
    pub(crate) async fn offset(&self, path: &str) -> anyhow::Result<usize> {
        let headers = [("tus-resumable", "1.0.0".to_owned())];
        let answer = self.ask(Method::HEAD, path, &headers, full(Bytes::new())).await?;
        Ok(answer.headers().get("upload-offset").context("no Upload-Offset")?.to_str()?.parse()?)
    }

    /// What an upload has become.
    pub(crate) async fn document(&self, path: &str) -> anyhow::Result<String> {
        loop {
            let answer = self.ask(Method::GET, path, &[], full(Bytes::new())).await?;
            let said: serde_json::Value = serde_json::from_slice(&whole(answer, 200).await?)?;
            if let Some(id) = said["document_id"].as_str() {
                return Ok(format!("/api/v1/documents/{id}/content"));
            }
            anyhow::ensure!(said["state"] != "refused", "the file was refused: {said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Fetches a file and throws it away; how large it was.
    pub(crate) async fn fetch(&self, path: &str) -> anyhow::Result<u64> {
        self.fetch_at(path, None, &AtomicU64::new(0)).await
    }

    async fn fetch_at(&self, path: &str, per_second: Option<u64>, total: &AtomicU64) -> anyhow::Result<u64> {
        let mut answer = self.ask(Method::GET, path, &[], full(Bytes::new())).await?;
        anyhow::ensure!(answer.status() == 200, "{path}: {}", answer.status());
        let (began, mut bytes) = (Instant::now(), 0);
        while let Some(frame) = answer.frame().await {
            let length = frame?.data_ref().map_or(0, |data| data.len() as u64);
            bytes += length;
            total.fetch_add(length, Relaxed);
            if let Some(rate) = per_second {
                let due = Duration::from_secs_f64(bytes as f64 / rate as f64);
                tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
            }
        }
        Ok(bytes)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: Body,
    ) -> anyhow::Result<Response<Incoming>> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        #[expect(clippy::disallowed_methods, reason = "ends with the connection")]
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "bench");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        Ok(sender.send_request(request.body(body)?).await?)
    }
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

async fn whole(answer: Response<Incoming>, status: u16) -> anyhow::Result<Bytes> {
    let got = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    anyhow::ensure!(got.as_u16() == status, "{got}: {}", String::from_utf8_lossy(&body));
    Ok(body)
}

/// People who fetch one file again and again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fetchers {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) path: String,
    pub(crate) people: usize,
    /// Bytes per second that the line of each carries; else as fast as it goes.
    pub(crate) line: Option<u64>,
}

/// Fetches if this process was started for it; returns whether it was.
pub(crate) fn take_over() -> anyhow::Result<bool> {
    let Ok(fetchers) = std::env::var(ROLE) else { return Ok(false) };
    let fetchers: Fetchers = serde_json::from_str(&fetchers)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(stay(fetchers))?;
    Ok(true)
}

async fn stay(fetchers: Fetchers) -> anyhow::Result<()> {
    let total = Arc::new(AtomicU64::new(0));
    let person = Person { address: fetchers.address, token: fetchers.token };
    let mut fetching = JoinSet::new();
    for _ in 0..fetchers.people {
        let (person, path, total) = (person.clone(), fetchers.path.clone(), total.clone());
        fetching.spawn(async move {
            loop {
                person.fetch_at(&path, fetchers.line, &total).await?;
            }
            #[expect(unreachable_code, reason = "says what a failure is")]
            anyhow::Ok(())
        });
    }
    let began = Instant::now();
    let told =
        tokio::task::spawn_blocking(|| std::io::stdin().lock().lines().map_while(Result::ok).for_each(drop));
    tokio::select! {
        told = told => told?,
        Some(ended) = fetching.join_next() => ended??,
    }
    let rate = total.load(Relaxed) as f64 / began.elapsed().as_secs_f64();
    #[expect(clippy::print_stdout, reason = "standard output is how they answer")]
    {
        println!("{rate}");
    }
    Ok(std::io::stdout().flush()?)
}

/// People who are fetching.
pub(crate) struct Fetching {
    process: Child,
    ending: ChildStdin,
    words: BufReader<ChildStdout>,
}

impl Fetching {
    /// Begins.
    pub(crate) fn start(
        person: &Person,
        path: &str,
        people: usize,
        line: Option<u64>,
    ) -> anyhow::Result<Self> {
        let (address, token) = (person.address, person.token.clone());
        let fetchers = Fetchers { address, token, path: path.to_owned(), people, line };
        let mut process = Command::new(std::env::current_exe()?)
            .env(ROLE, serde_json::to_string(&fetchers)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let ending = process.stdin.take().context("its input is piped")?;
        let words = BufReader::new(process.stdout.take().context("its output is piped")?);
        Ok(Self { process, ending, words })
    }

    /// Ends it; bytes per second that all have got together.
    pub(crate) async fn end(mut self) -> anyhow::Result<f64> {
        drop(self.ending);
        let mut line = String::new();
        self.words.read_line(&mut line).await?;
        self.process.wait().await?;
        line.trim().parse().context("somebody could not fetch the file")
    }
}
