//! An S3 server of one test, with one bucket: `moto_server`, which `script/setup --test` installs beside Python.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use sportello::config::{
    Config,
    values::{Optional, Secret},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
};

use super::{process::free_addresses, until::eventually};

const BUCKET: &str = "files";

fn server() -> PathBuf {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-venv/bin/moto_server");
    assert!(server.exists(), "the tests of buckets need `script/setup --test`");
    server
}

/// A server; ends with its value.
pub(crate) struct TestBucket {
    address: SocketAddr,
    server: Child,
}

impl TestBucket {
    /// Returns when its bucket is there.
    pub(crate) async fn start() -> Self {
        let address = free_addresses(1)[0];
        let bucket = Self { address, server: Self::run(address) };
        bucket.listening().await;
        bucket
    }

    fn run(address: SocketAddr) -> Child {
        Command::new(server())
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn listening(&self) {
        eventually("the S3 server listens", async || TcpStream::connect(self.address).await.is_ok()).await;
        assert!(self.ask("PUT", "").await.starts_with("HTTP/1.1 200"));
    }

    /// Nobody answers at its address any more.
    pub(crate) async fn stop(&mut self) {
        self.server.kill().await.unwrap();
    }

    /// It is back, with an empty bucket.
    pub(crate) async fn start_again(&mut self) {
        self.server = Self::run(self.address);
        self.listening().await;
    }

    /// One request, as anybody sends it; the whole answer.
    pub(crate) async fn ask(&self, method: &str, rest: &str) -> String {
        let mut line = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} /{BUCKET}{rest} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.address
        );
        line.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// The keys of what is in it.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let list = self.ask("GET", "?list-type=2").await;
        let keys = list.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned());
        keys.collect()
    }

    /// How many files somebody began to write into it.
    pub(crate) async fn unfinished(&self) -> usize {
        self.ask("GET", "?uploads").await.matches("<UploadId>").count()
    }

    /// As settings of a process.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        [
            ("s3_bucket", BUCKET.to_owned()),
            ("s3_endpoint", format!("http://{}", self.address)),
            ("s3_key", "key".to_owned()),
            ("s3_secret", "secret".to_owned()),
            ("s3_prefix", "sportello".to_owned()),
            ("s3_allow_http", "true".to_owned()),
        ]
        .map(|(key, value)| (format!("storage.{key}"), value))
        .to_vec()
    }

    /// As a configuration.
    pub(crate) fn configure(&self, config: &mut Config) {
        let storage = &mut config.storage;
        let text = |text: &str| Optional(Some(text.to_owned()));
        storage.s3_bucket = text(BUCKET);
        storage.s3_endpoint = Optional(Some(format!("http://{}", self.address)));
        storage.s3_key = text("key");
        storage.s3_secret = Optional(Some(Secret::new("secret".to_owned())));
        storage.s3_prefix = text("sportello");
        storage.s3_allow_http = true;
    }
}
