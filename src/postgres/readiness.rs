//! Waits until the server answers, and makes the database.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Client, Config, Error, NoTls, error::SqlState};

use super::settings::DATABASE;

const BACKOFF_MIN: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_millis(250);
/// One attempt to connect; a server that is up answers in milliseconds.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Recovery after a crash is progress, and interrupting it means to begin again: it gets this many times the limit.
const RECOVERY_PATIENCE: u32 = 10;
/// Most of the log that is read to explain a failure.
const LOG_READ_MAX: u64 = 16 * 1024;

/// Why the server is not ready.
#[derive(Debug)]
pub(super) enum NotReady {
    Exited(ExitStatus),
    TimedOut(Duration),
    Database(Error),
}

/// Connects until it works; `exit` ends the wait at once.
pub(super) async fn wait(
    maintenance: &Config,
    limit: Duration,
    exit: impl Future<Output = ExitStatus>,
) -> Result<(), NotReady> {
    tokio::select! {
        status = exit => Err(NotReady::Exited(status)),
        ready = prepare(maintenance, limit) => ready,
    }
}

async fn prepare(maintenance: &Config, limit: Duration) -> Result<(), NotReady> {
    let begun = Instant::now();
    let mut pause = BACKOFF_MIN;
    loop {
        let recovering = match timeout(ATTEMPT, maintenance.connect(NoTls)).await {
            Ok(Ok((client, connection))) => {
                let made = tokio::select! {
                    made = make_database(&client) => made,
                    // The connection only ends before the statements when it breaks, and then they fail too.
                    Err(error) = connection => Err(error),
                };
                return made.map_err(NotReady::Database);
            }
            Ok(Err(error)) => error.code() == Some(&SqlState::CANNOT_CONNECT_NOW),
            Err(_elapsed) => false,
        };
        let limit = if recovering { limit * RECOVERY_PATIENCE } else { limit };
        if begun.elapsed() >= limit {
            return Err(NotReady::TimedOut(limit));
        }
        sleep(pause).await;
        pause = (pause * 2).min(BACKOFF_MAX);
    }
}

async fn make_database(client: &Client) -> Result<(), Error> {
    const FIND: &str = "-- postgres.database.find\nSELECT 1 FROM pg_database WHERE datname = $1";
    if client.query_opt(FIND, &[&DATABASE]).await?.is_some() {
        return Ok(());
    }
    match client.batch_execute(&format!("-- postgres.database.create\nCREATE DATABASE {DATABASE}")).await {
        Err(error) if error.code() == Some(&SqlState::DUPLICATE_DATABASE) => Ok(()),
        made => made,
    }
}

/// The end of the newest log file.
pub(super) fn log_tail(logs: &Path) -> String {
    let newest = fs::read_dir(logs)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .max()
        .map(|(_, path)| path);
    newest.and_then(read_end).map(|text| super::init::tail(&text)).unwrap_or_default()
}

fn read_end(path: PathBuf) -> Option<Vec<u8>> {
    // The directory belongs to the unprivileged user: a link there must not make root read other files.
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let mut file = OpenOptions::new().read(true).custom_flags(no_follow).open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_READ_MAX))).ok()?;
    let mut text = Vec::new();
    file.take(LOG_READ_MAX).read_to_end(&mut text).ok()?;
    Some(text)
}
