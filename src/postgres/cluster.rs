//! A running server of ours.
//!
//! The child is `postgres` itself (no `pg_ctl`), so its end is our child's end. Stop one before starting another on
//! the same data directory: the lock is per [`Cluster`], also within one process.

use std::{
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStderr},
    time::timeout,
};
use tokio_postgres::Config;

use super::{
    Binaries, ClusterError, ClusterOptions,
    home::Home,
    init, occupants,
    readiness::{self, NotReady},
    settings::{self, DATABASE, ROLE},
};

/// How long the last helper processes and words of an ended server may take.
const AFTERMATH: Duration = Duration::from_secs(2);
/// Most of the server's first words that are kept; afterwards it writes its log file.
const FIRST_WORDS_MAX: u64 = 16 * 1024;
/// The database that always exists.
const MAINTENANCE: &str = "postgres";

/// How to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Ends sessions, rolls back, writes a checkpoint: the next start is quick.
    Fast,
    /// Ends at once; the next start recovers from the log.
    Immediate,
}

/// A PostgreSQL that runs as our child. Dropping it asks the server to stop; [`Cluster::stop`] also waits.
#[derive(Debug)]
pub struct Cluster {
    home: Home,
    pid: Pid,
    exit: Shared<BoxFuture<'static, ExitStatus>>,
    stop_timeout: Duration,
    ended_orphan: Option<u32>,
    version: (u32, u32),
}

impl Cluster {
    /// Makes the cluster if there is none, starts its server, and returns when it answers.
    pub async fn start(binaries: &Binaries, options: &ClusterOptions) -> Result<Self, ClusterError> {
        let home = Home::open(options)?;
        let ended_orphan = occupants::evict(&home, options.stop_timeout).await?;
        let binaries = init::ensure(binaries, &home).await?;
        settings::write(&home, options)?;
        let mut child = spawn(&binaries, &home)?;
        let words = child.stderr.take();
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(id as i32))
            .expect("a child that was never waited for has an id");
        let exit = async move {
            // Waiting fails only for a process that is not our child; then it is gone for us.
            child.wait().await.unwrap_or_else(|_| ExitStatus::from_raw(1 << 8))
        };
        let cluster = Self {
            home,
            pid,
            exit: exit.boxed().shared(),
            stop_timeout: options.stop_timeout,
            ended_orphan,
            version: (binaries.major, binaries.minor),
        };
        cluster.ready(options.start_timeout, words).await?;
        tracing::info!(pid = cluster.pid(), postgres = binaries.major, "PostgreSQL is ready");
        Ok(cluster)
    }

    async fn ready(&self, limit: Duration, words: Option<ChildStderr>) -> Result<(), ClusterError> {
        let mut maintenance = self.config();
        maintenance.dbname(MAINTENANCE);
        match readiness::wait(&maintenance, limit, self.wait()).await {
            Ok(()) => Ok(()),
            Err(NotReady::Database(error)) => Err(error.into()),
            Err(NotReady::Exited(status)) => {
                Err(ClusterError::Exited { status, tail: self.explain(words).await })
            }
            Err(NotReady::TimedOut(after)) => {
                self.signal(Signal::QUIT);
                let _ = timeout(self.stop_timeout, self.wait()).await;
                Err(ClusterError::TimedOut { after, tail: self.explain(words).await })
            }
        }
    }

    /// What the server said before it had a log file, and the end of that.
    async fn explain(&self, words: Option<ChildStderr>) -> String {
        let mut first = Vec::new();
        if let Some(words) = words {
            let _ = timeout(AFTERMATH, words.take(FIRST_WORDS_MAX).read_to_end(&mut first)).await;
        }
        let log = readiness::log_tail(&self.home.logs());
        [init::tail(&first), log].join("\n").trim().to_owned()
    }

    /// How to connect to the served database.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config.host_path(&self.home.socket).user(ROLE).dbname(DATABASE).application_name("sportello");
        config
    }

    /// The same as a connection string, for `psql` and for other processes of this machine.
    pub fn connection_string(&self) -> String {
        format!("host={} user={ROLE} dbname={DATABASE}", self.home.socket.display())
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_pid().unsigned_abs()
    }

    /// Major and minor version of the server.
    pub fn version(&self) -> (u32, u32) {
        self.version
    }

    /// The postmaster of an earlier, killed Sportello that had to be stopped first.
    pub fn ended_orphan(&self) -> Option<u32> {
        self.ended_orphan
    }

    /// Completes when the server has ended, for whatever reason. May be awaited by several tasks, and outlive `self`.
    pub fn wait(&self) -> impl Future<Output = ExitStatus> + Send + 'static {
        self.exit.clone()
    }

    /// Whether the server is known to have ended: somebody has awaited [`Cluster::wait`].
    pub fn has_ended(&self) -> bool {
        self.exit.peek().is_some()
    }

    /// Stops the server: as asked, then immediately, then by force. Returns when no process of it is left.
    pub async fn stop(self, mode: Mode) -> ExitStatus {
        let signals = match mode {
            Mode::Fast => &[Signal::INT, Signal::QUIT, Signal::KILL][..],
            Mode::Immediate => &[Signal::QUIT, Signal::KILL][..],
        };
        for signal in signals {
            self.signal(*signal);
            if timeout(self.stop_timeout, self.wait()).await.is_ok() {
                break;
            }
            tracing::warn!(pid = self.pid(), ?signal, "PostgreSQL does not stop in time: insisting");
        }
        let status = self.wait().await;
        occupants::leave(&self.home.cluster(), AFTERMATH).await;
        status
    }

    /// Signals the server unless it is known to have ended: then its id may be another process's.
    fn signal(&self, signal: Signal) {
        if self.exit.peek().is_none() {
            // Failing means that it is gone already.
            let _ = kill_process(self.pid, signal);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.signal(Signal::INT);
    }
}

fn spawn(binaries: &Binaries, home: &Home) -> Result<Child, ClusterError> {
    let program = binaries.program("postgres");
    let config = home.path("postgresql.conf");
    init::command(&program, home.account.as_ref())
        .arg("-D")
        .arg(home.cluster())
        .arg("-c")
        .arg({
            let mut setting = std::ffi::OsString::from("config_file=");
            setting.push(config);
            setting
        })
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(ClusterError::io("run postgres", program))
}
