//! Large files over HTTP: sent by tus, fetched once, and fetched by a crowd in a process of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{Method, body::Frame};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{
    beside,
    person::{Person, full, whole},
};

/// Set in the environment of the crowd's process.
const ROLE: &str = "SPORTELLO_BENCH_FETCHERS";
/// Sent at once.
const PIECE: usize = 64 << 10;

impl Person {
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
}

/// People who fetch one file again and again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fetchers {
    pub(crate) person: Person,
    pub(crate) path: String,
    pub(crate) people: usize,
    /// Bytes per second that the line of each carries; else as fast as it goes.
    pub(crate) line: Option<u64>,
}

impl Fetchers {
    /// Begins, in a process of its own; its end says how many bytes per second all have got together.
    pub(crate) fn start(&self) -> anyhow::Result<beside::Beside> {
        beside::Beside::start(ROLE, self)
    }
}

/// Fetches if this process was started for it; returns whether it was.
pub(crate) fn take_over() -> anyhow::Result<bool> {
    beside::take_over(ROLE, |fetchers: Fetchers| async move {
        let total = Arc::new(AtomicU64::new(0));
        let mut fetching = JoinSet::new();
        for _ in 0..fetchers.people {
            let (fetchers, total) = (fetchers.clone(), total.clone());
            fetching.spawn(async move {
                loop {
                    if let Err(error) = fetchers.person.fetch_at(&fetchers.path, fetchers.line, &total).await
                    {
                        return error;
                    }
                }
            });
        }
        let began = Instant::now();
        tokio::select! {
            told = beside::told_to_end() => told?,
            Some(ended) = fetching.join_next() => return Err(ended?),
        }
        Ok(total.load(Relaxed) as f64 / began.elapsed().as_secs_f64())
    })
}
