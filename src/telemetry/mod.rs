//! Logs: text on a terminal, JSON lines elsewhere, and a bounded set of files where configured.
//!
//! Field names, the same everywhere:
//!
//! | field | what |
//! |---|---|
//! | `actor.path` | the actor concerned, for example `root/data/pool` |
//! | `cause` | why something ended |
//! | `db.statement`, `db.transaction` | the label of a statement, the name of a transaction |
//! | `db.ms`, `db.rows`, `db.queries` | what it cost |
//! | `error` | the error with its causes |
//! | `http.method`, `http.route`, `http.status`, `http.ms` | one request; the route is the template, never the path |
//! | `job.id`, `job.kind`, `job.attempt` | one attempt at a job |
//! | `migration.version`, `migration.name` | one migration |
//! | `panic.location`, `panic.thread`, `panic.backtrace` | a panic; the backtrace with `RUST_BACKTRACE=1` |
//! | `pid` | a process that we started |
//! | `request_id` | what the client was told |
//! | `user` | an account's id, never a name or an address |
//!
//! Invariants: logging never waits for a disk (a full queue drops lines and says how many) and never fills one
//! (`logs.file_bytes` × (`logs.file_keep` + 1) is the most that the files take). Secrets and bodies are never logged.

mod file;
mod lines;
mod panics;
mod rotation;

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

pub use file::FileLog;
pub use lines::KeptLines;

use crate::config::sections::Logs;

/// What ractor says on its own is not for operators; the kernel reports what matters.
const QUIET: &str = "ractor=warn";

/// Keeps the log file open; dropping it writes what is still queued.
#[derive(Debug)]
pub struct Telemetry {
    file: Option<FileLog>,
}

impl Telemetry {
    /// Lines that were dropped because the disk was too slow.
    pub fn dropped(&self) -> u64 {
        self.file.as_ref().map_or(0, FileLog::dropped)
    }
}

/// Installs the subscriber and the panic hook of this process. Keep what it returns until the end.
pub fn start(logs: &Logs) -> anyhow::Result<Telemetry> {
    let file = match &*logs.file {
        Some(path) => Some(
            FileLog::open(path, *logs.file_bytes as u64, logs.file_keep)
                .with_context(|| format!("logs.file: {} cannot be opened", path.display()))?,
        ),
        None => None,
    };
    let on_terminal = io::stderr().is_terminal();
    let json = logs.format == "json" || (logs.format == "auto" && !on_terminal);
    let mut layers = vec![output(json, on_terminal, io::stderr), KeptLines.boxed()];
    if let Some(file) = &file {
        layers.push(output(logs.format != "text", false, file.writer()));
    }
    tracing_subscriber::registry()
        .with(layers)
        .with(filter(&logs.level)?)
        .try_init()
        .context("logs are already set up")?;
    panics::log_them();
    Ok(Telemetry { file })
}

/// The configured filter; a directive for ractor in it goes before ours.
fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::builder().parse(format!("{QUIET},{level}")).context("logs.level is not a filter")
}

fn output<W>(json: bool, colours: bool, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    if json {
        fmt::layer().json().flatten_event(true).with_writer(writer).boxed()
    } else {
        fmt::layer().with_ansi(colours).with_writer(writer).boxed()
    }
}

#[cfg(test)]
mod tests;
