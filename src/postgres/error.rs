//! What can go wrong with a managed server, in words that say what to do.
//!
//! `Display` never names a path or quotes a log: it may be shown over HTTP. [`ClusterError::detail`] does.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// Why the managed server is not running.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Another process holds the lock.
    #[error("the data directory is in use by {}: stop it first, or choose another database.data_dir", holder(*pid))]
    Busy {
        /// The holder, where it could be read.
        pid: Option<u32>,
    },
    /// We are root and the user to drop to is missing.
    #[error(
        "started as root, but the unprivileged user {name:?} for PostgreSQL does not exist: \
         `useradd --system {name}` or set database.run_as"
    )]
    NoAccount {
        /// The name looked for.
        name: String,
    },
    /// We are root and were told to stay it.
    #[error(
        "database.run_as is {name:?}, which is root: PostgreSQL refuses to run as root, name another user"
    )]
    RootAccount {
        /// The name given.
        name: String,
    },
    /// The unprivileged user cannot get to the data.
    #[error(
        "the user {name:?} cannot reach the data directory: allow it to pass with `chmod o+x` on the directories \
         above, or choose another database.data_dir"
    )]
    Unreachable {
        /// The unprivileged user.
        name: String,
        /// The directory that it cannot pass.
        blocked_at: PathBuf,
    },
    /// The data was made by another major version than any that is installed.
    #[error(
        "the data was made by PostgreSQL {made_by}, but PostgreSQL {found} is what was found: install version \
         {made_by} beside it (on Debian and Ubuntu `apt-get install postgresql-{made_by}`) or migrate with pg_upgrade"
    )]
    Version {
        /// Major version of the data.
        made_by: u32,
        /// Major version of the binaries.
        found: u32,
    },
    /// A server that outlived its Sportello does not end.
    #[error(
        "process {pid} of an earlier PostgreSQL still uses the data directory and does not end: end it by hand"
    )]
    Occupied {
        /// One of the processes.
        pid: i32,
    },
    /// `initdb` failed.
    #[error("initdb failed with {status}")]
    Initdb {
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        tail: String,
    },
    /// The server ended instead of starting.
    #[error("PostgreSQL ended with {status} while starting")]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        tail: String,
    },
    /// The server did not answer in time.
    #[error(
        "PostgreSQL did not answer within {after:?}: raise postgres.start_timeout if the machine is slow"
    )]
    TimedOut {
        /// How long we waited.
        after: Duration,
        /// The end of its log.
        tail: String,
    },
    /// The server answers, but not to this.
    #[error("PostgreSQL started, but its database could not be prepared")]
    Database(#[from] tokio_postgres::Error),
    /// The operating system refused something.
    #[error("cannot {doing}; see database.data_dir")]
    Io {
        /// What we were doing, as an infinitive.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl ClusterError {
    /// Paths and log lines for the operator; not for HTTP.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Unreachable { blocked_at, .. } => {
                Some(format!("closed directory: {}", blocked_at.display()))
            }
            Self::Io { path, .. } => Some(format!("path: {}", path.display())),
            Self::Initdb { tail, .. } | Self::Exited { tail, .. } | Self::TimedOut { tail, .. } => {
                (!tail.is_empty()).then(|| tail.clone())
            }
            _ => None,
        }
    }

    /// Turns an I/O error into one that says what failed with which file.
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("another Sportello (process {pid})"))
}
