//! The whole application with the tests' kinds of jobs as a process of its own: it can be killed, stopped and continued,
//! and it can abort itself.
//!
//! It is this test binary, started again to run the one "test" at the end of this file, which serves until its standard
//! input ends. So a servant never outlives the test that needs it, and an orderly end is to close that input. A node
//! keeps its address, which is its name to the engine: who starts there again is the same node.

use std::{
    fs::OpenOptions,
    io::Read as _,
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use sportello::{
    app::App,
    clock::Clock,
    config::{
        Config,
        values::{Optional, Secret},
    },
    telemetry,
};
use tokio::{
    process::{Child, ChildStdin, Command},
    sync::oneshot,
};

use super::{client::PATIENCE, process::free_addresses};
use crate::jobs::deeds;

/// What a servant is told, in its environment.
const ORDER: &str = "SPORTELLO_TEST_SERVANT";
/// The name under which the test binary knows it.
const NAME: &str = "harness::servant::serves_for_other_tests";
/// A server that could not start (its database is away) is started again after this, as by a service manager.
const AGAIN: Duration = Duration::from_millis(100);

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    url: String,
    listen: SocketAddr,
    directory: PathBuf,
}

/// A place for servants, one at a time.
pub(crate) struct Node {
    order: Order,
    child: Option<Child>,
    /// Kept open until the servant is to stop: to wait for a child would close it.
    input: Option<ChildStdin>,
}

/// Places for `count` servants of one database. Their logs are in `directory`.
pub(crate) fn nodes(count: usize, url: &str, directory: &Path) -> Vec<Node> {
    let order = |listen: SocketAddr| Order {
        url: url.to_owned(),
        listen,
        directory: directory.join(listen.port().to_string()),
    };
    free_addresses(count)
        .into_iter()
        .map(|listen| Node { order: order(listen), child: None, input: None })
        .collect()
}

impl Node {
    pub(crate) fn address(&self) -> SocketAddr {
        self.order.listen
    }

    /// Starts a servant; whether it serves is seen in the tables.
    pub(crate) fn start(&mut self) {
        std::fs::create_dir_all(&self.order.directory).unwrap();
        let log = OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", NAME, "--nocapture"])
            .env(ORDER, serde_json::to_string(&self.order).unwrap());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        self.input = child.stdin.take();
        let before = self.child.replace(child);
        assert!(before.is_none(), "a node has one servant at a time");
    }

    fn log(&self) -> PathBuf {
        self.order.directory.join("log")
    }

    /// The process id of its servant.
    pub(crate) fn pid(&self) -> i32 {
        self.child.as_ref().and_then(Child::id).expect("a servant runs") as i32
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }

    /// As a power cut would.
    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// Waits until the servant has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = self.child.as_mut().expect("a servant runs").wait().await.unwrap();
        self.child = None;
        status
    }

    /// Whether it has.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some())
    }

    /// Stops the servant in order.
    pub(crate) async fn stop(&mut self) {
        self.input = None;
        let status =
            tokio::time::timeout(PATIENCE, self.ended()).await.expect("a servant stops when told to");
        assert!(status.success(), "{status:?}, signal {:?}", status.signal());
    }
}

impl Drop for Node {
    /// Whoever reads why a test failed wants to know what its servants said last.
    fn drop(&mut self) {
        const LAST_LINES: usize = 30;
        if std::thread::panicking() {
            let text = std::fs::read_to_string(self.log()).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!(
                "{}:\n{}",
                self.order.listen,
                lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
            );
        }
    }
}

impl Order {
    fn config(&self) -> Config {
        let mut config = Config::defaults();
        config.server.listen = self.listen;
        config.database.url = Optional(Some(Secret::new(self.url.clone())));
        config.database.data_dir.clone_from(&self.directory);
        // Three of them share a PostgreSQL with the default number of connections.
        (config.database.pool_size, config.database.pool_overflow) = (8, 4);
        "warn".clone_into(&mut config.logs.level);
        config
    }
}

/// Serves until `told`.
async fn serve(order: &Order, mut told: oneshot::Receiver<()>) {
    let config = Arc::new(order.config());
    let _telemetry = telemetry::start(&config.logs).unwrap();
    let mut tries = tokio::time::interval(AGAIN);
    let app = loop {
        tokio::select! {
            _ = &mut told => return,
            _ = tries.tick() => {}
        }
        match App::start_with(config.clone(), Clock::system(), deeds::kinds()).await {
            Ok(app) => break app,
            Err(error) => tracing::warn!(%error, "not yet"),
        }
    };
    let _ = told.await;
    app.stop().await;
}

/// No test: the process of a [`Node`]. Without an order there is nothing to do.
#[test]
fn serves_for_other_tests() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let order = serde_json::from_str(&order).unwrap();
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = tell.send(());
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(serve(&order, told));
}
