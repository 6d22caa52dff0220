//! A process that is not trusted: started with nothing, fed from a stream, listened to, and killed when its time is up or
//! whoever waits for it goes away.

use std::{
    future::Future,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::{Instant, timeout, timeout_at},
};

use super::ended;
use crate::clinic::reading::{order::Order, refusal::Refusal};

/// Of what it complains, as much is kept: enough to tell why it was ended.
const COMPLAINT_BYTES: usize = 2 << 10;
/// A process that has said its last word ends at once.
const LAST_BREATH: Duration = Duration::from_secs(2);

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is to blame.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The file itself could not be had.
    #[error("the file could not be read: {0}")]
    Source(io::Error),
    /// No worker could be started, or it could not confine itself.
    #[error("no worker: {0}")]
    NoWorker(io::Error),
}

/// How workers are started.
#[derive(Debug, Clone)]
pub(super) struct Starter {
    /// This program, or one that knows `read-document`.
    pub(super) program: PathBuf,
}

impl Starter {
    /// Starts a worker with this order, feeds it, and lets `listen` read what it says until the deadline. A listener that
    /// has heard enough gives its result; one that hears nonsense gives a refusal; one whose output ends before that gives
    /// `None`, and is told why the process ended.
    pub(super) async fn run<F, T>(
        &self,
        order: &Order,
        variables: &[(&str, &str)],
        input: impl AsyncRead + Unpin + Send,
        deadline: Instant,
        listen: impl FnOnce(BufReader<ChildStdout>) -> F + Send,
    ) -> Result<T, ReadError>
    where
        F: Future<Output = Result<Option<T>, ReadError>> + Send,
    {
        let mut child = self.start(order, variables).map_err(ReadError::NoWorker)?;
        let (Some(stdin), Some(stdout), Some(mut stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(ReadError::NoWorker(io::Error::other("it has no streams")));
        };
        let mut complaint = Vec::new();
        let heard = {
            let talk = listen(BufReader::with_capacity(64 << 10, stdout));
            let work = async {
                tokio::select! {
                    // What was said counts, whatever became of the rest of the input.
                    biased;
                    heard = talk => heard,
                    error = feed(stdin, input) => Err(ReadError::Source(error)),
                    () = overhear(&mut stderr, &mut complaint) => unreachable!("it never ends"),
                }
            };
            timeout_at(deadline, work).await
        };
        match heard {
            // It has said all, or closed its output: it has ended, or is about to.
            Ok(Ok(heard)) => match (heard, end(&mut child).await) {
                (Some(result), Some(status)) if status.success() => Ok(result),
                (_, status) => {
                    let _ = timeout(LAST_BREATH, gather(&mut stderr, &mut complaint)).await;
                    Err(ended::why(status, &complaint))
                }
            },
            Ok(Err(error)) => {
                kill(&mut child).await;
                Err(error)
            }
            Err(_elapsed) => {
                kill(&mut child).await;
                Err(Refusal::TooSlow.into())
            }
        }
    }

    fn start(&self, order: &Order, variables: &[(&str, &str)]) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .arg("read-document")
            .arg(order.argument())
            // Nothing of ours but three pipes: all else that is open closes itself when a program starts.
            .env_clear()
            .envs(variables.iter().copied())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn()
    }
}

/// Comes back only if the input fails. A process that does not want to hear more has its reasons.
async fn feed(mut stdin: ChildStdin, mut input: impl AsyncRead + Unpin) -> io::Error {
    let mut part = vec![0; 64 << 10];
    loop {
        match input.read(&mut part).await {
            Err(error) => return error,
            Ok(0) => break,
            Ok(read) => {
                if stdin.write_all(&part[..read]).await.is_err() {
                    break;
                }
            }
        }
    }
    drop((stdin, part));
    std::future::pending().await
}

/// Keeps the beginning of what it complains of, and goes on listening so that it is never stopped by complaining.
async fn overhear(stderr: &mut ChildStderr, complaint: &mut Vec<u8>) {
    gather(stderr, complaint).await;
    std::future::pending::<()>().await;
}

/// To its end; may be called again when it was given up in between.
async fn gather(stderr: &mut ChildStderr, complaint: &mut Vec<u8>) {
    let mut part = [0; 512];
    while let Ok(read @ 1..) = stderr.read(&mut part).await {
        let room = COMPLAINT_BYTES.saturating_sub(complaint.len());
        complaint.extend_from_slice(&part[..read.min(room)]);
    }
}

/// Waits a moment for its end, and makes one if it does not come.
async fn end(child: &mut Child) -> Option<ExitStatus> {
    match timeout(LAST_BREATH, child.wait()).await {
        Ok(status) => status.ok(),
        Err(_elapsed) => {
            kill(child).await;
            None
        }
    }
}

async fn kill(child: &mut Child) {
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "a worker could not be killed");
    }
}
