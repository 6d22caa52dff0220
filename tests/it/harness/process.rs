//! The real binary as a process of its own, on the database and in the directory of a test: it can be killed.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};
use sportello::{config::Config, jobs::registry::registry};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStderr, Command},
    sync::oneshot,
    task::JoinHandle,
};

use super::{app::TestApp, client::PATIENCE, database::TestDatabase, scratch::Scratch};

/// Ports below those that the system hands out: a port that was free stays free while its server is restarted.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// `sportello` with nothing of ours in its environment.
pub(crate) fn sportello() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sportello"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SPORTELLO_"))
    {
        command.env_remove(name);
    }
    command.kill_on_drop(true);
    command
}

/// What is left of an application that has gone: servers may be started on it. The database goes last.
pub(crate) struct Ground {
    pub(crate) database: TestDatabase,
    scratch: Scratch,
    address: SocketAddr,
}

impl TestApp {
    /// Stops the application and keeps its database and directory.
    pub(crate) async fn leave(self) -> Ground {
        let Self { app, database, scratch } = self;
        app.stop().await;
        Ground { database, scratch, address: free_addresses(1)[0] }
    }
}

/// Different ones, and others than the tests beside this one find.
pub(super) fn free_addresses(count: usize) -> Vec<SocketAddr> {
    /// More than a test asks for.
    const APART: usize = 8;
    let first = std::process::id() as usize * APART;
    let ports = PORTS.cycle().skip(first % PORTS.len()).take(PORTS.len());
    let free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    let found: Vec<_> = free.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).take(count).collect();
    assert_eq!(found.len(), count, "ports are free");
    found
}

impl Ground {
    /// Starts the application again, in this process.
    pub(crate) async fn start(self) -> TestApp {
        self.start_with(|_| {}).await
    }

    /// The same with a configuration of its own.
    pub(crate) async fn start_with(self, change: impl FnOnce(&mut Config)) -> TestApp {
        TestApp::start_on(self.database, self.scratch, change, registry()).await
    }

    /// Starts the server; returns when it serves. It always listens at the same address, as a server that is restarted.
    pub(crate) async fn serve(&self, settings: &[(&str, &str)]) -> Process {
        let mut command = sportello();
        for (key, value) in settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        command
            .arg("serve")
            .env("SPORTELLO_DATABASE__DATA_DIR", self.scratch.path())
            .env("SPORTELLO_SERVER__LISTEN", self.address.to_string())
            .env("SPORTELLO_DATABASE__POOL_SIZE", "8");
        if !self.database.is_managed() {
            command.env("SPORTELLO_DATABASE__URL", self.database.url());
        }
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (serving, served) = oneshot::channel();
        let said = child.stderr.take().unwrap();
        #[expect(clippy::disallowed_methods, reason = "ends with the process it listens to")]
        let complaints = tokio::spawn(listen(said, serving));
        let served = tokio::time::timeout(PATIENCE, served).await.expect("the server starts");
        assert!(served.is_ok(), "the server ended: {:?}", child.wait().await);
        Process { child, address: self.address, complaints }
    }

    /// Where its data is.
    pub(crate) fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// The names of the mails in the outbox: the message's id and what it is about.
    pub(crate) fn outbox(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.scratch.path().join("outbox/new")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// Reads the log, so that the server never waits for us; tells when it serves. Returns warnings and errors.
async fn listen(said: ChildStderr, serving: oneshot::Sender<()>) -> Vec<String> {
    let (mut lines, mut serving) = (BufReader::new(said).lines(), Some(serving));
    let mut complaints = Vec::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains("\"message\":\"serving: ")
            && let Some(serving) = serving.take()
        {
            let _ = serving.send(());
        }
        if line.contains("\"level\":\"ERROR\"") || !line.starts_with('{') {
            eprintln!("{line}"); // for whoever reads why a test failed
        }
        if !line.contains("\"level\":\"INFO\"") {
            complaints.push(line);
        }
    }
    complaints
}

/// A server that runs.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    complaints: JoinHandle<Vec<String>>,
}

impl Process {
    /// As a power cut would: nothing is flushed, nobody is told.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// As a service manager does; its exit code when it has ended.
    pub(crate) async fn terminate(self) -> i32 {
        self.terminate_and_hear().await.0
    }

    /// The same, with everything it has logged that is not merely informative.
    pub(crate) async fn terminate_and_hear(mut self) -> (i32, Vec<String>) {
        let pid = Pid::from_raw(self.child.id().expect("it was not waited for") as i32).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let ended =
            tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it stops when it is told to");
        (ended.unwrap().code().unwrap_or(-1), self.complaints.await.unwrap())
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it was not waited for")
    }

    /// The exit code, once it has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }
}
