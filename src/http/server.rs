//! The server: accept loop, the number of connections and how they are stopped.
//!
//! - At most `server.max_connections`; beyond it accepting pauses, and the kernel's queue waits.
//! - Every wait for a client ends (see [`super::activity`]): silent, slow in its header, slow in taking its answer, idle.
//! - HTTP/1.1, and HTTP/2 by prior knowledge, with bounded headers, streams and buffers.
//! - The socket and the connections outlive the acceptor actor: its crash refuses nobody and cuts nobody off.
//! - A stopped server stays stopped; [`Server::anew`] serves again, when the acceptor restarts with its siblings.
//! - A stop closes idle connections, lets answers under way finish, and cuts the rest at its deadline. The last stop
//!   also closes the socket, and answers who waits in its queue first.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::server::conn::{http1, http2};
use hyper_util::rt::TokioTimer;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFuture},
    task::TaskTracker,
};

use super::{
    activity::Limits,
    connection::{Driver, End, PARK_AFTER},
    front::Front,
    listening::{HANDSHAKE, Listening},
};
use crate::{config::sections, metrics::Metrics};

/// After an error of accept (out of file descriptors): a moment, not a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Headers of one request: browsers behind proxies send about 30.
const HEADERS_MAX: usize = 100;
/// The smallest buffer that hyper takes.
const BUFFER_MIN: usize = 8 * 1024;
/// Requests that one HTTP/2 connection may have open.
const H2_STREAMS_MAX: u32 = 128;
/// What one HTTP/2 stream may keep in memory of an answer that its client does not take.
const H2_SEND_BUFFER: usize = 64 * 1024;
/// An answer to a ping comes at once or not at all.
const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves connections. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Server {
    config: Arc<sections::Server>,
    driver: Arc<Driver>,
    places: Arc<Semaphore>,
    /// The accept loop.
    accepting: TaskTracker,
    connections: TaskTracker,
    stopping: Stopping,
    metrics: Arc<Metrics>,
}

impl Server {
    /// Serves what is behind `front` as `[server]` says.
    pub fn new(front: Front, config: &sections::Server, metrics: Arc<Metrics>) -> Self {
        let connections = TaskTracker::new();
        let (buffer, stopping) = ((*config.max_header_bytes).max(BUFFER_MIN), Stopping::default());
        let mut http1 = http1::Builder::new();
        // The front answers 431 beyond the limit, with a problem; hyper's own 431 has none.
        http1.max_buf_size(buffer * 2).max_headers(HEADERS_MAX).header_read_timeout(None).half_close(false);
        let mut http2 = http2::Builder::new(Executor(connections.clone()));
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(H2_STREAMS_MAX)
            .max_header_list_size(buffer as u32)
            .max_send_buf_size(H2_SEND_BUFFER)
            .keep_alive_interval(Some(*config.keep_alive / 2))
            .keep_alive_timeout(H2_PING_TIMEOUT);
        let limits = Limits { header: *config.header_deadline, keep_alive: *config.keep_alive };
        let park_after = PARK_AFTER.min(limits.keep_alive / 4);
        let (stop, figures) = (stopping.clone(), metrics.clone());
        let driver = Driver { front, http1, http2, limits, park_after, stopping: stop, metrics: figures };
        Self {
            config: Arc::new(config.clone()),
            driver: Arc::new(driver),
            places: Arc::new(Semaphore::new(config.max_connections)),
            accepting: TaskTracker::new(),
            connections,
            stopping,
            metrics,
        }
    }

    /// Serves the same as a server that was stopped.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::new(self.driver.front.clone(), &self.config, self.metrics.clone())
    }

    /// Accepts until the server is stopped or the future is dropped.
    pub async fn accept(&self, listener: &TcpListener) {
        let _accepting = self.accepting.token();
        tokio::select! {
            () = self.stopping.draining() => {}
            () = self.accept_all(listener) => {}
        }
    }

    async fn accept_all(&self, listener: &TcpListener) {
        loop {
            let Some(place) = self.place().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => self.serve(stream, peer, place),
                // The client left between the handshake and our look.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Accepts what is in the queue.
    async fn sweep(&self, listening: &Listening) {
        loop {
            let Some(place) = self.place().await else { return };
            match listening.next() {
                Ok(Some((stream, peer))) => self.serve(stream, peer, place),
                Ok(None) => return,
                Err(error) => return tracing::warn!(%error, "connections could not be accepted"),
            }
        }
    }

    /// Room for one connection; never closed.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        let _ = stream.set_nodelay(true); // answers are written whole; without it they only come later
        let open = self.metrics.http.connect();
        let (driver, timeouts) = (self.driver.clone(), self.metrics.http.timeouts.clone());
        self.connections.spawn(async move {
            if driver.serve(stream, peer.ip()).await == End::Cut {
                timeouts.inc();
            }
            drop((open, place));
        });
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Told when the server is to be stopped: streams that would never end (SSE) must end then.
    pub fn stopping(&self) -> Stopping {
        self.stopping.clone()
    }

    /// Stops accepting, closes idle connections, waits for answers under way; after `within` the rest is cut off.
    /// Returns whether nothing had to be cut off.
    ///
    /// Who waits in the queue of the socket waits for the next server, unless the socket is `closing`: then they are
    /// answered, and who comes later is refused.
    pub async fn stop(&self, within: Duration, closing: Option<&Listening>) -> bool {
        let deadline = Instant::now() + within;
        let closing = closing.filter(|listening| !listening.is_inherited());
        if let Some(listening) = closing {
            listening.ignore_newcomers();
            sleep(HANDSHAKE.min(within)).await; // meanwhile they are accepted as ever
        }
        self.stopping.drain();
        self.accepting.close();
        let _ = timeout_at(deadline, self.accepting.wait()).await; // it ends at once: it waits for nobody else
        if let Some(listening) = closing {
            if timeout_at(deadline, self.sweep(listening)).await.is_err() {
                tracing::warn!("no room to answer everybody who had connected before the stop");
            }
            listening.shut();
        }
        self.connections.close();
        let drained = timeout_at(deadline, self.connections.wait()).await.is_ok();
        if !drained {
            tracing::warn!(
                connections = self.connections.len(),
                "connections are cut off: stopping takes too long"
            );
            self.stopping.kill();
        }
        drained
    }
}

/// Whether, and how urgently, the server stops. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stopping {
    set: Arc<AtomicBool>,
    drain: CancellationToken,
    kill: CancellationToken,
}

impl Stopping {
    fn drain(&self) {
        self.set.store(true, Relaxed);
        self.drain.cancel();
    }

    fn kill(&self) {
        self.kill.cancel();
    }

    /// Whether a stop has begun. One relaxed load.
    pub fn is_stopping(&self) -> bool {
        self.set.load(Relaxed)
    }

    /// Until a stop begins.
    pub fn draining(&self) -> WaitForCancellationFuture<'_> {
        self.drain.cancelled()
    }

    pub(super) fn killed(&self) -> WaitForCancellationFuture<'_> {
        self.kill.cancelled()
    }
}

/// Runs HTTP/2 streams among the connections, so that a stop waits for them.
#[derive(Clone)]
pub(super) struct Executor(TaskTracker);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
