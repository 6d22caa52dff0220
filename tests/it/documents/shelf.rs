//! An application with people who have documents.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
};

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use data_encoding::BASE64;
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::Cast,
    pictures::form,
    until::eventually,
};

/// The owner is `cast.user`.
pub(super) struct Shelf {
    pub(super) app: TestApp,
    pub(super) cast: Cast,
}

/// Every file in a folder and below it.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A PDF that is good enough for those who do not look inside.
pub(super) fn pdf(text: &str) -> Vec<u8> {
    format!("%PDF-1.7\n{text}\nstartxref\n9\n%%EOF\n").into_bytes()
}

/// Text of so many bytes in which no two places look alike.
pub(super) fn long_text(bytes: usize) -> Bytes {
    let mut text = String::with_capacity(bytes + 16);
    let mut line = 0;
    while text.len() < bytes {
        text.extend(["riga ", &format!("{line:09}"), "\n"]);
        line += 1;
    }
    text.truncate(bytes);
    text.into()
}

impl Shelf {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut sportello::config::Config)) -> Self {
        let app = TestApp::start_with(|config| {
            config.limits.enabled = false;
            config.documents.part_bytes.0 = 1 << 20;
            change(config);
        })
        .await;
        let cast = app.a_cast().await;
        Self { app, cast }
    }

    /// Sends a file as a form.
    pub(super) async fn send(&self, client: &Client, name: &str, kind: &str, content: &[u8]) -> Answer {
        let file = format!("; filename=\"{name}\"\r\nContent-Type: {kind}");
        let (kind, body) = form(&[("file", &file, content)]);
        post(client, &kind, body).await
    }

    /// A PDF of the owner.
    pub(super) async fn a_document(&self, text: &str) -> Value {
        self.send(&self.cast.user, "atto.pdf", "application/pdf", &pdf(text)).await.expect(201).json()
    }

    /// How many files the storage has.
    pub(super) fn objects(&self) -> usize {
        files(&self.app.app.config.database.data_dir.join("files")).len()
    }

    /// Nothing is left of what was refused: no rows but the reasons, no objects, no room taken.
    pub(super) async fn is_empty(&self) {
        self.app.run_jobs().await;
        let rows: i64 = self
            .app
            .value(
                "SELECT (SELECT count(*) FROM document) + (SELECT count(*) FROM upload_part)
                + (SELECT count(*) FROM upload WHERE state <> 'refused')",
            )
            .await;
        let taken: i64 =
            self.app.value("SELECT coalesce(sum(stored + arriving), 0)::bigint FROM document_quota").await;
        assert_eq!((rows, taken, self.objects()), (0, 0, 0));
    }
}

pub(super) async fn post(client: &Client, kind: &str, body: Vec<u8>) -> Answer {
    let headers = [("content-type", kind), ("content-length", &body.len().to_string())];
    client
        .attempt_bytes(Method::POST, "/api/v1/documents", &headers, body.into())
        .await
        .expect("the server answers")
}

/// The metadata of tus.
pub(super) fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(key, value)| format!("{key} {}", BASE64.encode(value.as_bytes()))).collect();
    pairs.join(",")
}

/// Announces a file; its address is in `Location`.
pub(super) async fn announce(
    client: &Client,
    length: usize,
    pairs: &[(&str, &str)],
    more: &[(&str, &str)],
) -> Answer {
    let (length, metadata) = (length.to_string(), metadata(pairs));
    let mut headers =
        vec![("tus-resumable", "1.0.0"), ("upload-length", &*length), ("upload-metadata", &*metadata)];
    headers.extend_from_slice(more);
    client.request(Method::POST, "/api/v1/uploads", &headers, None).await
}

/// Sends a piece.
pub(super) async fn piece(
    client: &Client,
    path: &str,
    offset: usize,
    bytes: impl Into<Bytes>,
    more: &[(&str, &str)],
) -> Answer {
    let offset = offset.to_string();
    let mut headers = vec![
        ("tus-resumable", "1.0.0"),
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", &*offset),
    ];
    headers.extend_from_slice(more);
    client.attempt_bytes(Method::PATCH, path, &headers, bytes.into()).await.expect("the server answers")
}

/// Sends a piece whose line is cut when the server has told everybody of `kept` bytes, all of `bytes` being on their way.
pub(super) async fn broken_piece(client: &Client, path: &str, bytes: Bytes, kept: usize) {
    broken_piece_until(client, path, bytes, kept, async {}).await;
}

/// The same; the line is cut after `cut`.
pub(super) async fn broken_piece_until(
    client: &Client,
    path: &str,
    bytes: Bytes,
    kept: usize,
    cut: impl Future<Output = ()>,
) {
    let headers = [
        ("tus-resumable", "1.0.0"),
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", "0"),
    ];
    let (on_its_way, mut sent) = tokio::sync::oneshot::channel();
    let pieces: Vec<_> =
        bytes.chunks(64 << 10).map(Bytes::copy_from_slice).map(Ok::<_, Infallible>).collect();
    let silence = futures_util::stream::once(async {
        let _ = on_its_way.send(());
        std::future::pending().await
    });
    let body = Body::from_stream(futures_util::stream::iter(pieces).chain(silence));
    let mut sending = std::pin::pin!(client.send_body(Method::PATCH, path, &headers, body));
    let kept = async {
        (&mut sent).await.unwrap();
        eventually("parts are kept", async || offset(client, path).await >= kept).await;
    };
    tokio::select! {
        answer = &mut sending => panic!("{answer:?}"),
        () = kept => {}
    }
    cut.await;
}

/// Where an upload is, as HEAD tells.
pub(super) async fn offset(client: &Client, path: &str) -> usize {
    let head = client.request(Method::HEAD, path, &[("tus-resumable", "1.0.0")], None).await.expect(200);
    assert!(head.body.is_empty());
    assert_eq!((head.header("tus-resumable"), head.header("cache-control")), ("1.0.0", "no-store"));
    head.header("upload-offset").parse().unwrap()
}
