//! The SMTP server of `server.py`, run by the Python that `script/setup --test` prepared.

use std::{path::Path, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::harness::{client::PATIENCE, scratch::Scratch};

/// How the server speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    /// No encryption is offered.
    Plain,
    /// Encryption begins by a command.
    StartTls,
    /// Encrypted from the first byte.
    Tls,
}

/// A running SMTP server; ends with its value.
pub(crate) struct SmtpServer {
    pub(crate) port: u16,
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl SmtpServer {
    /// Starts one; its certificate's authority is written to `authority.pem` in `directory`.
    pub(crate) async fn start(directory: &Scratch, port: u16, mode: Mode, login: Option<&str>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/test-venv/bin/python");
        assert!(python.exists(), "the tests of mails need `script/setup --test`");
        let mut process = Command::new(python)
            .arg(root.join("tests/it/mail/server.py"))
            .arg(directory.path())
            .arg(port.to_string())
            .arg(match mode {
                Mode::Plain => "none",
                Mode::StartTls => "starttls",
                Mode::Tls => "tls",
            })
            .args(login)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut server = Self { port, lines, _process: process };
        server.port = server.next().await["port"].as_u64().unwrap().try_into().unwrap();
        server
    }

    /// The next mail that arrives.
    pub(crate) async fn next(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("no mail arrived").unwrap();
        serde_json::from_str(&line.expect("the SMTP server ended")).unwrap()
    }
}
