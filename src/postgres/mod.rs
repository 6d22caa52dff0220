//! The managed PostgreSQL: a private server that Sportello installs nothing for, makes itself and owns.
//!
//! A library without actors; `actors::data::postgres` supervises what [`Cluster::start`] returns.
//!
//! Below `<data_dir>/postgres` (the *home*):
//!
//! | name | owner | what |
//! |---|---|---|
//! | `lock` | us | locked (`flock`) as long as a [`Cluster`] lives; holds our process id |
//! | `postgresql.conf`, `pg_hba.conf` | us | written at every start |
//! | `cluster/` | the server's user, 0700 | PostgreSQL's data |
//! | `socket/` | the server's user, 0700 | the only way in: whoever can enter it is trusted |
//! | `logs/` | the server's user, 0700 | one file per weekday |
//!
//! Invariants:
//! - One server per home: the lock is taken before anything else and outlives the child.
//! - A half-made cluster is never seen: `initdb` works in a directory of its own that is renamed when done.
//! - Started as root, nothing of PostgreSQL runs as root, and root writes only where that user cannot.
//! - A server that survived us (we were killed) is stopped, and gone with all its processes, before ours starts.
//! - `Display` of the errors names no path: they may reach an administrator's browser. `detail()` does, for logs.

mod account;
mod binaries;
mod cluster;
mod error;
mod home;
mod init;
mod occupants;
mod options;
mod readiness;
mod settings;

pub use binaries::{Binaries, LocateError, locate};
pub use cluster::{Cluster, Mode};
pub use error::ClusterError;
pub use home::{exists, running};
pub use options::ClusterOptions;
